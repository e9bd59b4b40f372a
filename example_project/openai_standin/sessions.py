"""The sessions, kept in this process's memory, and their secrets."""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import Any

from django_chatkit.testing.answers import end


def new_secret(user: str) -> str:
    """It says whose it is, so that the stand-in component shows one user's threads to no other one."""
    owner = hashlib.sha256(user.encode()).hexdigest()[:16]
    return f"ek_{owner}{secrets.token_hex(24)}"


class SessionStore:
    """The newest ``limit`` sessions, each with the key that made it. Every process has its own."""

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[str, dict[str, Any]]] = {}

    def add(self, key: str, session: dict[str, Any]) -> None:
        """Keep ``session`` without its secret, and forget the oldest one if there are too many."""
        with self._lock:
            self._sessions[session["id"]] = (key, session | {"client_secret": ""})
            if len(self._sessions) > self._limit:
                del self._sessions[next(iter(self._sessions))]

    def cancel(self, key: str, session_id: str) -> dict[str, Any] | None:
        """The session, cancelled unless it had already ended; ``None`` if this key has no such session."""
        with self._lock:
            owner, session = self._sessions.get(session_id, (None, {}))
            return end(session) if owner == key else None
