"""Everything of one user: found, counted and deleted, here and at OpenAI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import router
from django.db.models import Q, QuerySet

from ..client import ChatKitClient
from ..conf import Credentials, conf
from ..exceptions import ChatKitError, ChatKitNotConfigured
from ..identity import Owner, owner_of
from ..models import ChatAttachment, ChatItem, ChatSession, ChatThread, Workflow
from .backends import client_for
from .batches import CHUNK
from .ending import cancel_session
from .purging import Purge, delete_threads


@dataclass(frozen=True)
class Person:
    """Whose data it is: ``user``, a row of the user table or ``None``, and the identifiers that are nobody else's.

    ``problems`` say why some data may not be found.
    """

    user: Any
    identifiers: tuple[str, ...]
    problems: tuple[str, ...] = ()

    @property
    def keys(self) -> list[str]:
        """The ``user_key`` of each identifier."""
        return [Owner(None, identifier).key for identifier in self.identifiers]

    @property
    def owned(self) -> Q:
        """What of the sessions and threads is this person's."""
        own = Q(user_key__in=self.keys)
        return own | Q(user=self.user) if self.user is not None else own


@dataclass
class Forgotten:
    """How many of each were found, or deleted."""

    cancelled: int = 0
    sessions: int = 0
    threads: int = 0
    items: int = 0
    attachments: int = 0
    openai_threads: int = 0
    failures: list[str] = field(default_factory=list)


def person_of(user: Any) -> Person:
    """A user of the site, with every identifier on record and the one that a session would get now."""
    using = router.db_for_write(ChatSession)
    known: set[str] = set()
    for model in (ChatSession, ChatThread):
        records: Any = model._default_manager.using(using).filter(user=user)
        known.update(records.order_by().values_list("user_identifier", flat=True).distinct())
    problems = []
    try:
        known.add(owner_of(user=user).identifier)
    except Exception as error:  # the site's own function, which may need a request
        problems.append(f"The present identifier of this user is not known ({type(error).__name__}: {error}).")
    shared = {identifier for identifier in known if _others(identifier, user)}
    problems += [
        f"{identifier!r} identifies other users, too: what it alone leads to is kept." for identifier in shared
    ]
    return Person(user, tuple(sorted(known - shared)), tuple(sorted(problems)))


def visitor(identifier: str) -> Person:
    """Somebody whom only an identifier is known of. Raises ``ValueError`` if it is that of several users."""
    if len(_others(identifier)) > 1:
        raise ValueError(f"{identifier!r} identifies several users: name one of them.")
    return Person(None, (identifier,))


def forget(person: Person) -> Forgotten:
    """Cancel the person's sessions, delete threads here and at OpenAI, files, and at last the sessions' records.

    Whatever fails is in ``failures``, and stops nothing else. The records stay then: they hold the identifiers that
    the next attempt needs.
    """
    done = Forgotten(failures=list(person.problems))
    using = router.db_for_write(ChatSession)
    _cancel(person, done, using)
    _forget_at_openai(person, done, delete=True)
    purge = delete_threads(ChatThread.objects.using(using).filter(person.owned))
    purge.delete_attachments(_unsent(person, using).values_list("pk", flat=True))
    _add(done, purge)
    if not done.failures:
        _delete_records(person, done, using)
    return done


def found(person: Person) -> Forgotten:
    """What ``forget`` would delete. Changes nothing; asks OpenAI."""
    using = router.db_for_write(ChatSession)
    threads = ChatThread.objects.using(using).filter(person.owned)
    sent = ChatAttachment.objects.using(using).filter(thread__in=threads)
    sessions = ChatSession.objects.using(using).filter(person.owned)
    seen = Forgotten(
        cancelled=sessions.active().count(),
        sessions=sessions.count(),
        threads=threads.count(),
        items=ChatItem.objects.using(using).filter(thread__in=threads).count(),
        attachments=sent.count() + _unsent(person, using).count(),
        failures=list(person.problems),
    )
    _forget_at_openai(person, seen, delete=False)
    return seen


def _others(identifier: str, user: Any = None) -> set[Any]:
    """Keys of other users whose records have this identifier: two are enough to know."""
    others: set[Any] = set()
    for model in (ChatSession, ChatThread):
        records: Any = model._default_manager.using(router.db_for_write(model))
        records = records.filter(user_key=Owner(None, identifier).key).exclude(user=None)
        others.update(
            (records if user is None else records.exclude(user=user))
            .order_by()
            .values_list("user", flat=True)
            .distinct()[:2]
        )
    return others


def _unsent(person: Person, using: str) -> QuerySet[ChatAttachment]:
    return ChatAttachment.objects.using(using).filter(user_key__in=person.keys, thread=None)


def _cancel(person: Person, done: Forgotten, using: str) -> None:
    active = ChatSession.objects.using(using).active().filter(person.owned)
    for session in active.select_related("workflow").defer("state_variables", "workflow__state_variables"):
        try:
            cancel_session(session)
            done.cancelled += 1
        except (ChatKitError, ChatKitNotConfigured) as error:
            done.failures.append(f"Session {session.session_id} could not be cancelled: {error}")


def _add(done: Forgotten, purge: Purge) -> None:
    done.threads += purge.threads
    done.items += purge.items
    done.attachments += purge.attachments
    done.failures += [f"The file {failure}" for failure in purge.failures]


def _delete_records(person: Person, done: Forgotten, using: str) -> None:
    records = ChatSession.objects.using(using)
    own = records.filter(person.owned).order_by()
    while keys := list(own.values_list("pk", flat=True)[:CHUNK]):
        done.sessions += records.filter(pk__in=keys).delete()[0]


def _forget_at_openai(person: Person, done: Forgotten, *, delete: bool) -> None:
    """Ask with every key: threads belong to the project of the key that their session was created with."""
    seen: set[str] = set()
    for client in _clients(done.failures):
        for identifier in person.identifiers:
            for thread in _threads(client, identifier, done.failures):
                if thread not in seen:
                    seen.add(thread)
                    done.openai_threads += _is_deleted(client, thread, done.failures) if delete else 1


def _threads(client: ChatKitClient, identifier: str, failures: list[str]) -> list[str]:
    """The ids of this user's threads, all pages of them. OpenAI's word for whose they are is checked for each."""
    listed: dict[str, str] = {}
    after: str | None = None
    try:
        while True:
            page = client.list_threads(identifier, after=after)
            if not {thread.id for thread in page.threads} - set(listed):
                break  # also where OpenAI would lead us around in a circle
            listed |= {thread.id: thread.user for thread in page.threads}
            after = page.after
            if after is None:
                break
    except ChatKitError as error:
        failures.append(f"The threads of {identifier!r} at OpenAI could not be listed: {error}")
    others = {thread for thread, user in listed.items() if user != identifier}
    if others:
        failures.append(
            f"OpenAI lists {len(others)} threads for {identifier!r} that are somebody else's. They are kept."
        )
    return [thread for thread in listed if thread not in others]


def _is_deleted(client: ChatKitClient, thread: str, failures: list[str]) -> bool:
    """Whether it was deleted just now; it may have been gone already."""
    try:
        client.delete_thread(thread)
    except ChatKitError as error:
        if getattr(error, "status_code", None) != 404:
            failures.append(f"The thread {thread} at OpenAI could not be deleted: {error}")
        return False
    return True


def _clients(failures: list[str]) -> Iterator[ChatKitClient]:
    """One for each key of the settings and of the workflows; none on a site where OpenAI never ran a workflow."""
    used = set(Workflow.objects.exclude(workflow_id="").values_list("api_key", flat=True))
    if not used and not ChatSession.objects.filter(backend=Workflow.Backend.HOSTED).exists():
        return
    names = used | set(conf.API_KEYS) | ({""} if conf.API_KEY else set())
    asked: set[Credentials] = set()
    for name in sorted(names):
        try:
            credentials = conf.credentials(name)
            if credentials not in asked:
                asked.add(credentials)
                yield client_for(credentials)
        except ChatKitNotConfigured as error:
            failures.append(str(error))
