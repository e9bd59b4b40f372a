"""``fake_chatkit``: OpenAI inside of this process, for as long as a test lasts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from django.test.utils import TestContextDecorator

from . import carrying
from .api import FakeAPI, ReceivedRequest
from .chat import Conversation
from .errors import ApiError
from .failures import Failures, answered, named
from .overriding import Override, check_names


class FakeChatKit:
    """What the app takes for OpenAI. ``fake_chatkit`` makes it.

    ``requests`` is all that OpenAI was asked, oldest first, and ``refusals`` what it said about those that it did not
    like.
    """

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self.refusals: list[str] = []
        self._api = FakeAPI()
        self._failures = Failures()

    @property
    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that were issued, oldest first, as OpenAI shows them: their ``status`` is the present one."""
        return list(self._api.sessions.values())

    @property
    def cancelled(self) -> list[str]:
        """The ids of the sessions that were cancelled, in that order."""
        return list(self._api.cancelled)

    @property
    def threads(self) -> list[dict[str, Any]]:
        """The threads at OpenAI, oldest first."""
        return list(self._api.threads.values())

    @property
    def secrets(self) -> list[str]:
        """The client secrets that were issued, for tests that look for them where they must not be."""
        return [session["client_secret"] for session in self.sessions]

    def add_thread(self, user: str, title: str | None = None) -> str:
        """A thread at OpenAI of this user identifier (``chatkit.sessions[0]["user"]``, say). Returns its id."""
        return self._api.add_thread(user, title)

    def conversation(self, workflow: Any = None, *, user: Any = None) -> Conversation:
        """Somebody's chat with a workflow that this site runs, given as a slug or a ``Workflow``; ``None`` is the
        default one. Without a user it is a visitor's. Access is not checked: that is what ``POST sessions/`` does.
        """
        return Conversation(workflow, user)

    def fail(
        self,
        name: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        times: int | None = None,
    ) -> None:
        """Let the next calls fail: so many ``times``, or until ``recover`` or the end.

        ``name`` is the code that the app's API then answers with: ``misconfigured``, ``upstream_error``,
        ``upstream_rate_limited`` (``retry_after`` seconds), ``upstream_timeout``, ``not_saved``. Or else OpenAI answers
        with ``status``, and ``code`` as its word for the error. What is limited by ``times`` comes in the order of the
        calls. Raises ``ValueError`` for an unknown name.
        """
        if (name is None) == (status is None) or (name is not None and code is not None):
            raise ValueError("Name a failure, or give the status (and code) of OpenAI's answer.")
        error = answered(status, code, retry_after) if status is not None else named(name or "", retry_after)
        self._failures.add(error, times)

    def recover(self) -> None:
        """Nothing fails any more."""
        self._failures.clear()

    def respond(self, request: ReceivedRequest, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        """Answer a request of the app, as OpenAI would or as ``fail`` says."""
        self.requests.append(request)
        try:
            if failure := self._failures.take(saving=False):
                raise failure
            return 200, {}, json.dumps(self._api.answer(request, authorization)).encode()
        except ApiError as error:
            self.refusals.append(error.message)
            return error.status, error.headers, json.dumps(error.body).encode()

    def before_saving(self) -> None:
        """Stop the record of a new session from being saved, if ``fail`` says so."""
        if failure := self._failures.take(saving=True):
            raise failure


class fake_chatkit(TestContextDecorator):  # noqa: N801 (named like Django's override_settings)
    """A context manager and decorator within which no request of this app leaves the process.

    ``settings`` are entries of ``DJANGO_CHATKIT``, over those of the project; by default there is a key that is
    nobody's, no retry and no throttle. ``with`` gives a ``FakeChatKit``. A decorated ``TestCase`` has it as
    ``self.chatkit``, a decorated function gets it as the keyword argument ``kwarg_name``, if that is given.

    It counts for the whole process, all threads of it, like ``override_settings``; of several at once, the newest one
    answers. Raises ``TypeError`` for an unknown setting.
    """

    def __init__(self, *, attr_name: str | None = "chatkit", kwarg_name: str | None = None, **settings: Any) -> None:
        check_names(settings)
        super().__init__(attr_name, kwarg_name)
        self._values = settings
        self._entered: list[tuple[FakeChatKit, Override]] = []

    def enable(self) -> FakeChatKit:
        """Begin."""
        chatkit, override = FakeChatKit(), Override(self._values)
        carrying.begin(chatkit)
        self._entered.append((chatkit, override))
        return chatkit

    def disable(self) -> None:
        """End what was begun last."""
        chatkit, override = self._entered.pop()
        try:
            override.undo()
        finally:
            carrying.finish(chatkit)

    def __enter__(self) -> FakeChatKit:  # type: ignore[override]
        return self.enable()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.disable()
