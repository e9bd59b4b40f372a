"""Strict JSON of bounded size, whatever the project's own DRF settings are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from rest_framework import exceptions, status
from rest_framework.parsers import JSONParser

MAX_BODY_BYTES = 64 * 1024


class BodyTooLarge(exceptions.APIException):
    """More than a request for a session ever needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The request body is larger than 64 KB."
    default_code = "body_too_large"


class StrictJSONParser(JSONParser):
    """UTF-8 JSON without NaN, infinity, repeated names, half surrogate pairs or bottomless nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """The decoded body. Raises ``BodyTooLarge`` and ``ParseError``."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge
        try:
            data = json.loads(body.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unique)
            json.dumps(data, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise exceptions.ParseError("The request body is not valid JSON in UTF-8.") from None
        return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("A name is repeated.")
    return names
