"""Sessions of self-hosted workflows, with their secrets."""

from __future__ import annotations

from dataclasses import dataclass

from django_chatkit import sessions
from django_chatkit.models import ChatSession, Workflow


@dataclass(frozen=True)
class Issued:
    session: ChatSession
    client_secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.client_secret}"}


def issue(workflow: Workflow, user_identifier: str) -> Issued:
    """As the API would, for anybody."""
    issued = sessions.create_session(workflow, user_identifier=user_identifier)
    return Issued(issued.session, str(issued.client_secret))
