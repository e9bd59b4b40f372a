"""The one error of this app, in OpenAI's format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class ApiError(Exception):
    """Ends a request with ``status`` and an error body. ``param`` is the path of the field it is about."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    type: str = "invalid_request_error"

    @property
    def body(self) -> dict[str, dict[str, str | None]]:
        """What OpenAI answers."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}
