"""What can go wrong, as a tree::

    ChatKitError
    ├── ChatKitConnectionError               OpenAI could not be reached, or the connection was cut
    │   └── ChatKitTimeout                   ... or it took longer than ``TIMEOUT`` or ``DEADLINE`` allow
    ├── ChatKitResponseError                 the answer is not what the API promises
    ├── ChatKitStatusError                   status_code, code, request_id, retry_after
    │   ├── ChatKitConfigurationRejected     3xx, most 4xx and an exhausted quota: an operator must act
    │   ├── ChatKitRateLimited               any other 429
    │   └── ChatKitServerError               5xx and 408
    └── SessionNotSaved                      OpenAI issued a session, the database would not record it
    ChatKitNotConfigured                     an ``ImproperlyConfigured``: outside the tree on purpose, so that
                                             ``except ChatKitError`` never hides a mistake in the settings

No message holds text that OpenAI sent, but for the plain word of its error code: its 401 repeats part of the API key.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured


class ChatKitError(Exception):
    """Base of everything that can fail while a session is issued, cancelled or recorded.

    ``request_id`` is OpenAI's name for the call (its ``x-request-id`` header), which their support asks for.
    """

    def __init__(self, message: str = "", *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles and copies as it is: task queues and process pools send errors home, keyword arguments and all."""
        return _made_again, (type(self), self.args), vars(self)


def _made_again(kind: type[ChatKitError], args: tuple[Any, ...]) -> ChatKitError:
    return kind.__new__(kind, *args)


class ChatKitConnectionError(ChatKitError):
    """No connection to OpenAI, or one that was cut before the answer was complete.

    ``sent`` is ``False`` if no connection came about, or none was tried because OpenAI is not answering at the moment,
    so that it cannot have done anything.
    """

    def __init__(self, message: str = "", *, request_id: str | None = None, sent: bool = True) -> None:
        super().__init__(message, request_id=request_id)
        self.sent = sent


class ChatKitTimeout(ChatKitConnectionError):
    """OpenAI took longer than the ``TIMEOUT`` or ``DEADLINE`` setting allows."""


class ChatKitResponseError(ChatKitError):
    """The answer is not JSON, is too large, or lacks ``client_secret`` or ``expires_at``."""


class ChatKitStatusError(ChatKitError):
    """OpenAI answered with an error status.

    ``status_code`` is the HTTP status, ``code`` OpenAI's own word for the error (``"insufficient_quota"``) if it
    gave a plain one, ``retry_after`` the seconds it asks to wait, if it did.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, request_id=request_id)
        self.status_code = status_code
        self.code = code
        self.retry_after = retry_after


class ChatKitConfigurationRejected(ChatKitStatusError):
    """OpenAI refuses the key, the workflow or its configuration: trying again will not help."""


class ChatKitRateLimited(ChatKitStatusError):
    """OpenAI asks this organization or project to slow down."""


class ChatKitServerError(ChatKitStatusError):
    """OpenAI failed."""


class SessionNotSaved(ChatKitError):
    """OpenAI issued a session, but its record could not be saved, so nobody gets its secret."""


class ChatKitNotConfigured(ImproperlyConfigured):
    """A setting is missing or wrong: the message says which and what to write."""
