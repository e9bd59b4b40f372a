"""Issuing sessions: prepare the exact request, reuse what this browser has, or ask the backend and record."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections, router, transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from .. import reuse as cookies
from .. import signals
from ..client import ChatKitSession
from ..conf import conf
from ..exceptions import ChatKitError, SessionNotSaved
from ..identity import Owner, owner_of
from ..models import ChatSession, Workflow
from ..redaction import Secret
from ..validators import validate_state_variables
from .backends import DEFAULT_EXPIRES_AFTER, Backend, backend_of
from .batches import past_deadlocks
from .state_variables import StateVariables, state_variables_of

#: Seconds that logging out, or tidying up after a failed save, may spend on OpenAI.
BRIEF_DEADLINE = 2.0


@dataclass(frozen=True)
class PreparedSession:
    """A session that is ready to be issued: for whom, by whom, the exact request, and where its variables come from."""

    workflow: Workflow
    owner: Owner
    backend: Backend
    request: dict[str, Any]
    state_variables: StateVariables

    @cached_property
    def fingerprint(self) -> str:
        """What must be the same for an earlier session to be handed out again."""
        circumstances = (*self.backend.circumstances, self.owner.login_key)
        return cookies.fingerprint(self.request, *(text or "" for text in circumstances))


@dataclass(frozen=True)
class IssuedSession:
    """``session`` is the record, ``client_secret`` what the browser needs, ``reused`` whether it was issued before."""

    session: ChatSession
    client_secret: Secret = field(repr=False)
    reused: bool = False


def create_session(
    workflow: Workflow,
    *,
    request: HttpRequest | None = None,
    user: Any = None,
    user_identifier: str | None = None,
    state_variables: Mapping[str, Any] | None = None,
    reuse: bool = True,
) -> IssuedSession:
    """Issue a session of ``workflow``, or hand out this browser's unexpired one again if ``reuse``.

    It is for ``user_identifier``, or ``user``, or the user or visitor of ``request``. ``state_variables`` are merged
    over the workflow's and those of the ``STATE_VARIABLES`` setting. Access is not checked: that is the view's work.
    Call it outside transactions: it talks to OpenAI.

    Raises ``ChatKitError``, ``ChatKitNotConfigured`` (for a bad ``user_identifier``, too), Django's ``ValidationError``
    for bad ``state_variables``, and ``ValueError`` if nobody is named.
    """
    prepared = prepare_session(
        workflow, request=request, user=user, user_identifier=user_identifier, state_variables=state_variables
    )
    reused = reuse_session(prepared, request) if reuse and request is not None else None
    return reused or issue_session(prepared)


def prepare_session(
    workflow: Workflow,
    *,
    request: HttpRequest | None = None,
    user: Any = None,
    user_identifier: str | None = None,
    state_variables: Mapping[str, Any] | None = None,
) -> PreparedSession:
    """Everything that happens before a session is issued. Arguments and errors as for ``create_session``."""
    owner = owner_of(request, user, user_identifier)
    variables = state_variables_of(workflow, owner, request, state_variables or {})
    backend = backend_of(workflow)
    sent = backend.request(workflow, owner.identifier, variables.merged)
    return PreparedSession(workflow, owner, backend, sent, variables)


def reuse_session(prepared: PreparedSession, request: HttpRequest) -> IssuedSession | None:
    """The session that this browser was issued for the same request, if it still has time. One query at most."""
    if not conf.REUSE_SESSIONS or not prepared.owner.login_key:
        return None
    remembered = cookies.recall(request, prepared.workflow.slug, prepared.fingerprint)
    if remembered is None:
        return None
    issued_here = ChatSession.objects.using(router.db_for_write(ChatSession))  # a replica may not know of a cancel yet
    records = issued_here.active(timezone.now() + timedelta(seconds=cookies.MARGIN)).defer("state_variables")
    own = {"pk": remembered.record, "user_key": prepared.owner.key, "workflow": prepared.workflow}
    session = records.filter(**own).first()
    if session is None:
        return None
    session.workflow = prepared.workflow
    return IssuedSession(session, remembered.client_secret, reused=True)


def remember_session(
    request: HttpRequest, response: HttpResponseBase, prepared: PreparedSession, issued: IssuedSession
) -> None:
    """Set the cookie that ``reuse_session`` reads, on the answer that brings the browser its secret."""
    slug = prepared.workflow.slug
    if not conf.REUSE_SESSIONS or not prepared.owner.login_key:
        cookies.forget(request, response, slug)
    elif not issued.reused:
        # By our clock a session may seem to live longer than it does: OpenAI's clock may be ahead.
        lifetime = prepared.workflow.expires_after or DEFAULT_EXPIRES_AFTER
        seconds = min((issued.session.expires_at - timezone.now()).total_seconds(), lifetime) - cookies.MARGIN
        remembered = cookies.Remembered(issued.client_secret, issued.session.pk)
        cookies.remember(request, response, slug, remembered, prepared.fingerprint, seconds)


def issue_session(prepared: PreparedSession) -> IssuedSession:
    """Issue a session and record it. Raises ``ChatKitError`` and ``ChatKitNotConfigured``."""
    started = time.monotonic()
    duration = None
    try:
        answer = prepared.backend.create(prepared.request)
        duration = time.monotonic() - started
        session = _save(prepared, answer)
    except ChatKitError as error:
        duration = duration or time.monotonic() - started
        signals.session_failed.send_robust(ChatSession, workflow=prepared.workflow, error=error, duration=duration)
        raise
    announce(signals.session_created, session, duration)
    return IssuedSession(session, answer.client_secret)


def announce(signal: Signal, session: ChatSession, duration: float) -> None:
    """Send the signal once the record is committed."""
    send = partial(signal.send_robust, ChatSession, session=session, duration=duration)
    transaction.on_commit(send, using=session._state.db)


def _save(prepared: PreparedSession, answer: ChatKitSession) -> ChatSession:
    try:
        using = router.db_for_write(ChatSession)
        return past_deadlocks(partial(_create, _record(prepared, answer), using), using)
    except Exception as error:
        undone = _cancel_quietly(prepared.backend, answer)
        message = f"The session could not be saved ({type(error).__name__}); {undone}."
        raise SessionNotSaved(message, request_id=answer.request_id) from error


def _create(record: dict[str, Any], using: str) -> ChatSession:
    """In a transaction of its own where there is more to it than one statement: a receiver, or the caller's own."""
    is_heard = any(signal.has_listeners(ChatSession) for signal in (pre_save, post_save))
    needs_one = is_heard or not connections[using].get_autocommit()
    with transaction.atomic(using=using) if needs_one else nullcontext():
        return ChatSession.objects.create(**record)


def _cancel_quietly(backend: Backend, answer: ChatKitSession) -> str:
    if answer.id is None:
        return "it has no id, so it expires by itself"
    try:
        backend.cancel(answer.id, BRIEF_DEADLINE)
    except ChatKitError as error:
        return f"it could not be cancelled either ({error})"
    return "it was cancelled"


def _record(prepared: PreparedSession, answer: ChatKitSession) -> dict[str, Any]:
    """What really ran: OpenAI's answer, and what was asked for where the answer does not say."""
    request, owner, now = prepared.request, prepared.owner, timezone.now()
    workflow = request["workflow"]
    status = answer.status or ChatSession.Status.ACTIVE
    return {
        "session_id": answer.id or ChatSession.LOCAL_ID_PREFIX + secrets.token_hex(16),
        "user": owner.account,
        "user_identifier": owner.identifier,
        "user_key": owner.key,
        "login_key": owner.login_key,
        "backend": prepared.backend.name,
        "secret_digest": prepared.backend.digest(answer.client_secret),
        "workflow": prepared.workflow,
        "workflow_id": answer.workflow_id or workflow["id"],
        "workflow_version": answer.workflow_version or workflow.get("version", ""),
        "tracing_enabled": _first(answer.tracing_enabled, workflow.get("tracing", {}).get("enabled")),
        "state_variables": _storable(answer.state_variables) or workflow.get("state_variables", {}),
        "chatkit_configuration": _first(answer.chatkit_configuration, request.get("chatkit_configuration"), {}),
        "max_requests_per_1_minute": _first(
            answer.max_requests_per_1_minute, request.get("rate_limits", {}).get("max_requests_per_1_minute")
        ),
        "status": status,
        "created_at": now,
        "expires_at": _datetime(answer.expires_at),
        "ended_at": None if status == ChatSession.Status.ACTIVE else now,
        "request_id": answer.request_id or "",
    }


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _storable(state_variables: dict[str, Any] | None) -> dict[str, Any] | None:
    """OpenAI's copy of the state variables, unless it holds what no database takes."""
    try:
        validate_state_variables(state_variables)
    except ValidationError:
        return None
    return state_variables


def _datetime(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC if settings.USE_TZ else None)
