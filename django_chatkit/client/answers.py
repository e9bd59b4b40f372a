"""What OpenAI's answers become: dataclasses, or errors that hold no text of OpenAI's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias, TypeVar

import requests

from ..exceptions import (
    ChatKitConfigurationRejected,
    ChatKitError,
    ChatKitRateLimited,
    ChatKitResponseError,
    ChatKitServerError,
    ChatKitStatusError,
)
from ..redaction import Secret

MAX_ANSWER_BYTES = 16 * 2**20
MAX_TIMESTAMP = 253_402_300_799  # the last second of the year 9999

T = TypeVar("T")
Parser: TypeAlias = Callable[[dict[str, Any], str | None], T | ChatKitError]


@dataclass(frozen=True)
class ChatKitSession:
    """A session as OpenAI issued it.

    ``client_secret`` and ``expires_at`` (unix seconds) are always there; the rest is ``None`` where OpenAI's answer
    does not bring it, or brings something unusable. ``chatkit_configuration`` has OpenAI's nested shape.
    """

    client_secret: Secret
    expires_at: int
    id: str | None = None
    status: str | None = None
    user: str | None = None
    workflow_id: str | None = None
    workflow_version: str | None = None
    state_variables: dict[str, Any] | None = field(default=None, repr=False)
    tracing_enabled: bool | None = None
    chatkit_configuration: dict[str, dict[str, bool | int | None]] | None = None
    max_requests_per_1_minute: int | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class EndedSession:
    """What ``cancel`` answers: ``status`` is ``cancelled``, or ``expired`` if it was already."""

    id: str | None
    status: str | None
    request_id: str | None = None


def outcome(response: requests.Response, parse: Parser[T], api_key: Secret) -> T | ChatKitError:
    """What ``parse`` makes of the answer, or the error that it is."""
    request_id = _plain(response.headers.get("x-request-id"), r"[A-Za-z0-9_.-]{1,128}", api_key)
    content = _content(response)
    answer = _json(content)
    if not 200 <= response.status_code < 300:
        return _status_error(response, answer, request_id, api_key)
    if content is None:
        return ChatKitResponseError("OpenAI's answer is too large.", request_id=request_id)
    if not isinstance(answer, dict):
        return ChatKitResponseError("OpenAI's answer is not a JSON object.", request_id=request_id)
    return parse(answer, request_id)


def _content(response: requests.Response) -> bytes | None:
    """The whole answer, or ``None`` if it is larger than any answer should be. Nothing if it cannot be unpacked."""
    content = bytearray()
    try:
        for chunk in response.iter_content(2**16):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                return None
    except requests.exceptions.ContentDecodingError:
        return b""
    return bytes(content)


def _json(content: bytes | None) -> Any:
    try:
        return json.loads(content or b"")
    except (ValueError, RecursionError):
        return None


def _plain(value: object, pattern: str, api_key: Secret) -> str | None:
    """Text that may be logged: of the expected form, and not a place where a key or a client secret is repeated."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value) or str(api_key) in value:
        return None
    return None if re.search("(?<![A-Za-z0-9])(ek_|sk-)", value) else value


def _status_error(
    response: requests.Response, answer: Any, request_id: str | None, api_key: Secret
) -> ChatKitStatusError:
    status = response.status_code
    error = answer.get("error") if isinstance(answer, dict) else None
    words = [error.get("code"), error.get("type")] if isinstance(error, dict) else []
    code = next((word for word in (_plain(w, r"[a-z0-9_]{1,64}", api_key) for w in words) if word), None)
    kind: type[ChatKitStatusError]
    if status >= 500 or status == 408:
        kind = ChatKitServerError
    elif status == 429 and "insufficient_quota" not in words:
        kind = ChatKitRateLimited
    else:
        kind = ChatKitConfigurationRejected
    message = f"OpenAI answered {status}" + (f" ({code})." if code else ".")
    retry_after = _retry_after(response.headers)
    return kind(message, status_code=status, code=code, request_id=request_id, retry_after=retry_after)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that OpenAI asks to wait: ``retry-after-ms``, or ``Retry-After`` as a number or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
            return float(value) * unit
    return _until(headers.get("retry-after", ""))


def _until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return max(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() - time.time(), 0.0)


def issued(answer: dict[str, Any], request_id: str | None) -> ChatKitSession | ChatKitError:
    """The answer to ``create``: strict about what a page cannot do without, tolerant about the rest."""
    secret, expires_at = answer.get("client_secret"), _timestamp(answer.get("expires_at"))
    if not isinstance(secret, str) or not secret or not secret.isprintable() or expires_at is None:
        return ChatKitResponseError("OpenAI's answer lacks client_secret or expires_at.", request_id=request_id)
    workflow = _object(answer.get("workflow"))
    rate_limits = _object(answer.get("rate_limits"))
    return ChatKitSession(
        client_secret=Secret(secret),
        expires_at=expires_at,
        id=_text(answer.get("id"), r"[A-Za-z0-9_-]{1,255}"),
        status=_text(answer.get("status"), "active|expired|cancelled"),
        user=_text(answer.get("user"), ".{1,512}"),
        workflow_id=_text(workflow.get("id"), ".{1,255}"),
        workflow_version=_text(workflow.get("version"), ".{1,255}"),
        state_variables=_object(workflow.get("state_variables")) or None,
        tracing_enabled=_flag(_object(workflow.get("tracing")).get("enabled")),
        chatkit_configuration=_configuration(answer.get("chatkit_configuration")),
        max_requests_per_1_minute=_count(rate_limits.get("max_requests_per_1_minute"))
        or _count(answer.get("max_requests_per_1_minute")),
        request_id=request_id,
    )


def ended(answer: dict[str, Any], request_id: str | None) -> EndedSession:
    """The answer to ``cancel``, whose secret may be empty and is not read."""
    return EndedSession(
        id=_text(answer.get("id"), r"[A-Za-z0-9_-]{1,255}"),
        status=_text(answer.get("status"), "active|expired|cancelled"),
        request_id=request_id,
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 < value < 2**31 else None


def _text(value: object, pattern: str) -> str | None:
    """Text that every database can store, or ``None``."""
    return value if isinstance(value, str) and value.isprintable() and re.fullmatch(pattern, value) else None


def _timestamp(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TIMESTAMP:
        return None
    return int(value)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


_CONFIGURATION: dict[str, dict[str, Callable[[object], bool | int | None]]] = {
    "automatic_thread_titling": {"enabled": _flag},
    "file_upload": {"enabled": _flag, "max_file_size": _count, "max_files": _count},
    "history": {"enabled": _flag, "recent_threads": _count},
}


def _configuration(value: object) -> dict[str, dict[str, bool | int | None]] | None:
    """The sections and fields that OpenAI's answer brings; ``None`` is OpenAI's "no limit"."""
    if not isinstance(value, dict):
        return None
    resolved = {name: _section(value.get(name), fields) for name, fields in _CONFIGURATION.items()}
    return {name: section for name, section in resolved.items() if section}


def _section(
    value: object, fields: Mapping[str, Callable[[object], bool | int | None]]
) -> dict[str, bool | int | None]:
    given = _object(value)
    return {
        name: given[name]
        for name, checked in fields.items()
        if name in given and (given[name] is None or checked(given[name]) is not None)
    }
