"""Titles of threads: the first words of the visitor, or what a model makes of them."""

from __future__ import annotations

import re
from typing import Any

from agents import Agent, RunConfig, Runner
from chatkit.types import UserMessageItem, UserMessageTagContent

#: Characters of the longest title.
LONGEST = 60
#: What the model is told that writes titles.
INSTRUCTIONS = (
    "Write a title for a conversation that begins with the user's message: two to six words, in the language of the "
    "message, without quotation marks and without a full stop. Do not answer the message. Write the title only."
)
#: Characters of a message that are enough to find a title for it.
ENOUGH = 2000


def words_of(item: UserMessageItem) -> str:
    """What the visitor wrote, tags as they read, in one line; without words, the names of the files."""
    parts = (f"@{part.text}" if isinstance(part, UserMessageTagContent) else part.text for part in item.content)
    text = " ".join("".join(parts).split())
    return text or ", ".join(" ".join(attachment.name.split()) for attachment in item.attachments)


def first_words(item: UserMessageItem) -> str | None:
    """The beginning of the message as a title, or ``None`` where there is nothing to read."""
    return shortened(words_of(item)) or None


def shortened(text: str) -> str:
    """At most ``LONGEST`` characters, cut between words where there are any."""
    text = " ".join(text.split())
    if len(text) <= LONGEST:
        return text
    start = text[:LONGEST]
    before, space, _rest = start.rpartition(" ")
    return (before if space else start[:-1]).rstrip(" ,;:.!?-") + "…"


async def written_by_model(agent: Agent[Any], item: UserMessageItem, config: RunConfig) -> str | None:
    """A title by the agent's own model, which is asked nothing else and is given no tools."""
    words = words_of(item)[:ENOUGH]
    if not words:
        return None
    writer = Agent[None](name="Title", instructions=INSTRUCTIONS, model=agent.model)
    result = await Runner.run(writer, words, run_config=config, max_turns=1)
    lines = str(result.final_output).strip().splitlines()
    return shortened(re.sub(r"^[\"'“”„«»#*\s]+|[\"'“”«»*.\s]+$", "", lines[0])) if lines else None
