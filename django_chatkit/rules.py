"""What each setting of ``DJANGO_CHATKIT`` may be: a table that the system checks go by."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import urlsplit

#: OpenAI's identifiers have at most 512 characters: this leaves room for any primary key.
MAX_NAMESPACE = 256


@dataclass(frozen=True)
class Rule:
    """What a value must be: as a test, in words, and by example. ``optional`` ones may be ``None`` or ``""``."""

    valid: Callable[[Any], bool]
    expected: str
    example: str
    optional: bool = False

    def admits(self, value: object) -> bool:
        """Whether ``value`` may stand in the settings."""
        return (self.optional and value in (None, "")) or self.valid(value)


def _text(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_seconds(value: object) -> bool:
    # No socket and no lock can wait for longer.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= threading.TIMEOUT_MAX


def _is_timeout(value: object) -> bool:
    pair = isinstance(value, tuple | list) and len(value) == 2 and all(_is_seconds(item) for item in value)
    return pair or _is_seconds(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_url(value: object) -> TypeGuard[str]:
    """An http or https URL with a host, and without spaces."""
    if not _text("[!-~]+")(value):
        return False
    try:
        parts = urlsplit(str(value))
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_api_root(value: object) -> bool:
    # With a user in it, requests would send that user instead of the key.
    return is_url(value) and not re.search("[@?#]", str(value))


def has_names(value: object) -> TypeGuard[Mapping[str, Any]]:
    """A dictionary whose keys are names that ``Workflow.api_key`` could hold."""
    return isinstance(value, Mapping) and all(isinstance(name, str) and 1 <= len(name) <= 100 for name in value)


HEADER = Rule(_text("[!-~]+"), "text of printable ASCII without spaces", "os.environ['…'].strip()", optional=True)
CALLABLE = Rule(
    lambda value: isinstance(value, str) or callable(value), "a callable", "'app.module.name'", optional=True
)
SWITCH = Rule(lambda value: isinstance(value, bool), "True or False", "True")
API_ROOT = "an http or https URL without user, query and fragment", "'https://api.openai.com/v1'"

RULES: Mapping[str, Rule] = {
    "API_KEY": HEADER,
    "API_KEYS": Rule(has_names, "a dictionary with names of 1 to 100 characters", "{'second': 'sk-…'}"),
    "BASE_URL": Rule(_is_api_root, *API_ROOT),
    "ORGANIZATION": HEADER,
    "PROJECT": HEADER,
    "TIMEOUT": Rule(_is_timeout, "seconds above 0, as a number or as a pair (connect, read)", "(3.05, 10)"),
    "DEADLINE": Rule(_is_seconds, "a number of seconds above 0", "15"),
    "MAX_RETRIES": Rule(_is_count, "a whole number, 0 or more", "2"),
    "USER_NAMESPACE": Rule(
        lambda value: isinstance(value, str) and len(value) <= MAX_NAMESPACE and value.isprintable(),
        f"printable text of at most {MAX_NAMESPACE} characters",
        "'staging'",
        optional=True,
    ),
    "USER_IDENTIFIER": CALLABLE,
    "STATE_VARIABLES": CALLABLE,
    "PERMISSION_CLASSES": Rule(
        lambda value: isinstance(value, list | tuple),
        "a list of permission classes",
        "['rest_framework.permissions.IsAuthenticated']",
    ),
    "THROTTLE_RATE": Rule(
        _text("0*[1-9][0-9]*/[smhd][a-z]*"), "a rate above 0 as DRF writes it, or None", "'10/min'", optional=True
    ),
    "REUSE_SESSIONS": SWITCH,
    "CANCEL_ON_LOGOUT": SWITCH,
    "UPLOAD_QUOTA": Rule(_is_count, "a whole number of megabytes, or None", "5120", optional=True),
    "DEFAULT_WORKFLOW": Rule(_text("[-a-zA-Z0-9_]{1,50}"), "the slug of a workflow", "'support'", optional=True),
    "SCRIPT_URL": Rule(
        lambda value: is_url(value) or _text("/[!-~]*")(value), "a URL or an absolute path", "'/static/chatkit.js'"
    ),
    "DOMAIN_KEY": HEADER,
    "AGENTS": Rule(has_names, "a dictionary with names of 1 to 100 characters", "{'support': 'app.agents.support'}"),
}

API_KEY_RULES: Mapping[str, Rule] = {
    "api_key": HEADER,
    "organization": HEADER,
    "project": HEADER,
    "base_url": Rule(_is_api_root, *API_ROOT, optional=True),
}
