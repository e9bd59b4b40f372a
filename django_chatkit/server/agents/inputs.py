"""A thread as the model reads it: messages, files, tags and what the visitor does not see."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable, Mapping, Sequence

from agents import TResponseInputItem
from chatkit.agents import ThreadItemConverter
from chatkit.types import Attachment, HiddenContextItem, ThreadItem, UserMessageItem, UserMessageTagContent
from django.db import router
from openai.types.responses import (
    ResponseInputContentParam,
    ResponseInputFileParam,
    ResponseInputImageParam,
    ResponseInputTextParam,
)

from ...models import ChatAttachment
from ..context import ChatKitContext
from ..database import in_database
from ..files import in_storage, opened

logger = logging.getLogger("django_chatkit")

#: What OpenAI's models can see.
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
#: What is text, though its type does not begin with "text/".
TEXTS = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})


class AgentInputs(ThreadItemConverter):
    """Turns a thread's items into the input of an agent's run. Made for one run.

    Images and PDFs are sent along as they are, texts as text, and of everything else the model learns the name. To
    treat something in another way, override the method of the SDK's ``ThreadItemConverter`` that is about it.
    """

    #: Bytes of the files that go into one run, all together; the newest are taken first.
    MAX_BYTES = 20 * 1024 * 1024
    #: Characters of one text: a model's context is small beside a file, and paid for again with every message.
    MAX_TEXT = 100_000

    def __init__(self, context: ChatKitContext) -> None:
        self.context = context
        self._files: dict[str, bytes] = {}

    async def to_agent_input(self, thread_items: Sequence[ThreadItem] | ThreadItem) -> list[TResponseInputItem]:
        """Reads the files, then converts as the SDK does."""
        items = thread_items if isinstance(thread_items, Sequence) else [thread_items]
        newest_first = [
            attachment.id
            for item in reversed(items)
            if isinstance(item, UserMessageItem)
            for attachment in item.attachments
            if is_readable(attachment)
        ]
        if newest_first:
            files = await in_database(stored_files, newest_first, self.context)
            self._files = await in_storage(read_files, files, self.MAX_BYTES)
        return await super().to_agent_input(items)

    async def attachment_to_message_content(self, attachment: Attachment) -> ResponseInputContentParam:
        content = self._files.get(attachment.id)
        if content is None:
            return _text(
                f"[The user attached the file {attachment.name!r} ({attachment.mime_type}). Not readable here.]"
            )
        if attachment.mime_type in IMAGES:
            return ResponseInputImageParam(type="input_image", detail="auto", image_url=_url(attachment, content))
        if attachment.mime_type == "application/pdf":
            return ResponseInputFileParam(
                type="input_file", filename=attachment.name, file_data=_url(attachment, content)
            )
        text = content.decode(errors="replace")
        beginning = "" if len(text) <= self.MAX_TEXT else ", of which this is the beginning"
        return _text(f"[The user attached the file {attachment.name!r}{beginning}:]\n{text[: self.MAX_TEXT]}")

    async def tag_to_message_content(self, tag: UserMessageTagContent) -> ResponseInputContentParam:
        """The tag with its data. Both come from the browser: check them in a tool before you rely on them."""
        return _text(f"@{tag.text} (id {tag.id}): {json.dumps(tag.data, ensure_ascii=False)}")

    async def hidden_context_to_input(
        self, item: HiddenContextItem
    ) -> TResponseInputItem | list[TResponseInputItem] | None:
        """As the SDK does; what is not text goes as JSON."""
        if not isinstance(item.content, str):
            text = json.dumps(item.content, ensure_ascii=False, default=str)
            item = item.model_copy(update={"content": text})
        return await super().hidden_context_to_input(item)


def is_readable(attachment: Attachment) -> bool:
    """Whether a model can do something with the bytes of this file."""
    kind = attachment.mime_type
    return kind in IMAGES or kind in TEXTS or kind == "application/pdf" or kind.startswith("text/")


def stored_files(ids: Iterable[str], context: ChatKitContext) -> dict[str, tuple[str, int]]:
    """Of these attachments, those of which the file has arrived: its name in the storage, and its size in bytes."""
    wanted = list(dict.fromkeys(ids))
    rows = ChatAttachment.objects.using(router.db_for_write(ChatAttachment)).filter(  # a replica may not have it yet
        user_key=context.user_key, workflow=context.workflow, attachment_id__in=wanted
    )
    known = {row.attachment_id: (row.file, row.size) for row in rows.exclude(file="")}
    return {attachment_id: known[attachment_id] for attachment_id in wanted if attachment_id in known}


def read_files(files: Mapping[str, tuple[str, int]], limit: int) -> dict[str, bytes]:
    """The contents by id, first come, first served, as long as they have ``limit`` bytes together."""
    contents: dict[str, bytes] = {}
    for attachment_id, (name, size) in files.items():
        content = _read(name, size) if size <= limit else None
        if content is not None:
            contents[attachment_id] = content
            limit -= size
    return contents


def _read(name: str, size: int) -> bytes | None:
    try:
        with opened(name) as file:
            content: bytes = file.read(size)
    except Exception as error:  # storages raise what they like, and what they say may hold keys
        logger.warning("A file of a conversation cannot be read (%s).", type(error).__name__)
        return None
    return content


def _text(text: str) -> ResponseInputTextParam:
    return ResponseInputTextParam(type="input_text", text=text)


def _url(attachment: Attachment, content: bytes) -> str:
    return f"data:{attachment.mime_type};base64,{base64.b64encode(content).decode()}"
