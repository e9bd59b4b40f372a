"""What OpenAI takes: ``SESSION`` is all that the body of ``POST /chatkit/sessions`` may hold, ``THREADS`` the query of
``GET /chatkit/threads``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .errors import ApiError

#: Raises ``ApiError`` unless it likes the value; the second argument is the path of the field, for the message.
Rule = Callable[[Any, str], None]

KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    dict: "an object",
    list: "an array",
    type(None): "null",
}


def of_type(*types: type) -> Rule:
    """Exactly one of ``types``: ``true`` is not a number, ``5.0`` not a whole one, and ``null`` nothing at all."""

    def check(value: Any, path: str) -> None:
        if type(value) not in types:
            expected = " or ".join(KINDS[kind] for kind in types)
            where = f"'{path}'" if path else "the body"
            message = f"Invalid type for {where}: expected {expected}, but got {KINDS[type(value)]} instead."
            raise ApiError(400, message, path or None, "invalid_type")

    return check


def text(*, shortest: int = 0, longest: int | None = None) -> Rule:
    """A string of ``shortest`` to ``longest`` characters."""
    is_text = of_type(str)

    def check(value: Any, path: str) -> None:
        is_text(value, path)
        if len(value) < shortest:
            message = f"Invalid '{path}': string too short. Expected at least {shortest} characters."
            raise ApiError(400, message, path, "string_below_min_length")
        if longest is not None and len(value) > longest:
            message = f"Invalid '{path}': string too long. Expected at most {longest} characters, but got {len(value)}."
            raise ApiError(400, message, path, "string_above_max_length")

    return check


def integer(lowest: int, highest: int | None = None) -> Rule:
    """A whole number from ``lowest`` to ``highest``."""
    is_integer = of_type(int)

    def check(value: Any, path: str) -> None:
        is_integer(value, path)
        if value < lowest:
            message = f"Invalid '{path}': integer below minimum value. Expected at least {lowest}, but got {value}."
            raise ApiError(400, message, path, "integer_below_min_value")
        if highest is not None and value > highest:
            message = f"Invalid '{path}': integer above maximum value. Expected at most {highest}, but got {value}."
            raise ApiError(400, message, path, "integer_above_max_value")

    return check


def one_of(*words: str) -> Rule:
    """One of a few words."""
    is_text = of_type(str)

    def check(value: Any, path: str) -> None:
        is_text(value, path)
        if value not in words:
            message = f"Invalid value for '{path}'. Supported values are: {', '.join(map(repr, words))}."
            raise ApiError(400, message, path, "invalid_value")

    return check


def fields(rules: Mapping[str, Rule], *, required: Collection[str] = ()) -> Rule:
    """An object with these fields and no others."""
    is_object = of_type(dict)

    def check(value: Any, path: str) -> None:
        is_object(value, path)
        for name in required:
            if name not in value:
                where = _join(path, name)
                raise ApiError(400, f"Missing required parameter: '{where}'.", where, "missing_required_parameter")
        for name, item in value.items():
            where = _join(path, name)
            if name not in rules:
                raise ApiError(400, f"Unknown parameter: '{where}'.", where, "unknown_parameter")
            rules[name](item, where)

    return check


def variables(*, most: int, longest_name: int, longest_text: int) -> Rule:
    """An object of any names, with strings, booleans and numbers."""
    is_object, is_primitive, is_short = of_type(dict), of_type(str, bool, int, float), text(longest=longest_text)

    def check(value: Any, path: str) -> None:
        is_object(value, path)
        if len(value) > most:
            message = f"Invalid '{path}': too many properties. Expected at most {most}, but got {len(value)}."
            raise ApiError(400, message, path, "object_above_max_properties")
        for name, item in value.items():
            if len(name) > longest_name:
                message = f"Invalid property name in '{path}': at most {longest_name} characters, but got {len(name)}."
                raise ApiError(400, message, path, "property_name_above_max_length")
            is_primitive(item, _join(path, name))
            if isinstance(item, str):
                is_short(item, _join(path, name))

    return check


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


SWITCH = fields({"enabled": of_type(bool)})
WORKFLOW = fields(
    {
        "id": text(),
        "version": text(),
        "state_variables": variables(most=64, longest_name=64, longest_text=10_485_760),
        "tracing": SWITCH,
    },
    required=["id"],
)
FILE_UPLOAD = fields({"enabled": of_type(bool), "max_file_size": integer(1, 512), "max_files": integer(1)})
HISTORY = fields({"enabled": of_type(bool), "recent_threads": integer(1)})
SESSION = fields(
    {
        "user": text(shortest=1),
        "workflow": WORKFLOW,
        "chatkit_configuration": fields(
            {"automatic_thread_titling": SWITCH, "file_upload": FILE_UPLOAD, "history": HISTORY}
        ),
        "expires_after": fields(
            {"anchor": one_of("created_at"), "seconds": integer(1, 600)}, required=["anchor", "seconds"]
        ),
        "rate_limits": fields({"max_requests_per_1_minute": integer(1)}),
    },
    required=["user", "workflow"],
)
THREADS = fields(
    {
        "user": text(shortest=1, longest=512),
        "limit": integer(0, 100),
        "order": one_of("asc", "desc"),
        "after": text(),
        "before": text(),
    }
)
