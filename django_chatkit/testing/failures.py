"""What can be made to go wrong, by the codes that this app's API answers with."""

from __future__ import annotations

import threading
from difflib import get_close_matches

import requests
from django.db import DatabaseError
from urllib3.exceptions import ReadTimeoutError

from .errors import ApiError

#: OpenAI's answer for each of these codes; ``upstream_timeout`` and ``not_saved`` are no answers.
ANSWERS: dict[str, tuple[int, str, str, str]] = {
    "misconfigured": (401, "Incorrect API key provided: sk-test-***.", "invalid_api_key", "invalid_request_error"),
    "upstream_error": (500, "The server had an error while processing your request.", "server_error", "server_error"),
    "upstream_rate_limited": (429, "Rate limit reached.", "rate_limit_exceeded", "requests"),
}
NAMES = (*ANSWERS, "upstream_timeout", "not_saved")


def named(name: str, retry_after: float | None = None) -> Exception:
    """What makes the API answer with the code ``name``. Raises ``ValueError``, with the name that was meant."""
    if name not in NAMES:
        meant = get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {meant[0]!r}?" if meant else f"there are: {', '.join(NAMES)}."
        raise ValueError(f"There is no failure {name!r}: {hint}")
    if retry_after is not None and name != "upstream_rate_limited":
        raise ValueError(f"retry_after goes with 'upstream_rate_limited' or a status, not with {name!r}.")
    if name == "upstream_timeout":
        return requests.ReadTimeout(ReadTimeoutError(None, "", "Read timed out."))  # type: ignore[arg-type]
    if name == "not_saved":
        return DatabaseError("The record of a session cannot be saved: a test has asked for that.")
    status, message, code, kind = ANSWERS[name]
    return ApiError(status, message, code=code, type=kind, retry_after=retry_after)


def answered(status: int, code: str | None = None, retry_after: float | None = None) -> ApiError:
    """An error that OpenAI answers with. Raises ``ValueError`` for a status that is none."""
    if not 300 <= status <= 599:
        raise ValueError(f"{status} is not the status of a failure: those are 300 to 599.")
    message = f"OpenAI answers {status} because a test has asked for that."
    return ApiError(status, message, code=code, type="test", retry_after=retry_after)


class Failures:
    """What goes wrong next, in order; the last one may stay for good. Several threads may ask at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[tuple[Exception, int | None]] = []

    def add(self, error: Exception, times: int | None) -> None:
        """``times`` more, after what is planned already; ``None``: from then on, in place of what was to stay."""
        if times is not None and times < 1:
            raise ValueError("times is at least 1, or None.")
        with self._lock:
            ending = [planned for planned in self._planned if planned[1] is not None]
            self._planned = [*ending, (error, times)]

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._planned = []

    def take(self, *, saving: bool) -> Exception | None:
        """What goes wrong now: when a record is saved, or else when OpenAI is asked."""
        with self._lock:
            if not self._planned or isinstance(self._planned[0][0], DatabaseError) != saving:
                return None
            error, times = self._planned[0]
            if times is not None:
                self._planned[:1] = [(error, times - 1)] if times > 1 else []
            return error
