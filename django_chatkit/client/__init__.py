"""OpenAI's ChatKit API over requests: arguments in, dataclasses out, one deadline over everything.

Failures are built where they happen and raised where no local variable, no earlier exception and so no traceback
holds the key or the answer.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Mapping
from functools import partial
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util import Timeout

from ..exceptions import (
    ChatKitConnectionError,
    ChatKitError,
    ChatKitRateLimited,
    ChatKitServerError,
    ChatKitTimeout,
)
from ..redaction import Secret
from .answers import ChatKitSession, EndedSession, Parser, ended, issued, outcome
from .gate import Passage
from .threads import ChatKitThread, DeletedThread, ThreadPage, deleted, page_of_threads, thread
from .transport import give_up_at, pool

__all__ = [
    "ChatKitClient",
    "ChatKitSession",
    "ChatKitThread",
    "DeletedThread",
    "EndedSession",
    "ThreadPage",
    "session_request",
]

BASE_URL = "https://api.openai.com/v1"
SESSIONS_PATH = "/chatkit/sessions"
MAX_WAIT = 2.0
#: Threads on a page, at most: OpenAI's limit.
MAX_THREADS = 100

#: What may be tried again where the call can be made twice without harm.
TEMPORARY: tuple[type[ChatKitError], ...] = (ChatKitRateLimited, ChatKitServerError, ChatKitConnectionError)

T = TypeVar("T")


class ChatKitClient:
    """Creates and cancels sessions, and reads and deletes threads, with one API key.

    ``timeout`` is seconds to connect and seconds to wait for the next bytes, or one number for both; ``deadline`` is
    seconds for a whole call, retries and name resolution included (but not what a SOCKS proxy does). Clients are cheap:
    those with the same key and base URL share one connection pool per process, and one gate, which refuses calls while
    OpenAI does not answer: with a ``ChatKitConnectionError`` that is not ``sent``.
    Raises ``ValueError`` for a key, organization or project that cannot be a header, and a ``timeout`` that is none.
    """

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str = BASE_URL,
        organization: str | None = None,
        project: str | None = None,
        timeout: float | tuple[float, float] = (3.05, 10),
        deadline: float = 15,
        max_retries: int = 2,
    ) -> None:
        api_key = self._api_key = Secret(api_key or "")  # before anything that may fail, and show its local variables
        self.base_url = base_url.rstrip("/")
        for name, value in (("api_key", api_key), ("organization", organization or "-"), ("project", project or "-")):
            if not re.fullmatch(r"[!-~]+", value):
                raise ValueError(f"{name} is empty or holds characters that no HTTP header may hold.")
        self.organization = organization
        self.project = project
        connect, read = timeout if isinstance(timeout, tuple | list) else (timeout, timeout)
        Timeout(connect=connect, read=read)  # raises
        self.timeout = (connect, read)
        self.deadline = deadline
        self.max_retries = max_retries

    def __repr__(self) -> str:
        return f"<ChatKitClient {self.base_url}>"

    def create_session(
        self,
        *,
        user: str,
        workflow: Mapping[str, Any],
        chatkit_configuration: Mapping[str, Any] | None = None,
        expires_after: Mapping[str, Any] | None = None,
        rate_limits: Mapping[str, Any] | None = None,
    ) -> ChatKitSession:
        """``POST /chatkit/sessions``. What is ``None``, at any depth, is left out of the request.

        Repeated only where nothing can have been created: when no connection came about, or after a 429.
        Raises a ``ChatKitError``, or ``ValueError`` or ``TypeError`` for what JSON cannot hold.
        """
        body = session_request(
            user=user,
            workflow=workflow,
            chatkit_configuration=chatkit_configuration,
            expires_after=expires_after,
            rate_limits=rate_limits,
        )
        text = json.dumps(body, allow_nan=False)
        return self._call("POST", SESSIONS_PATH, issued, text, repeatable=(ChatKitRateLimited,))

    def cancel_session(self, session_id: str) -> EndedSession:
        """``POST /chatkit/sessions/{session_id}/cancel``: its secret stops working. May be repeated at will.

        Raises a ``ChatKitError``, or ``ValueError`` for something that is no id.
        """
        return self._call("POST", f"{SESSIONS_PATH}/{_id(session_id, 'session')}/cancel", ended)

    def list_threads(self, user: str, *, after: str | None = None, limit: int = MAX_THREADS) -> ThreadPage:
        """``GET /chatkit/threads`` of one user identifier, oldest first: ``limit`` of them after the thread ``after``.

        OpenAI's key reaches the threads of every user, so compare ``thread.user`` before anything else is done.
        Raises a ``ChatKitError``, or ``ValueError`` for arguments that OpenAI would refuse.
        """
        if not 1 <= len(user) <= 512 or not 1 <= limit <= MAX_THREADS:
            raise ValueError("A user has 1 to 512 characters, and a page 1 to 100 threads.")
        query: dict[str, str | int] = {"limit": limit, "order": "asc", "user": user}
        if after is not None:
            query["after"] = _id(after, "thread")
        return self._call("GET", f"/chatkit/threads?{urlencode(query)}", page_of_threads)

    def get_thread(self, thread_id: str) -> ChatKitThread:
        """``GET /chatkit/threads/{thread_id}``, whoever's it is. Raises as ``list_threads``."""
        return self._call("GET", f"/chatkit/threads/{_id(thread_id, 'thread')}", partial(thread, thread_id))

    def delete_thread(self, thread_id: str) -> DeletedThread:
        """``DELETE /chatkit/threads/{thread_id}`` with all of its items, whoever's it is. Raises as ``list_threads``.

        What is gone already is a ``ChatKitConfigurationRejected`` with the status 404, also when it was this call's
        first attempt that deleted it.
        """
        return self._call("DELETE", f"/chatkit/threads/{_id(thread_id, 'thread')}", partial(deleted, thread_id))

    def headers(self, method: str) -> dict[str, str]:
        """What is sent with every request, but for the key."""
        headers = {"Accept": "application/json", "OpenAI-Beta": "chatkit_beta=v1"}
        if method != "GET":
            headers["Content-Type"] = "application/json"
        if self.organization:
            headers["OpenAI-Organization"] = self.organization
        if self.project:
            headers["OpenAI-Project"] = self.project
        return headers

    def _call(
        self,
        method: str,
        path: str,
        parse: Parser[T],
        body: str | None = None,
        *,
        repeatable: tuple[type[ChatKitError], ...] = TEMPORARY,
    ) -> T:
        end = time.monotonic() + self.deadline
        attempt = 0
        with pool(self._api_key, self.base_url).gate.passage(end) as passage:
            while isinstance(result := self._attempt(method, path, body, parse, passage), ChatKitError):
                unsent = isinstance(result, ChatKitConnectionError) and not result.sent
                wait = _wait(result, attempt) if unsent or isinstance(result, repeatable) else None
                if wait is None or attempt >= self.max_retries or time.monotonic() + wait >= end:
                    raise result
                time.sleep(wait)
                attempt += 1
            return result

    def _attempt(
        self, method: str, path: str, body: str | None, parse: Parser[T], passage: Passage
    ) -> T | ChatKitError:
        result = self._exchange(method, path, body, parse, passage.end)
        passage.heard(answered=not isinstance(result, ChatKitConnectionError))
        return result

    def _exchange(self, method: str, path: str, body: str | None, parse: Parser[T], end: float) -> T | ChatKitError:
        """One request. Its failure is returned, without the context it came about in, which holds the key."""
        token = give_up_at.set(end)
        try:
            with self._request(method, path, body, end) as response:
                return outcome(response, parse, self._api_key)
        except (OSError, HTTPError, HTTPException, ValueError) as err:  # ValueError: a chunk of -1 bytes, for one
            return _connection_error(err, timed_out=time.monotonic() >= end)
        except BaseException as err:  # the time limit of a task, say; only its type and text go on
            err.__context__ = None
            raise err.with_traceback(None) from None
        finally:
            give_up_at.reset(token)

    def _request(self, method: str, path: str, body: str | None, end: float) -> requests.Response:
        connect, read = self.timeout
        session = pool(self._api_key, self.base_url)
        headers = {**session.headers, **self.headers(method)}
        prepared = requests.Request(method, self.base_url + path, headers, data=body, auth=self._authorize).prepare()
        return session.send(
            prepared,
            timeout=Timeout(connect=connect, read=read, total=max(end - time.monotonic(), 0.001)),  # type: ignore[arg-type]
            allow_redirects=False,
            **session.environment,
        )

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Given as ``auth``, so that requests never looks for a password in ``.netrc``."""
        request.headers["Authorization"] = Secret(f"Bearer {self._api_key}")
        return request


def session_request(**parts: Any) -> dict[str, Any]:
    """The JSON body of ``POST /chatkit/sessions``: ``parts`` without anything unset. OpenAI refuses ``null``."""
    return _set_only(parts)


def _id(value: str, of: str) -> str:
    """An id that can stand in a path, or ``ValueError``."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise ValueError(f"{value!r} is not the id of a {of}.")
    return value


def _set_only(value: Mapping[str, Any]) -> dict[str, Any]:
    parts = ((name, _set_only(item) if isinstance(item, Mapping) else item) for name, item in value.items())
    return {name: item for name, item in parts if item is not None and (item != {} or value[name] == {})}


def _wait(error: ChatKitError, attempt: int) -> float | None:
    """Seconds until the next attempt; ``None`` if OpenAI asks for more than a web request should wait."""
    asked = getattr(error, "retry_after", None)
    wait = float(0.25 * 2**attempt * random.uniform(0.75, 1.25) if asked is None else asked)  # noqa: S311
    return wait if wait <= MAX_WAIT else None


def _connection_error(err: Exception, *, timed_out: bool) -> ChatKitConnectionError:
    reason = _reason(err)
    refused = isinstance(reason, NewConnectionError)  # which is a ConnectTimeoutError for old times' sake
    sent = not isinstance(reason, ConnectTimeoutError | NewConnectionError)
    if timed_out or (isinstance(reason, ReadTimeoutError | ConnectTimeoutError) and not refused):
        return ChatKitTimeout("OpenAI did not answer in time.", sent=sent)
    name = type(reason).__name__
    return ChatKitConnectionError(f"OpenAI could not be reached, or the connection was cut ({name}).", sent=sent)


def _reason(err: Exception) -> Exception:
    """urllib3's own error, inside that of requests, and inside the one that says it was the proxy's."""
    cause = err.args[0] if err.args else None
    cause = getattr(cause, "reason", cause)
    cause = getattr(cause, "original_error", cause)
    return cause if isinstance(cause, Exception) else err
