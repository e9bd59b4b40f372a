"""Every setting of the ``DJANGO_CHATKIT`` dictionary, read when it is used."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from .exceptions import ChatKitNotConfigured
from .redaction import Secret

SCRIPT_URL = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"


@dataclass(frozen=True)
class Credentials:
    """What one API key is used with. ``organization`` and ``project`` become headers when set."""

    api_key: Secret
    base_url: str
    organization: str | None
    project: str | None


def environment_key() -> Secret | None:
    """The API key of the process's environment: this app's own variable first, then the SDK's."""
    key = os.environ.get("CHATKIT_OPENAI_API_KEY") or os.environ.get("OPENAI_API_KEY")
    return Secret(key) if key else None


class Settings:
    """``DJANGO_CHATKIT`` with its defaults. Nothing is cached, so ``override_settings`` works everywhere."""

    def _get(self, name: str, default: Any = None) -> Any:
        values = getattr(settings, "DJANGO_CHATKIT", {})
        if not isinstance(values, Mapping):
            raise ChatKitNotConfigured("DJANGO_CHATKIT must be a dictionary.")
        return values.get(name, default)

    def _callable(self, name: str) -> Any:
        return self._imported(name, self._get(name) or None)

    def _imported(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return import_string(value)
        except ImportError as err:
            raise ChatKitNotConfigured(f"DJANGO_CHATKIT[{name!r}]: {value!r} cannot be imported ({err}).") from err

    @property
    def API_KEY(self) -> Secret | None:
        """The default key; the environment's ``CHATKIT_OPENAI_API_KEY``, then ``OPENAI_API_KEY``, if unset."""
        key = self._get("API_KEY") or environment_key()
        return Secret(key) if key else None

    @property
    def API_KEYS(self) -> Mapping[str, Any]:
        """Further keys by name: a key, or ``{"api_key", "organization", "project", "base_url"}``."""
        keys: Mapping[str, Any] = self._get("API_KEYS", {})
        return keys

    @property
    def BASE_URL(self) -> str:
        """Root of OpenAI's API, with its version and without a slash at the end."""
        return str(self._get("BASE_URL", "https://api.openai.com/v1")).rstrip("/")

    @property
    def ORGANIZATION(self) -> str | None:
        """Sent as ``OpenAI-Organization`` with the default key."""
        return self._get("ORGANIZATION") or None

    @property
    def PROJECT(self) -> str | None:
        """Sent as ``OpenAI-Project`` with the default key."""
        return self._get("PROJECT") or None

    @property
    def TIMEOUT(self) -> tuple[float, float]:
        """Seconds to wait for a connection, and for the next bytes; one number means both."""
        timeout = self._get("TIMEOUT", (3.05, 10))
        connect, read = timeout if isinstance(timeout, tuple | list) else (timeout, timeout)
        return connect, read

    @property
    def DEADLINE(self) -> float:
        """Seconds that one call to OpenAI may take in all, retries included."""
        return float(self._get("DEADLINE", 15))

    @property
    def MAX_RETRIES(self) -> int:
        """How often a call is repeated where that cannot create a second session."""
        return int(self._get("MAX_RETRIES", 2))

    @property
    def USER_NAMESPACE(self) -> str | None:
        """Put before every user identifier, so that staging and production do not share histories."""
        return self._get("USER_NAMESPACE") or None

    @property
    def USER_IDENTIFIER(self) -> Any:
        """Callable ``(user, request=None) -> str`` of 1 to 512 characters, or ``None``: the primary key."""
        return self._callable("USER_IDENTIFIER")

    @property
    def STATE_VARIABLES(self) -> Any:
        """Callable ``(workflow, user=None, request=None) -> dict``, merged over the workflow's own, or ``None``."""
        return self._callable("STATE_VARIABLES")

    @property
    def PERMISSION_CLASSES(self) -> list[Any]:
        """DRF permission classes of every view; only a workflow's ``allow_anonymous`` relaxes them."""
        classes = self._get("PERMISSION_CLASSES", ["rest_framework.permissions.IsAuthenticated"])
        return [self._imported("PERMISSION_CLASSES", item) for item in classes]

    @property
    def THROTTLE_RATE(self) -> str | None:
        """New sessions per user, as DRF writes rates (``"10/min"``); ``None`` turns the throttle off."""
        return self._get("THROTTLE_RATE", "10/min") or None

    @property
    def REUSE_SESSIONS(self) -> bool:
        """Whether a reload gets the unexpired session again."""
        return bool(self._get("REUSE_SESSIONS", default=True))

    @property
    def CANCEL_ON_LOGOUT(self) -> bool:
        """Whether logging out cancels the sessions of that login."""
        return bool(self._get("CANCEL_ON_LOGOUT", default=True))

    @property
    def UPLOAD_QUOTA(self) -> int | None:
        """Megabytes that all files of one user in one self-hosted workflow may have; ``None``: no limit."""
        quota = self._get("UPLOAD_QUOTA", 5_120)
        return None if quota in (None, "") else int(quota)

    @property
    def DEFAULT_WORKFLOW(self) -> str | None:
        """Slug of the workflow that is meant when none is named; unset: the only active one."""
        return self._get("DEFAULT_WORKFLOW") or None

    @property
    def SCRIPT_URL(self) -> str:
        """Where the browser gets OpenAI's component from."""
        return str(self._get("SCRIPT_URL", SCRIPT_URL))

    @property
    def DOMAIN_KEY(self) -> str | None:
        """Key of this site's domain for self-hosted ChatKit; ``local-dev`` while ``DEBUG`` is on."""
        return self._get("DOMAIN_KEY") or ("local-dev" if settings.DEBUG else None)

    @property
    def AGENTS(self) -> Mapping[str, Any]:
        """Agents of self-hosted workflows: name to dotted path."""
        agents: Mapping[str, Any] = self._get("AGENTS", {})
        return agents

    def agent_path(self, name: str) -> Any:
        """The entry of ``AGENTS`` with this name, not imported yet. Raises ``ChatKitNotConfigured``."""
        if name not in self.AGENTS:
            known = ", ".join(map(repr, self.AGENTS)) or "none"
            raise ChatKitNotConfigured(f"DJANGO_CHATKIT['AGENTS'] has no agent {name!r}; it has: {known}.")
        return self.AGENTS[name]

    def agent(self, name: str) -> Any:
        """The object that ``AGENTS`` names. Raises ``ChatKitNotConfigured``."""
        return self._imported("AGENTS", self.agent_path(name))

    def credentials(self, name: str = "") -> Credentials:
        """The key named ``name`` in ``API_KEYS``, or the default one for ``""``.

        A named key inherits ``BASE_URL``, but not ``ORGANIZATION`` and ``PROJECT``: those belong to the default key.
        Raises ``ChatKitNotConfigured``.
        """
        if not name:
            if self.API_KEY is None:
                raise ChatKitNotConfigured(
                    "No OpenAI API key: set DJANGO_CHATKIT['API_KEY'] or the environment's CHATKIT_OPENAI_API_KEY."
                )
            return Credentials(self.API_KEY, self.BASE_URL, self.ORGANIZATION, self.PROJECT)
        entry = self.API_KEYS.get(name)
        entry = entry if isinstance(entry, Mapping) else {"api_key": entry}
        if not entry.get("api_key"):
            known = ", ".join(map(repr, self.API_KEYS)) or "none"
            # Not the name that was asked for: somebody may have stored a key in its place.
            raise ChatKitNotConfigured(
                f"DJANGO_CHATKIT['API_KEYS'] has no key of the workflow's name; it has: {known}."
            )
        return Credentials(
            api_key=Secret(entry["api_key"]),
            base_url=str(entry.get("base_url") or self.BASE_URL).rstrip("/"),
            organization=entry.get("organization") or None,
            project=entry.get("project") or None,
        )


conf = Settings()
