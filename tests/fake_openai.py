"""OpenAI's ChatKit API for tests: a real HTTP server on a real socket, which can be told to misbehave.

Left alone it answers as OpenAI does and refuses what OpenAI refuses. ``server.script(...)`` lines up behaviours for the
next requests, one each (``behaviours`` has them); after those it does what ``server.otherwise`` says, which is what
OpenAI does. Nothing waits unless told to.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import secrets
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, BinaryIO, Self
from urllib.parse import parse_qs, urlsplit

from .behaviours import Behaviour, Exchange, Unread, failure, normal

#: Keys that the server takes begin like this.
KEY_PREFIX = "sk-tests-"
BETA = "chatkit_beta=v1"
#: What exists, as regular expressions.
ROUTES = ("POST /v1/chatkit/sessions.*", "GET /v1/chatkit/threads(/[^/]+)?", "DELETE /v1/chatkit/threads/[^/]+")


@dataclass(frozen=True)
class Received:
    """One request, as it came over the wire. ``connection`` counts from 1."""

    method: str
    path: str
    headers: Message
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FakeOpenAI:
    """The server. Use it as a context manager.

    ``requests`` is all it received; ``sessions`` all it created, by id, as it answered them; ``cancelled`` the ids of
    those it cancelled; ``threads`` what it keeps of users' threads, by id; ``connections`` how many were opened.
    ``otherwise`` is what it does with requests for which nothing is scripted.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.sessions: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        self.threads: dict[str, dict[str, Any]] = {}
        self.connections = 0
        self.otherwise: Behaviour = normal
        self.stopping = threading.Event()
        self._tls = tls
        self._script: deque[Behaviour] = deque()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """What belongs into ``BASE_URL``."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def secrets(self) -> list[str]:
        """The client secrets of all sessions, oldest first."""
        return [session["client_secret"] for session in self.sessions.values()]

    def add_thread(self, user: str, title: str | None = None) -> str:
        """A thread of this user, newer than the others. Returns its id."""
        thread_id = f"cthr_{secrets.token_hex(16)}"
        self.threads[thread_id] = {
            "id": thread_id,
            "object": "chatkit.thread",
            "created_at": 1_790_000_000 + len(self.threads),
            "status": {"type": "active"},
            "title": title,
            "user": user,
        }
        return thread_id

    def script(self, *behaviours: Behaviour) -> None:
        """What to do with the next requests, one behaviour each."""
        self._script.extend(behaviours)

    def wait_until_closed(self) -> None:
        """Until every connection that a behaviour ends is closed."""
        end = time.monotonic() + 30
        while self._open:
            assert time.monotonic() < end, "Some connections stay open."
            time.sleep(0.005)

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError), socket.socket() as knock:
            knock.connect(("127.0.0.1", self.port))
        self._threads[0].join()
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, name="fake OpenAI", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.stopping.is_set():
                connection.close()
                return
            self.connections += 1
            self._open.add(connection)
            self._spawn(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._secured(connection) as secured, secured.makefile("rb") as stream:
                self._open.add(secured)
                while self._exchange(secured, stream, number):
                    pass
                self._open.discard(secured)
        self._open.discard(connection)

    def _secured(self, connection: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def _exchange(self, connection: socket.socket, stream: BinaryIO, number: int) -> bool | None:
        if not self._tls:
            connection.recv(1, socket.MSG_PEEK)  # something has come, and is still unread
        if isinstance(self._script[0] if self._script else self.otherwise, Unread):
            return self._next()(Exchange(self, connection, Received("", "", Message(), b"", number)))
        request = _read(stream, number)
        if request is None:
            return False
        with self._lock:
            self.requests.append(request)
            behaviour = self._next()
        return behaviour(Exchange(self, connection, request))

    def _next(self) -> Behaviour:
        return self._script.popleft() if self._script else self.otherwise

    def respond(self, request: Received) -> tuple[int, dict[str, Any]]:
        """Status and JSON of what OpenAI would answer; sessions are created and cancelled here."""
        refused = _refusal(request)
        if refused:
            return refused
        kind, *parts = urlsplit(request.path).path.removeprefix("/v1/chatkit/").split("/")
        with self._lock:
            if kind == "threads":
                return self._threads_request(request, *parts)
            if not parts:
                return self._create(request)
            if len(parts) == 2 and parts[0] in self.sessions and parts[1] == "cancel":
                return self._cancel(parts[0])
        return 404, failure("Not found.", "not_found")

    def _threads_request(self, request: Received, thread_id: str = "") -> tuple[int, dict[str, Any]]:
        if not thread_id:
            return self._list_threads({name: value for name, [value] in parse_qs(urlsplit(request.path).query).items()})
        if thread_id not in self.threads:
            return 404, failure("Thread not found.", "not_found")
        if request.method == "DELETE":
            del self.threads[thread_id]
            return 200, {"id": thread_id, "object": "chatkit.thread.deleted", "deleted": True}
        return 200, self.threads[thread_id]

    def _list_threads(self, query: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        limit, order, user = query.get("limit", "20"), query.get("order", "desc"), query.get("user")
        if not limit.isdecimal() or int(limit) > 100 or order not in ("asc", "desc") or len(user or "") > 512:
            return 400, failure("Invalid query parameter.", "invalid_value")
        if query.get("after", "") not in {"", *self.threads}:
            return 404, failure("No thread found with that id.", "not_found")
        found = [one for one in self.threads.values() if user in (None, one["user"])]
        found = found if order == "asc" else found[::-1]
        ids = [one["id"] for one in found]
        start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
        data = found[start : start + int(limit)]
        ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
        return 200, {"object": "list", "data": data, "has_more": start + len(data) < len(found), **ends}

    def _create(self, request: Received) -> tuple[int, dict[str, Any]]:
        wanted = _json_object(request)
        if not wanted.get("user") or not wanted.get("workflow", {}).get("id") or None in _values(wanted):
            return 400, failure("Missing or null parameter.", "invalid_value")
        if not wanted["workflow"]["id"].startswith("wf_"):
            return 404, failure("Workflow not found.", "not_found")
        session = full_answer(wanted)
        self.sessions[session["id"]] = session
        return 200, session

    def _cancel(self, session_id: str) -> tuple[int, dict[str, Any]]:
        self.cancelled.append(session_id)
        return 200, {**self.sessions[session_id], "status": "cancelled", "client_secret": ""}


def full_answer(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request, of the shape that OpenAI's schema describes, with OpenAI's defaults."""
    workflow, asked = wanted["workflow"], wanted.get("chatkit_configuration", {})
    uploads = {"enabled": False, "max_file_size": 512, "max_files": 10, **asked.get("file_upload", {})}
    limit = wanted.get("rate_limits", {}).get("max_requests_per_1_minute", 10)
    return {
        "id": f"cksess_{secrets.token_hex(16)}",
        "object": "chatkit.session",
        "client_secret": f"ek_{secrets.token_hex(32)}",
        "expires_at": int(time.time()) + wanted.get("expires_after", {}).get("seconds", 600),
        "status": "active",
        "user": wanted["user"],
        "workflow": {
            "id": workflow["id"],
            "version": workflow.get("version"),
            "state_variables": workflow.get("state_variables") or None,
            "tracing": {"enabled": True, **workflow.get("tracing", {})},
        },
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": True, **asked.get("automatic_thread_titling", {})},
            "file_upload": uploads,
            "history": {"enabled": True, "recent_threads": None, **asked.get("history", {})},
        },
        "rate_limits": {"max_requests_per_1_minute": limit},
        "max_requests_per_1_minute": limit,
    }


def _refusal(request: Received) -> tuple[int, dict[str, Any]] | None:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not key.startswith(KEY_PREFIX):
        return 401, failure(f"Incorrect API key provided: {key[:8]}***{key[-4:]}.", "invalid_api_key")
    if request.headers.get("OpenAI-Beta") != BETA:
        return 400, failure("You must provide the OpenAI-Beta header.", "invalid_beta")
    if not any(re.fullmatch(route, f"{request.method} {urlsplit(request.path).path}") for route in ROUTES):
        return 404, failure(f"Invalid URL ({request.method} {request.path})", "unknown_url")
    return None


def _json_object(request: Received) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        if isinstance(request.json, dict):
            return request.json
    return {}


def _values(value: Any) -> Iterator[Any]:
    yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _values(child)


def _read(stream: BinaryIO, connection: int) -> Received | None:
    """The next request, or ``None`` if the client has closed the connection."""
    line = stream.readline().decode("latin-1").split()
    if len(line) != 3:
        return None
    headers = http.client.parse_headers(stream)
    body = stream.read(int(headers.get("Content-Length") or 0))
    return Received(line[0], line[1], headers, body, connection)
