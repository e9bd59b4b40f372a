"""Presenting the client secret of a self-hosted session: what it is worth is looked up at every request."""

from __future__ import annotations

from django.db import router

from ..models import ChatSession, Workflow


def session_of(client_secret: str, slug: str) -> ChatSession | None:
    """The active session with this secret, if it was issued for the workflow ``slug`` of this site. One query.

    ``None`` for a wrong, expired or cancelled secret, for a user who has been deactivated, and for a workflow that has
    been, or that OpenAI runs now. The workflow, its preset and the user come with it.
    """
    issued_here = ChatSession.objects.using(router.db_for_write(ChatSession))  # a replica may not know of a cancel yet
    known = issued_here.active().of_secret(client_secret)
    known = known.filter(workflow__is_active=True, workflow__backend=Workflow.Backend.SELF_HOSTED)
    session = known.select_related("workflow__chatkit_configuration", "user").defer("workflow__state_variables").first()
    if session is None or session.workflow.slug != slug or (session.user is not None and not session.user.is_active):
        return None
    return session
