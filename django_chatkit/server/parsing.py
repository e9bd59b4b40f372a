"""Requests of the component, read from JSON: strictly, and with a reason where that fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chatkit.types import ChatKitReq
from django.utils.translation import gettext_lazy as _
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from .refusals import Refusal

#: Levels of nesting that a request leaves to what the store wraps around parts of it; 200 are too many to read again.
SPARE_LEVELS = 100
#: Characters of a reason, and how many problems it names.
MAX_REASON = 200
MAX_PROBLEMS = 3
#: Values in a request. A million wrong ones fit into one, and pydantic remembers each: seconds, and a gigabyte.
MAX_VALUES = 50_000
#: Problems that are looked at.
MAX_ERRORS = 100

#: Made once: that takes longer than most requests.
REQUEST: TypeAdapter[ChatKitReq] = TypeAdapter(ChatKitReq)


def parsed(body: bytes) -> ChatKitReq:
    """The request. Raises ``Refusal`` for what is not JSON in UTF-8, no request of ChatKit's, or too much of one."""
    try:
        read = from_json(b"[" * SPARE_LEVELS + body + b"]" * SPARE_LEVELS, allow_inf_nan=False, cache_strings=False)
        for _level in range(SPARE_LEVELS):
            (read,) = read  # no value, or two of them, are no JSON without the brackets around
    except ValueError:
        raise Refusal(400, "parse_error", _("The request is not valid JSON in UTF-8, or nested too deeply.")) from None
    if _has_too_many_values(read):
        raise Refusal(413, "too_large", _("The request is too large."))
    try:
        return REQUEST.validate_json(body)
    except ValidationError as error:
        raise Refusal(400, "invalid", " ".join(_reasons(error))) from None


def _has_too_many_values(read: Any) -> bool:
    rest, left = [read], MAX_VALUES
    while rest:
        value = rest.pop()
        if isinstance(value, list | dict):
            left -= len(value)
            if left < 0:
                return True
            rest.extend(value.values() if isinstance(value, dict) else value)
    return False


def _reasons(error: ValidationError) -> Iterator[str]:
    """What is wrong, and where. Never what was sent: it may be long, or private and logged by somebody."""
    if error.error_count() > MAX_ERRORS:
        yield f"request: more than {MAX_ERRORS} problems."
        return
    for problem in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_PROBLEMS]:
        where = ".".join(str(step) for step in problem["loc"]) or "request"
        yield f"{where[:MAX_REASON]}: {_words(problem)}"


def _words(problem: Any) -> str:
    if problem["type"] == "union_tag_invalid":  # pydantic's own words repeat the tag
        return "no type that ChatKit knows."
    return f"{problem['msg'][:MAX_REASON]}."
