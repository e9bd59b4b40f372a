"""Who is calling: the API key, the organization and project headers, and the workflows they may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.conf import settings
from django.http import HttpRequest

from django_chatkit.testing.errors import ApiError
from django_chatkit.testing.protocol import bearer_key


@dataclass(frozen=True)
class Account:
    """What one key of ``OPENAI_STANDIN_KEYS`` belongs to."""

    key: str = field(repr=False)
    organization: str | None = None
    project: str | None = None
    workflows: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def require_workflow(self, workflow_id: str, version: str | None) -> None:
        """Refuse a workflow, or a version of it, that the key does not see. ``latest`` passes, as at OpenAI."""
        versions = self.workflows.get(workflow_id)
        if versions is None:
            raise ApiError(404, f"Workflow with id '{workflow_id}' not found.")
        if version not in (None, "latest", *versions):
            raise ApiError(404, f"Workflow with id '{workflow_id}' has no version '{version}'.")


def authenticate(request: HttpRequest) -> Account:
    """The caller's account, by the headers that OpenAI looks at."""
    account = _account_of(bearer_key(request.headers.get("Authorization", "")))
    for header, name, own in (
        ("OpenAI-Organization", "organization", account.organization),
        ("OpenAI-Project", "project", account.project),
    ):
        if request.headers.get(header, own) != own:
            raise ApiError(401, f"{header} header should match {name} for API key", code=f"mismatched_{name}")
    return account


def _account_of(key: str) -> Account:
    known = getattr(settings, "OPENAI_STANDIN_KEYS", {}).get(key)
    if known is None:
        # OpenAI repeats the key's ends too: whoever passes this message on leaks them.
        raise ApiError(401, f"Incorrect API key provided: {key[:8]}***{key[-4:]}.", code="invalid_api_key")
    return Account(key, **known)
