"""What is tried of a self-hosted workflow besides its sessions: the agent, the storage and the cache."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from django.core.cache import cache
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from ..conf import conf
from ..diagnosis import failure
from .files import FOLDER, storage

#: Seconds that what is tried in the cache stays there at most.
SECONDS = 60


def problems(agent: str, *, uploads: bool) -> Iterator[str]:
    """What would go wrong when somebody chats, in plain words; the storage is tried only where ``uploads`` are on."""
    attempts: list[tuple[str, Callable[[], str | None]]] = [
        (_("The agent {agent!r}").format(agent=agent), lambda: _agent_problem(agent)),
        (_("The cache, which counts the requests per minute,"), _cache_problem),
    ]
    if uploads:
        attempts.append((_("The storage of uploaded files"), _storage_problem))
    for what, attempt in attempts:
        try:
            problem = attempt()
        except Exception as error:  # other people's code, and services that may be down
            problem = _("fails. {failure}").format(failure=failure(error))
        if problem:
            yield f"{what} {problem}"


def _agent_problem(agent: str) -> str | None:
    from .agents import kind_problem  # loads the whole SDK

    return kind_problem(conf.agent(agent))


def _cache_problem() -> str | None:
    key = f"django_chatkit.check.{secrets.token_hex(8)}"
    cache.add(key, 0, SECONDS)
    try:
        counted = cache.incr(key)
    except ValueError:
        counted = None
    cache.delete(key)
    return None if counted == 1 else _("does not keep what it is given: nobody is limited. See CACHES in the settings.")


def _storage_problem() -> str | None:
    content, where = secrets.token_bytes(16), storage()
    try:
        name = where.save(f"{FOLDER}/check-{secrets.token_hex(8)}", ContentFile(content))
        with where.open(name) as file:
            found = file.read()
        where.delete(name)
    except Exception as error:  # whose message may hold keys and signed addresses
        reason = error.strerror if isinstance(error, OSError) else None
        named = type(error).__name__ + (f": {reason}" if reason else "")
        return _("fails. {failure}").format(failure=named)
    return None if found == content else _("gives back something else than it was given.")
