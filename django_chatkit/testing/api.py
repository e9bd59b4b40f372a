"""OpenAI's ChatKit API in memory: requests in, answers out. It refuses what OpenAI refuses."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import end, new_session
from .errors import ApiError
from .protocol import bearer_key, decoded, require_beta
from .rules import SESSION, THREADS

#: Unix seconds at which the first thread was made; each is a second younger than the one before.
FIRST_THREAD = 1_790_000_000


@dataclass(frozen=True)
class ReceivedRequest:
    """What OpenAI was asked. ``path`` begins after the base URL (``/chatkit/sessions``); ``headers`` has no key."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        """The body; ``None`` without one."""
        return json.loads(self.body) if self.body else None


class FakeAPI:
    """Sessions and threads, by id, oldest first. May be used by several threads at once."""

    def __init__(self) -> None:
        self.sessions: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        self.threads: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()

    def add_thread(self, user: str, title: str | None = None) -> str:
        """A thread of this user identifier, younger than the others. Returns its id."""
        thread_id = f"cthr_{secrets.token_hex(16)}"
        with self._lock:
            self.threads[thread_id] = {
                "id": thread_id,
                "object": "chatkit.thread",
                "created_at": FIRST_THREAD + len(self.threads),
                "status": {"type": "active"},
                "title": title,
                "user": user,
            }
        return thread_id

    def answer(self, request: ReceivedRequest, authorization: str) -> dict[str, Any]:
        """What OpenAI answers. Raises ``ApiError`` for what it refuses."""
        bearer_key(authorization)
        require_beta(request.headers.get("OpenAI-Beta", ""))
        with self._lock:
            return self._routed(request)

    def _routed(self, request: ReceivedRequest) -> dict[str, Any]:
        match (request.method, *request.path.split("/")[2:]):
            case ("POST", "sessions"):
                return self._create(decoded(request.headers.get("Content-Type", ""), request.body))
            case ("POST", "sessions", session_id, "cancel"):
                return self._cancel(session_id)
            case ("GET", "threads"):
                return self._page(_query(request.query))
            case ("GET", "threads", thread_id):
                return dict(self._thread(thread_id))
            case ("DELETE", "threads", thread_id):
                del self.threads[self._thread(thread_id)["id"]]
                return {"id": thread_id, "object": "chatkit.thread.deleted", "deleted": True}
        raise ApiError(404, f"Invalid URL ({request.method} {request.path})")

    def _create(self, body: Any) -> dict[str, Any]:
        SESSION(body, "")
        session = new_session(body, f"ek_test_{secrets.token_hex(32)}")
        self.sessions[session["id"]] = session
        return dict(session)

    def _cancel(self, session_id: str) -> dict[str, Any]:
        if session_id not in self.sessions:
            raise ApiError(404, f"Chatkit Session with id '{session_id}' not found.")
        self.cancelled.append(session_id)
        return end(self.sessions[session_id])

    def _thread(self, thread_id: str) -> dict[str, Any]:
        if thread_id not in self.threads:
            raise ApiError(404, f"Thread with id '{thread_id}' not found.")
        return self.threads[thread_id]

    def _page(self, query: Mapping[str, Any]) -> dict[str, Any]:
        found = [one for one in self.threads.values() if query.get("user", one["user"]) == one["user"]]
        found = found if query.get("order") == "asc" else found[::-1]
        ids = [one["id"] for one in found]
        start = ids.index(self._thread(query["after"])["id"]) + 1 if "after" in query else 0
        end = ids.index(self._thread(query["before"])["id"]) if "before" in query else len(ids)
        data = found[start:end][: query.get("limit", 20)]
        ends = (data[0]["id"], data[-1]["id"]) if data else (None, None)
        return {
            "object": "list",
            "data": data,
            "first_id": ends[0],
            "last_id": ends[1],
            "has_more": start + len(data) < end,
        }


def _query(given: Mapping[str, str]) -> dict[str, Any]:
    """The query, checked; its number is one."""
    query: dict[str, Any] = dict(given)
    if query.get("limit", "").isdecimal():
        query["limit"] = int(query["limit"])
    THREADS(query, "")
    return query
