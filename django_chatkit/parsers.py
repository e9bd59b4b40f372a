"""Strict JSON of bounded size, whatever the project's own DRF settings are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from rest_framework import exceptions, status
from rest_framework.parsers import BaseParser

MAX_BODY_BYTES = 64 * 1024
#: A good request has three levels. How deep Python itself goes differs from version to version.
MAX_DEPTH = 32


class BodyTooLarge(exceptions.APIException):
    """More than a request for a session ever needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is larger than 64 KB."
    default_code = "body_too_large"


class StrictJSONParser(BaseParser):
    """UTF-8 JSON without NaN, infinity, repeated names, half surrogate pairs or bottomless nesting.

    It is none of DRF's ``JSONParser``s, for which DRF would read all of the body before the limit is looked at.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The decoded body. Raises ``BodyTooLarge`` and ``ParseError``."""
        try:
            body = stream.read(MAX_BODY_BYTES + 1)
        except OSError:
            raise exceptions.ParseError("The request body broke off.") from None
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
        return _decoded(body) if body or _is_chunked(parser_context) else {}


def _is_chunked(parser_context: Mapping[str, Any] | None) -> bool:
    """Whether there is a body after all, which WSGI servers do not hand on: better refused than taken for none."""
    return parser_context is not None and "HTTP_TRANSFER_ENCODING" in parser_context["request"].META


def _decoded(body: bytes) -> Any:
    try:
        data = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
        _check_depth(data)
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise exceptions.ParseError("The request body is not valid JSON in UTF-8.") from None
    return data


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [item for value in level for item in _items(value)]
    if level:
        raise ValueError("Too deep.")


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("A name is repeated.")
    return names
