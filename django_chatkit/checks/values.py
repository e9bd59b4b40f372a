"""Whether every value of ``DJANGO_CHATKIT`` can be used."""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, register
from rest_framework.permissions import OperandHolder, SingleOperandHolder

from ..conf import environment_key
from ..rules import API_KEY_RULES, CALLABLE, HEADER, RULES, Rule, is_url
from .messages import INSTALL, TAG, agents, entries, error, imported, key, warning


@register(TAG)
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Whether every value of ``DJANGO_CHATKIT`` can be used."""
    values = getattr(settings, "DJANGO_CHATKIT", {})
    if not isinstance(values, Mapping):
        return [error(1, "DJANGO_CHATKIT must be a dictionary.", "DJANGO_CHATKIT = {'API_KEY': …} in your settings.")]
    return [
        *_rule_errors("DJANGO_CHATKIT", values, RULES),
        *_key_messages(values),
        *_reference_errors(values),
        *_agent_errors(),
        *_unencrypted(values),
    ]


def _where(*names: object) -> str:
    return "DJANGO_CHATKIT" + "".join(f"[{name!r}]" for name in names)


def _rule_errors(where: str, values: Mapping[Any, Any], rules: Mapping[str, Rule]) -> Iterator[CheckMessage]:
    for name, value in values.items():
        rule = rules.get(name)
        if rule is None:
            yield error(2, f"{where} has the unknown setting {name!r}.", _nearest(str(name), rules))
        elif not rule.admits(value):
            yield error(3, f"{where}[{name!r}] must be {rule.expected}.", f"For example {rule.example}.")


def _nearest(name: str, known: Mapping[str, Rule]) -> str:
    upper = {item.upper(): item for item in known}
    near = difflib.get_close_matches(name.upper(), upper, n=1, cutoff=0.5)
    return f"Did you mean {upper[near[0]]!r}?" if near else f"Known are {', '.join(known)}."


def _key_messages(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    """A missing key is a warning: ``migrate`` and ``collectstatic`` run where there is none."""
    if not key("") and not values.get("API_KEYS") and not agents():
        hint = "Set DJANGO_CHATKIT['API_KEY'] or the environment variable CHATKIT_OPENAI_API_KEY."
        yield warning(1, "There is no OpenAI API key, so no session can be issued.", hint)
    if not values.get("API_KEY") and not HEADER.admits(environment_key()):
        yield error(3, f"The API key in the environment must be {HEADER.expected}.", "Look for a space or line end.")
    for name, entry in entries(values):
        yield from _rule_errors(_where("API_KEYS", name), entry, API_KEY_RULES)
        if not entry.get("api_key"):
            yield warning(1, f"{_where('API_KEYS', name)} has no API key.", "Set it, or remove the entry.")


def _reference_errors(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    for where, value, usable, expected in _references(values):
        found = imported(value)
        if isinstance(found, Exception):
            yield error(4, f"{where}: {value!r} cannot be imported ({found}).", "Give the full dotted path of a name.")
        elif not usable(found):
            yield error(5, f"{where} is not {expected}.", f"Give the dotted path of {expected}.")


def _references(values: Mapping[Any, Any]) -> Iterator[tuple[str, Any, Callable[[Any], bool], str]]:
    for name in ("USER_IDENTIFIER", "STATE_VARIABLES"):
        if values.get(name) and CALLABLE.admits(values[name]):
            yield _where(name), values[name], callable, "a callable"
    classes = values.get("PERMISSION_CLASSES")
    for number, item in enumerate(classes if isinstance(classes, list | tuple) else ()):
        yield _where("PERMISSION_CLASSES", number), item, _is_permission, "a permission class of Django REST framework"


def _is_permission(found: object) -> bool:
    combined = isinstance(found, OperandHolder | SingleOperandHolder)
    return combined or (isinstance(found, type) and hasattr(found, "has_permission"))


def _agent_errors() -> Iterator[CheckMessage]:
    for name, path in agents().items():
        found = imported(path)
        if isinstance(found, ModuleNotFoundError) and (found.name or "").split(".")[0] in ("chatkit", "agents"):
            yield error(4, f"{_where('AGENTS', name)}: {path!r} cannot be imported ({found}).", INSTALL)
        elif isinstance(found, Exception):
            hint = "Give the full dotted path of a name."
            yield error(4, f"{_where('AGENTS', name)}: {path!r} cannot be imported ({found}).", hint)
        elif problem := _kind_problem(found):
            hint = "Give an agents.Agent, an async function that yields ChatKit's events, or a ChatKitServer class."
            yield error(5, f"{_where('AGENTS', name)} {problem}.", hint)


def _kind_problem(found: object) -> str | None:
    """Only the SDK knows its kinds, and it takes a second to import: not without agents."""
    if find_spec("chatkit") is None:
        return "is nothing" if found is None else None
    from ..server.agents import kind_problem

    return kind_problem(found)


def _unencrypted(values: Mapping[Any, Any]) -> Iterator[CheckMessage]:
    urls = {_where("BASE_URL"): values.get("BASE_URL")}
    urls |= {_where("API_KEYS", name, "base_url"): entry.get("base_url") for name, entry in entries(values)}
    for where, url in urls.items():
        if is_url(url) and urlsplit(url).scheme == "http" and not _is_loopback(urlsplit(url).hostname or ""):
            yield warning(2, f"{where} sends the API key unencrypted.", "Use https, or a host on this machine.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
