"""What OpenAI looks at before it looks at fields: the key, the beta header, the content type, the size, the JSON."""

from __future__ import annotations

import json
import math
from typing import Any

from .errors import ApiError

BETA = "chatkit_beta=v1"
MAX_BODY_BYTES = 16 * 2**20


def bearer_key(authorization: str) -> str:
    """The API key of an ``Authorization`` header."""
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise ApiError(401, "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.")
    return key.strip()


def require_beta(header: str) -> None:
    """Refuse a request whose ``OpenAI-Beta`` header does not name this API; it may name others, too."""
    if BETA not in (value.strip() for value in header.split(",")):
        raise ApiError(400, f"This API needs the header 'OpenAI-Beta: {BETA}'.", code="invalid_beta")


def decoded(content_type: str, body: bytes) -> Any:
    """The JSON of a body, of which one byte more than ``MAX_BODY_BYTES`` is enough to know that it is too large."""
    if content_type != "application/json":
        message = f"Unsupported content type: '{content_type}'. This API takes 'application/json'."
        raise ApiError(400, message, code="unsupported_content_type")
    if len(body) > MAX_BODY_BYTES:
        raise ApiError(413, f"The request is larger than {MAX_BODY_BYTES} bytes.", code="request_too_large")
    try:
        return json.loads(body.decode(), parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as err:
        raise ApiError(400, "We could not parse the JSON body of your request.") from err


def _finite(number: str) -> float:
    """``number`` as a float; ``ValueError`` for ``NaN``, ``Infinity`` and ``1e999``, which JSON cannot express."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value
