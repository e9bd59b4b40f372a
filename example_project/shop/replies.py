"""What the local model understands and what it says: a few patterns and sentences, in English and in German."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from .assistant import DELIVERY_COST
from .texts import guess_language, say

#: The first pattern that is found decides. Each has English and German words.
INTENTS = {
    "cancel": r"\bcancel|\bstorn",
    "orders": r"\b(all|every|list|which|show)\b.*\borders\b|\bmy orders\b|\b(alle|meine|welche)\b.*\bbestellungen\b",
    "parcel": r"parcel|package|deliver|track|\border|shipp|arrive|km-\d|paket|bestell|liefer|sendung",
    "caffeine": r"caffein|decaf|koffein|evening|sleep|abend|schlaf",
    "brewing": r"bitter|brew|steep|infus|temperature|how (hot|long)|zieh|aufgu|aufgie|zubereit|wie (heiß|lange)",
    "teas": r"\bteas?\b|price|cost|sell|recommend|\btees?\b|preis|kostet|empfehl",
    "thanks": r"thank|\bdank",
    "about": r"\bhello|\bhi\b|\bhey\b|who are you|what (can|do) you|\bhelp|hallo|wer bist|was kannst|hilfe",
}
KINDS = {"green": r"green|grün", "oolong": r"oolong", "black": r"black|schwarz", "herbal": r"herb|kräuter"}


@dataclass(frozen=True)
class Call:
    """A tool that the model wants to use."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What the visitor wrote; their files by name, with the text of those that are text; and what the shop knows."""

    text: str
    files: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)

    @property
    def language(self) -> str:
        return self.told.get("language", "en")

    @property
    def intent(self) -> str:
        """The name of the first pattern that fits, or ``unknown``."""
        return first_match(INTENTS, self.text) or "unknown"

    @property
    def order_number(self) -> str | None:
        found = re.search(r"km-\d+", self.text, re.IGNORECASE)
        return found[0].upper() if found else None


def first_match(patterns: Mapping[str, str], text: str) -> str | None:
    """The name of the first pattern found in ``text``."""
    return next((name for name, pattern in patterns.items() if re.search(pattern, text, re.IGNORECASE)), None)


def first_step(question: Question) -> Call | str:
    """Use a tool, or say something right away."""
    if question.files:
        return about_files(question)
    match question.intent:
        case "cancel":
            return Call("ask_to_cancel", {"number": question.order_number})
        case "orders":
            return Call("list_orders")
        case "parcel":
            return Call("show_order", {"number": question.order_number})
        case "caffeine":
            return Call("find_teas", {"kind": None, "caffeine_free": True})
        case "brewing" | "teas":
            return Call("find_teas", {"kind": first_match(KINDS, question.text), "caffeine_free": False})
        case intent:
            return say(question.language, intent)


def answer(question: Question, tool: str, result: Any) -> str:
    """What to say once ``tool`` has answered."""
    if isinstance(result, dict) and "problem" in result:
        return say(question.language, result["problem"], number=result["number"])
    if tool == "find_teas":
        return about_teas(question, result)
    if tool == "list_orders":
        return say(question.language, "orders" if result else "no_orders", count=len(result))
    if tool == "ask_to_cancel":
        return say(question.language, "confirm", number=result["number"])
    return about_order(question, result)


def about_files(question: Question) -> str:
    """What has arrived, and how the first file begins if it is text."""
    sentences = [say(question.language, "file", files=", ".join(question.files))]
    lines = [line.strip() for text in question.files.values() for line in text.splitlines() if line.strip()]
    if lines:
        return " ".join([*sentences, say(question.language, "file_text", beginning=lines[0][:80], count=len(lines))])
    return " ".join([*sentences, say(question.language, "file_unread")])


def about_order(question: Question, order: Mapping[str, Any]) -> str:
    """Where the parcel is, and what the tea club has to do with it."""
    values = {
        "number": order["number"],
        "tracking": order["tracking_number"],
        "ordered": date.fromisoformat(order["ordered_on"]),
        "expected": date.fromisoformat(order["expected_on"]),
    }
    sentences = [say(question.language, f"order_{order['status']}", **values)]
    if question.told.get("plan") == "club":
        sentences.append(say(question.language, "club_delivery"))
    return " ".join(sentences)


def about_teas(question: Question, teas: list[dict[str, Any]]) -> str:
    """Those that the visitor named, or else all that were found."""
    named = [tea for tea in teas if any(word in question.text.lower() for word in tea["name"].lower().split())]
    lines = "\n".join(tea_line(question, **tea) for tea in named or teas)
    if question.intent == "brewing":
        return say(question.language, "bitter" if "bitter" in question.text.lower() else "brewing") + "\n\n" + lines
    beginning = say(question.language, "caffeine_free" if question.intent == "caffeine" else "teas")
    return "\n\n".join((beginning, lines, shipping(question)))


def tea_line(question: Question, *, name: str, price: str, celsius: int, minutes: int, **_: Any) -> str:
    """How to brew one tea, or what it costs."""
    if question.intent == "brewing":
        return say(question.language, "tea_brewing", name=name, celsius=celsius, minutes=minutes)
    return say(question.language, "tea_price", name=name, price=Decimal(price))


def shipping(question: Question) -> str:
    """What delivery costs this visitor."""
    if question.told.get("plan") == "club":
        return say(question.language, "club_shipping")
    return say(question.language, "shipping", cost=DELIVERY_COST)


def title(message: str) -> str:
    """A few words for the list of threads, in the language of the visitor's first message."""
    is_file = re.fullmatch(r"[^?!]*\.\w{2,5}", message)
    return say(guess_language(message), "title_file" if is_file else f"title_{Question(message).intent}")
