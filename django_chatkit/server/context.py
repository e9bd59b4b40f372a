"""What agents, stores and the site's own ChatKit servers are given with every request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.translation import get_language_from_request

from ..models import ChatSession, Workflow


@dataclass(frozen=True)
class ChatKitContext:
    """Who asks, of which workflow, and what the agent is told. Made for one request.

    ``request`` is Django's, ``user`` the user of the session or ``None`` for a visitor who is not logged in (and so is
    ``request.user``: no cookie counts here), ``workflow`` and ``session`` are the records, ``state_variables`` those
    that the session was issued with, ``locale`` a language code of the site's, such as ``pt-br``.
    """

    request: HttpRequest = field(repr=False)
    user: Any
    workflow: Workflow
    session: ChatSession
    state_variables: dict[str, Any] = field(repr=False)
    locale: str

    @classmethod
    def of(cls, request: HttpRequest, session: ChatSession) -> ChatKitContext:
        """The context of a request that presented this session's secret."""
        _log_in(request, session.user)
        return cls(
            request=request,
            user=session.user,
            workflow=session.workflow,
            session=session,
            state_variables=session.state_variables,
            locale=get_language_from_request(request),
        )

    @property
    def user_key(self) -> str:
        """Whose threads and attachments these are: every query is scoped by it and by the workflow."""
        return self.session.user_key


def _log_in(request: HttpRequest, user: Any) -> None:
    """Browsers send their cookies along, and somebody else may have logged in since the session was issued."""
    owner = user or AnonymousUser()

    async def auser() -> Any:
        return owner

    request.user, request.auser = owner, auser
