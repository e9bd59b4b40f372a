"""Whether an issued session may still be used: people are deactivated and leave groups, workflows are closed."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import router
from django.db.models import Exists, OuterRef

from ..identity import is_visitor
from ..models import ChatSession, ChatSessionQuerySet, Workflow
from .batches import after

#: Sessions that are read at once.
BATCH = 1_000


def with_access(known: ChatSessionQuerySet) -> ChatSessionQuerySet:
    """With what ``is_allowed`` asks: in the same query, unless the workflow has groups."""
    groups = Workflow.groups.through._default_manager.filter(workflow=OuterRef("workflow"))
    return known.select_related("workflow", "user").annotate(workflow_has_groups=Exists(groups))


def is_allowed(session: ChatSession) -> bool:
    """Whether whoever the session is for could be issued another now. ``session`` has ``workflow_has_groups``,
    as ``with_access`` gives it.

    Permission classes are not asked: they need the request of a new session.
    """
    workflow, user = session.workflow, session.user
    if not workflow.is_active or not (user.is_active if user else _is_welcome(session)):
        return False
    return not session.workflow_has_groups or workflow.is_open_to(user)  # type: ignore[attr-defined]


def _is_welcome(session: ChatSession) -> bool:
    """Visitors only where they are; others whom no row stands for were named by the site's own code, or by a token."""
    return session.workflow.allow_anonymous or not is_visitor(session.user_identifier)


def not_allowed() -> Iterator[ChatSession]:
    """The active sessions that would not be issued any more, and those of deleted users. Read in batches, along an
    index: in between, they can be cancelled.
    """
    active = ChatSession.objects.using(router.db_for_write(ChatSession)).active()
    active = with_access(active).defer("state_variables", "workflow__state_variables").order_by("expires_at", "id")
    batch: list[ChatSession] = list(active[:BATCH])
    while batch:
        yield from (session for session in batch if _is_deleted_users(session) or not is_allowed(session))
        batch = list(after(active, "expires_at", (batch[-1].expires_at, batch[-1].pk))[:BATCH])


def _is_deleted_users(session: ChatSession) -> bool:
    """Issued to a login that no user and no visitor stands for: a token's user has none."""
    return session.user is None and bool(session.login_key) and not is_visitor(session.user_identifier)
