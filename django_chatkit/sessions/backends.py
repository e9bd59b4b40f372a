"""Who runs a workflow: OpenAI, or this site. Both create and cancel sessions through the same two methods."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from ..client import SESSIONS_PATH, ChatKitClient, ChatKitSession, session_request
from ..conf import Credentials, conf
from ..exceptions import ChatKitNotConfigured
from ..models import ChatSession, Workflow
from ..models.configuration import resolved
from ..models.session import digest_of
from ..redaction import Secret

#: Requests per minute and seconds of a session where a workflow leaves them unset: OpenAI's defaults.
DEFAULT_MAX_REQUESTS = 10
DEFAULT_EXPIRES_AFTER = 600

#: Every client secret of ours starts with this, for those who search logs and repositories for secrets.
SECRET_PREFIX = "chatkit_secret_"  # noqa: S105


class Destination(NamedTuple):
    """Where a request for a session goes; ``headers`` without the key, of which there is only ``key_name``."""

    method: str
    url: str
    headers: dict[str, str]
    key_name: str


class Backend(Protocol):
    """What ``sessions`` needs of either. A backend is made for one workflow and thrown away."""

    #: What a session of this backend is recorded as: a value of ``Workflow.Backend``.
    name: str

    @property
    def circumstances(self) -> tuple[str | None, ...]:
        """What, besides the request, must be the same for an earlier session to be handed out again."""

    def request(self, workflow: Workflow, user: str, state_variables: dict[str, Any]) -> dict[str, Any]:
        """The request that ``create`` takes, in the shape of ``POST /v1/chatkit/sessions``."""

    def destination(self) -> Destination | None:
        """Where ``create`` sends the request; ``None`` if nothing is sent. Raises ``ChatKitNotConfigured``."""

    def create(self, request: dict[str, Any]) -> ChatKitSession:
        """A new session. Raises ``ChatKitError`` and ``ChatKitNotConfigured``."""

    def digest(self, client_secret: str) -> str:
        """What the record keeps of a secret, to know it again; empty where only OpenAI has to."""

    def cancel(self, session_id: str, deadline: float | None = None) -> str | None:
        """End a session within ``deadline`` seconds and return its status. Raises as ``create``."""


@dataclass(frozen=True)
class HostedBackend:
    """OpenAI runs the workflow and issues its sessions."""

    api_key_name: str
    credentials: Credentials
    name = str(Workflow.Backend.HOSTED)

    @property
    def circumstances(self) -> tuple[str | None, ...]:
        key = self.credentials
        return (self.api_key_name, key.base_url, key.organization, key.project)

    def request(self, workflow: Workflow, user: str, state_variables: dict[str, Any]) -> dict[str, Any]:
        return session_request(user=user, **workflow.as_request(state_variables))

    def destination(self) -> Destination:
        client, url = client_for(self.credentials), urlsplit(self.credentials.base_url + SESSIONS_PATH)
        shown = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()  # a gateway's password is not for showing
        return Destination("POST", shown, client.headers("POST"), self.api_key_name)

    def create(self, request: dict[str, Any]) -> ChatKitSession:
        return client_for(self.credentials).create_session(**request)

    def digest(self, client_secret: str) -> str:
        return ""

    def cancel(self, session_id: str, deadline: float | None = None) -> str | None:
        return client_for(self.credentials, deadline).cancel_session(session_id).status


@dataclass(frozen=True)
class SelfHostedBackend:
    """This site runs the workflow: the secret is a random token, of which the record keeps a digest only."""

    name = str(Workflow.Backend.SELF_HOSTED)

    @property
    def circumstances(self) -> tuple[str | None, ...]:
        return (self.name,)

    def request(self, workflow: Workflow, user: str, state_variables: dict[str, Any]) -> dict[str, Any]:
        """Everything resolved: there is nobody else whose defaults would count."""
        return {
            "user": user,
            "workflow": {
                "id": workflow.agent,
                "state_variables": state_variables,
                # Unset is off here: a trace takes the conversation to OpenAI, whoever's model it is held with.
                "tracing": {"enabled": workflow.tracing_enabled is True},
            },
            "chatkit_configuration": resolved(workflow.chatkit_configuration),
            "expires_after": {"anchor": "created_at", "seconds": workflow.expires_after or DEFAULT_EXPIRES_AFTER},
            "rate_limits": {"max_requests_per_1_minute": workflow.max_requests_per_1_minute or DEFAULT_MAX_REQUESTS},
        }

    def destination(self) -> None:
        return None

    def create(self, request: dict[str, Any]) -> ChatKitSession:
        require_server()
        conf.agent_path(request["workflow"]["id"])
        return ChatKitSession(
            client_secret=Secret(SECRET_PREFIX + secrets.token_urlsafe(32)),
            expires_at=int(time.time()) + request["expires_after"]["seconds"],
            id=f"cksess_{secrets.token_hex(16)}",
        )

    def digest(self, client_secret: str) -> str:
        return digest_of(client_secret)

    def cancel(self, session_id: str, deadline: float | None = None) -> str | None:
        return str(ChatSession.Status.CANCELLED)


def backend_of(workflow: Workflow) -> Backend:
    """What issues this workflow's sessions now. Raises ``ChatKitNotConfigured``."""
    return _backend(workflow.backend, workflow)


def backend_that_issued(session: ChatSession) -> Backend:
    """What issued this session: the workflow may have moved since. Raises ``ChatKitNotConfigured``."""
    return _backend(session.backend, session.workflow)


def _backend(name: str, workflow: Workflow) -> Backend:
    if name == SelfHostedBackend.name:
        return SelfHostedBackend()
    return HostedBackend(workflow.api_key, conf.credentials(workflow.api_key))


def require_server() -> None:
    """Raise ``ChatKitNotConfigured`` unless the extra ``server`` is installed."""
    if find_spec("chatkit") is None:
        raise ChatKitNotConfigured(
            "Self-hosted workflows need OpenAI's server SDK: pip install 'django-openai-chatkit[server]'"
        )


def client_for(credentials: Credentials, deadline: float | None = None) -> ChatKitClient:
    """A client as the settings say. Raises ``ChatKitNotConfigured`` for a key that cannot be sent."""
    try:
        return ChatKitClient(
            credentials.api_key,
            base_url=credentials.base_url,
            organization=credentials.organization,
            project=credentials.project,
            timeout=conf.TIMEOUT,
            deadline=conf.DEADLINE if deadline is None else deadline,
            max_retries=conf.MAX_RETRIES,
        )
    except ValueError as error:
        raise ChatKitNotConfigured(f"DJANGO_CHATKIT: {error}") from None
