"""The one error that OpenAI's API has, in its format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class ApiError(Exception):
    """Ends a request with ``status`` and an error body. ``param`` is the path of the field it is about, ``retry_after``
    the seconds that OpenAI asks to wait.
    """

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    type: str = "invalid_request_error"
    retry_after: float | None = None

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        """What OpenAI answers."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}

    @property
    def headers(self) -> dict[str, str]:
        """What OpenAI's answer says besides."""
        return {} if self.retry_after is None else {"retry-after": f"{self.retry_after:g}"}
