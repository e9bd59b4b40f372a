"""``DJANGO_CHATKIT`` as tests want it, until they are over."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings as django_settings
from django.test.utils import override_settings

from ..rules import RULES

settings: Any = django_settings  # its type does not tell what is inside


class Override:
    """``DJANGO_CHATKIT`` with a key that is nobody's, no retries, no throttle, and ``values`` over all of it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        project = getattr(settings, "DJANGO_CHATKIT", {})
        named = {name: _with_fake_key(entry) for name, entry in project.get("API_KEYS", {}).items()}
        calm = {"API_KEY": fake_key(), "API_KEYS": named, "MAX_RETRIES": 0, "THROTTLE_RATE": None}
        self._settings = override_settings(DJANGO_CHATKIT={**project, **calm, **values})
        self._settings.enable()
        self._holder = settings._wrapped

    def undo(self) -> None:
        """Everything is as it was, also where settings were overridden inside, and still are: pytest-django's fixture
        ``settings`` ends after those that were asked for later. Django would then bring ours back.
        """
        if settings._wrapped is self._holder:
            self._settings.disable()
        else:
            del vars(self._holder)["DJANGO_CHATKIT"]
            vars(settings).pop("DJANGO_CHATKIT", None)


def fake_key() -> str:
    """An API key of no account."""
    return f"sk-test-{secrets.token_hex(24)}"


def check_names(values: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` for a name that is not in ``DJANGO_CHATKIT``."""
    for name in values:
        if name not in RULES:
            meant = get_close_matches(name, RULES, n=1)
            hint = f": did you mean {meant[0]!r}?" if meant else "."
            raise TypeError(f"DJANGO_CHATKIT has no setting {name!r}{hint}")


def _with_fake_key(entry: Any) -> Any:
    return {**entry, "api_key": fake_key()} if isinstance(entry, Mapping) else fake_key()
