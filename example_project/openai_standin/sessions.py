"""The sessions: made from a checked request, and kept in this process's memory."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from typing import Any

LIFETIME_SECONDS = 600
REQUESTS_PER_MINUTE = 10


def new_session(body: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's answer to a request that ``rules.SESSION`` has let through, with its defaults filled in."""
    lifetime = body.get("expires_after", {}).get("seconds", LIFETIME_SECONDS)
    limit = body.get("rate_limits", {}).get("max_requests_per_1_minute", REQUESTS_PER_MINUTE)
    return {
        "id": f"cksess_{secrets.token_hex(24)}",
        "object": "chatkit.session",
        "client_secret": new_secret(body["user"]),
        "expires_at": int(time.time()) + lifetime,
        "status": "active",
        "user": body["user"],
        "workflow": _workflow(body["workflow"]),
        "chatkit_configuration": _configuration(body.get("chatkit_configuration", {})),
        "rate_limits": {"max_requests_per_1_minute": limit},
        "max_requests_per_1_minute": limit,
    }


def new_secret(user: str) -> str:
    """It says whose it is, so that the stand-in component shows one user's threads to no other one."""
    owner = hashlib.sha256(user.encode()).hexdigest()[:16]
    return f"ek_{owner}{secrets.token_hex(24)}"


def _workflow(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": given["id"],
        "version": given.get("version"),
        "state_variables": given.get("state_variables"),
        "tracing": {"enabled": True} | given.get("tracing", {}),
    }


def _configuration(given: dict[str, Any]) -> dict[str, Any]:
    defaults: dict[str, dict[str, Any]] = {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
        "history": {"enabled": True, "recent_threads": None},
    }
    return {name: default | given.get(name, {}) for name, default in defaults.items()}


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
            if owner != key:
                return None
            if session["status"] == "active":
                session["status"] = "cancelled" if session["expires_at"] > time.time() else "expired"
            return dict(session)
