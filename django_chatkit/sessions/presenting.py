"""Presenting the client secret of a self-hosted session, or an address that was signed in one: what they are worth is
looked up at every request.
"""

from __future__ import annotations

from django.db import router
from django.db.models import F

from ..models import ChatSession, ChatSessionQuerySet, Workflow
from .access import is_allowed


def session_of(client_secret: str, slug: str) -> ChatSession | None:
    """The active session with this secret, if it was issued for the workflow ``slug`` of this site. One query, and
    another if the workflow has groups.

    ``None`` for a wrong, expired or cancelled secret, for a workflow that has been deactivated, or that OpenAI runs
    now, and for a user who has been, or whom its groups do not admit any more. The workflow, its preset and the user
    come with it.
    """
    return _allowed(_issued_here().active().of_secret(client_secret), slug)


def session_of_address(session_id: str, slug: str) -> ChatSession | None:
    """The session in which an address was signed. As ``session_of``, but it may have expired: addresses have a time of
    their own. A cancelled one ends them.
    """
    known = _issued_here().filter(session_id=session_id).exclude(status=ChatSession.Status.CANCELLED)
    return _allowed(known.defer("state_variables"), slug)


def _issued_here() -> ChatSessionQuerySet:
    """Not on a replica, which may not know of a cancel yet."""
    sessions: ChatSessionQuerySet = ChatSession.objects.using(router.db_for_write(ChatSession))
    return sessions.filter(workflow__backend=Workflow.Backend.SELF_HOSTED)


def _allowed(known: ChatSessionQuerySet, slug: str) -> ChatSession | None:
    known = known.select_related("user", "workflow__chatkit_configuration").defer("workflow__state_variables")
    # One of its groups is enough, and a join costs less than to ask whether there is one.
    known = known.annotate(workflow_has_groups=F("workflow__groups")).order_by()
    session: ChatSession | None = next(iter(known[:1]), None)
    return session if session is not None and session.workflow.slug == slug and is_allowed(session) else None
