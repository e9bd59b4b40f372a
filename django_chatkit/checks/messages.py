"""What the checks share: how a message is made, and the settings as they stand, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.utils.module_loading import import_string

from ..conf import environment_key
from ..rules import has_names

TAG = "django_chatkit"
INSTALL = "pip install 'django-openai-chatkit[server]'"
#: No message lists more workflows than this.
MAX_LISTED = 10


def error(number: int, message: str, hint: str) -> CheckMessage:
    """``django_chatkit.E`` and the number."""
    return checks.Error(message, hint=hint, id=f"django_chatkit.E{number:03}")


def warning(number: int, message: str, hint: str) -> CheckMessage:
    """``django_chatkit.W`` and the number."""
    return checks.Warning(message, hint=hint, id=f"django_chatkit.W{number:03}")


def values() -> Mapping[Any, Any]:
    """``DJANGO_CHATKIT``, or nothing where E001 has been reported."""
    given = getattr(settings, "DJANGO_CHATKIT", {})
    return given if isinstance(given, Mapping) else {}


def agents() -> Mapping[str, Any]:
    """``AGENTS``, or nothing where E003 has been reported."""
    given = values().get("AGENTS")
    return given if has_names(given) else {}


def entries(given: Mapping[Any, Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """``API_KEYS``, each entry in its long form."""
    keys = given.get("API_KEYS")
    for name, entry in keys.items() if has_names(keys) else ():
        yield name, entry if isinstance(entry, Mapping) else {"api_key": entry}


def key(name: str) -> Any:
    """The key that ``conf.credentials(name)`` would use, if there is one."""
    if not name:
        return values().get("API_KEY") or environment_key()
    return dict(entries(values())).get(name, {}).get("api_key")


def imported(path: object) -> Any:
    """What a dotted path leads to, or the exception that stopped it; anything else as it is."""
    try:
        return import_string(path) if isinstance(path, str) else path
    except Exception as err:  # importing runs other people's code
        return err


def is_throttled() -> bool:
    """Whether new sessions are counted."""
    return bool(values().get("THROTTLE_RATE", True))


def listed(slugs: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(slugs) - MAX_LISTED
    return ", ".join(slugs[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
