"""System checks: what is wrong with the settings, with the project around them and with the workflows.

====  ========================================================================
E001  ``DJANGO_CHATKIT`` is not a dictionary
E002  an unknown setting, or an unknown field of an ``API_KEYS`` entry
E003  a value of the wrong type or out of range (never shown: it may be a key)
E004  a dotted path that cannot be imported
E005  a dotted path or an object that cannot be used there
E006  ``rest_framework`` is not in ``INSTALLED_APPS``
E007  no session middleware, though callers are logged in by session
E008  no authentication middleware, though callers are logged in by session
W001  no API key
W002  an API key would travel unencrypted
W003  the throttle counts per process, or not at all
W004  deployment: nobody says how many proxies to trust
W005  database: hosted workflows outlive Agent Builder
W006  database: workflows whose API key the settings do not have
====  ========================================================================
"""

from __future__ import annotations

import datetime
import difflib
import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import checks
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Tags, register
from django.db import DatabaseError, router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import OperandHolder, SingleOperandHolder
from rest_framework.settings import api_settings

from .conf import environment_key
from .models import Workflow
from .rules import API_KEY_RULES, CALLABLE, HEADER, RULES, Rule, has_names, is_url

TAG = "django_chatkit"
#: The day OpenAI switches Agent Builder off.
SHUTDOWN = datetime.date(2026, 11, 30)
#: No message lists more workflows than this.
MAX_LISTED = 10


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Whether every value of ``DJANGO_CHATKIT`` can be used."""
    values = getattr(settings, "DJANGO_CHATKIT", {})
    if not isinstance(values, Mapping):
        return [_error(1, "DJANGO_CHATKIT must be a dictionary.", "DJANGO_CHATKIT = {'API_KEY': …} in your settings.")]
    return [
        *_rule_errors("DJANGO_CHATKIT", values, RULES),
        *_key_messages(values),
        *_reference_errors(values),
        *_unencrypted(values),
    ]


@register(TAG)
def check_project(**kwargs: Any) -> Iterator[CheckMessage]:
    """Whether the project has the apps, the middleware and the cache that the views need."""
    if not apps.is_installed("rest_framework"):
        yield _error(6, "Django REST framework is not installed as an app.", "Add 'rest_framework' to INSTALLED_APPS.")
    if any(_is_subclass(item, SessionAuthentication) for item in api_settings.DEFAULT_AUTHENTICATION_CLASSES):
        yield from _middleware_errors()
    backend = _imported(settings.CACHES.get("default", {}).get("BACKEND"))
    if not settings.DEBUG and _is_throttled() and _is_subclass(backend, (LocMemCache, DummyCache)):
        yield _warning(
            3,
            "THROTTLE_RATE is counted in the default cache, which no other process can see.",
            "Use a cache that all processes share, such as Redis or Memcached, or set THROTTLE_RATE to None.",
        )


@register(TAG, deploy=True)
def check_deployment(**kwargs: Any) -> Iterator[CheckMessage]:
    """Whether visitors behind a proxy can be told apart."""
    if _is_throttled() and api_settings.NUM_PROXIES is None:
        yield _warning(
            4,
            "Anonymous visitors are throttled by REMOTE_ADDR: behind a proxy they would all share one budget.",
            "Set REST_FRAMEWORK['NUM_PROXIES'] to the number of proxies in front of Django, 0 for none.",
        )


@register(Tags.database)
def check_workflows(databases: Sequence[str] | None = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Whether the active workflows have a key and a future. Silent before the first migration."""
    for alias in databases or ():
        workflows = _active_workflows(alias)
        if workflows:
            yield _shutdown_warning([slug for slug, _ in workflows])
        if keyless := [slug for slug, name in workflows if not _key(name)]:
            yield _warning(
                6,
                f"Active workflows whose API key is not in the settings: {_listed(keyless)}.",
                "Set DJANGO_CHATKIT['API_KEY'], or give DJANGO_CHATKIT['API_KEYS'] the entry that the workflow names.",
            )


def _error(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Error(message, hint=hint, id=f"django_chatkit.E{number:03}")


def _warning(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Warning(message, hint=hint, id=f"django_chatkit.W{number:03}")


def _where(*names: object) -> str:
    return "DJANGO_CHATKIT" + "".join(f"[{name!r}]" for name in names)


def _rule_errors(where: str, values: Mapping[Any, Any], rules: Mapping[str, Rule]) -> Iterator[CheckMessage]:
    for name, value in values.items():
        rule = rules.get(name)
        if rule is None:
            yield _error(2, f"{where} has the unknown setting {name!r}.", _nearest(str(name), rules))
        elif not rule.admits(value):
            yield _error(3, f"{where}[{name!r}] must be {rule.expected}.", f"For example {rule.example}.")


def _nearest(name: str, known: Mapping[str, Rule]) -> str:
    upper = {item.upper(): item for item in known}
    near = difflib.get_close_matches(name.upper(), upper, n=1, cutoff=0.5)
    return f"Did you mean {upper[near[0]]!r}?" if near else f"Known are {', '.join(known)}."


def _values() -> Mapping[Any, Any]:
    """``DJANGO_CHATKIT``, or nothing where E001 has been reported."""
    values = getattr(settings, "DJANGO_CHATKIT", {})
    return values if isinstance(values, Mapping) else {}


def _entries(values: Mapping[Any, Any]) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """``API_KEYS``, each entry in its long form."""
    keys = values.get("API_KEYS")
    for name, entry in keys.items() if has_names(keys) else ():
        yield name, entry if isinstance(entry, Mapping) else {"api_key": entry}


def _key(name: str) -> Any:
    """The key that ``conf.credentials(name)`` would use, if there is one."""
    if not name:
        return _values().get("API_KEY") or environment_key()
    return dict(_entries(_values())).get(name, {}).get("api_key")


def _key_messages(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    """A missing key is a warning: ``migrate`` and ``collectstatic`` run where there is none."""
    if not _key("") and not values.get("API_KEYS"):
        hint = "Set DJANGO_CHATKIT['API_KEY'] or the environment variable CHATKIT_OPENAI_API_KEY."
        yield _warning(1, "There is no OpenAI API key, so no session can be issued.", hint)
    if not values.get("API_KEY") and not HEADER.admits(environment_key()):
        yield _error(3, f"The API key in the environment must be {HEADER.expected}.", "Look for a space or line end.")
    for name, entry in _entries(values):
        yield from _rule_errors(_where("API_KEYS", name), entry, API_KEY_RULES)
        if not entry.get("api_key"):
            yield _warning(1, f"{_where('API_KEYS', name)} has no API key.", "Set it, or remove the entry.")


def _reference_errors(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for where, value, usable, expected in _references(values):
        found = _imported(value)
        if isinstance(found, Exception):
            yield _error(4, f"{where}: {value!r} cannot be imported ({found}).", "Give the full dotted path of a name.")
        elif not usable(found):
            yield _error(5, f"{where} is not {expected}.", f"Give the dotted path of {expected}.")


def _references(values: Mapping[Any, Any]) -> Iterator[tuple[str, Any, Callable[[Any], bool], str]]:
    for name in ("USER_IDENTIFIER", "STATE_VARIABLES"):
        if values.get(name) and CALLABLE.admits(values[name]):
            yield _where(name), values[name], callable, "a callable"
    classes = values.get("PERMISSION_CLASSES")
    for number, item in enumerate(classes if isinstance(classes, list | tuple) else ()):
        yield _where("PERMISSION_CLASSES", number), item, _is_permission, "a permission class of Django REST framework"
    agents = values.get("AGENTS")
    for name, path in agents.items() if has_names(agents) else ():
        yield _where("AGENTS", name), path, lambda found: found is not None, "an agent"


def _imported(path: object) -> Any:
    """What a dotted path leads to, or the exception that stopped it; anything else as it is."""
    try:
        return import_string(path) if isinstance(path, str) else path
    except Exception as err:  # importing runs other people's code
        return err


def _is_permission(found: object) -> bool:
    combined = isinstance(found, OperandHolder | SingleOperandHolder)
    return combined or (isinstance(found, type) and hasattr(found, "has_permission"))


def _is_subclass(found: object, bases: type | tuple[type, ...]) -> bool:
    return isinstance(found, type) and issubclass(found, bases)


def _unencrypted(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    urls = {_where("BASE_URL"): values.get("BASE_URL")}
    urls |= {_where("API_KEYS", name, "base_url"): entry.get("base_url") for name, entry in _entries(values)}
    for where, url in urls.items():
        if is_url(url) and urlsplit(url).scheme == "http" and not _is_loopback(urlsplit(url).hostname or ""):
            yield _warning(2, f"{where} sends the API key unencrypted.", "Use https, or a host on this machine.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _middleware_errors() -> Iterator[CheckMessage]:
    found = [_imported(path) for path in settings.MIDDLEWARE]
    for number, middleware in ((7, SessionMiddleware), (8, AuthenticationMiddleware)):
        if not any(_is_subclass(item, middleware) for item in found):
            path = f"{middleware.__module__}.{middleware.__qualname__}"
            yield _error(number, f"Without {path!r} nobody is logged in.", "Add it to MIDDLEWARE.")


def _is_throttled() -> bool:
    return bool(_values().get("THROTTLE_RATE", True))


def _active_workflows(alias: str) -> list[tuple[str, str]]:
    """Slug and key name of each. The savepoint keeps an open transaction usable when there is no table yet."""
    if not router.allow_migrate_model(alias, Workflow):
        return []
    workflows = Workflow.objects.using(alias).filter(is_active=True).order_by("slug")
    try:
        with transaction.atomic(using=alias):
            return list(workflows.values_list("slug", "api_key"))
    except DatabaseError:
        return []


def _shutdown_warning(slugs: list[str]) -> CheckMessage:
    happens = "was shut down" if timezone.now().date() > SHUTDOWN else "shuts down"
    return _warning(
        5,
        f"OpenAI's Agent Builder {happens} on 30 November 2026; active workflows that run in it: {_listed(slugs)}.",
        "Move them to a ChatKit server of your own, as OpenAI advises, and deactivate what has been replaced.",
    )


def _listed(slugs: list[str]) -> str:
    more = len(slugs) - MAX_LISTED
    return ", ".join(slugs[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
