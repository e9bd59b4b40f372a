"""Sessions as OpenAI answers them."""

from __future__ import annotations

import secrets
import time
from typing import Any

LIFETIME_SECONDS = 600
REQUESTS_PER_MINUTE = 10


def new_session(body: dict[str, Any], client_secret: str) -> dict[str, Any]:
    """The answer to a request that ``rules.SESSION`` has let through, with OpenAI's defaults filled in."""
    lifetime = body.get("expires_after", {}).get("seconds", LIFETIME_SECONDS)
    limit = body.get("rate_limits", {}).get("max_requests_per_1_minute", REQUESTS_PER_MINUTE)
    return {
        "id": f"cksess_{secrets.token_hex(24)}",
        "object": "chatkit.session",
        "client_secret": client_secret,
        "expires_at": int(time.time()) + lifetime,
        "status": "active",
        "user": body["user"],
        "workflow": _workflow(body["workflow"]),
        "chatkit_configuration": _configuration(body.get("chatkit_configuration", {})),
        "rate_limits": {"max_requests_per_1_minute": limit},
        "max_requests_per_1_minute": limit,
    }


def end(session: dict[str, Any]) -> dict[str, Any]:
    """Cancel ``session``, unless it has ended already: the answer to that, without the secret."""
    if session["status"] == "active":
        session["status"] = "cancelled" if session["expires_at"] > time.time() else "expired"
    return session | {"client_secret": ""}


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
