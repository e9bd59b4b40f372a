"""Those who call the HTTP API in tests: browsers with cookies and CSRF tokens, their users, and workflows for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from django_chatkit.models import Workflow

SESSIONS = "/chatkit/sessions/"
CSRF_TOKEN = "c" * 32


class Browser(Client):
    """One visitor's browser. CSRF is enforced as on a real site; it sends the right token unless ``token`` is ``None``.

    Unlike Django's own client it forgets the cookies that an answer removes.
    """

    def __init__(self, user: User | None = None, token: str | None = CSRF_TOKEN, **defaults: Any) -> None:
        super().__init__(enforce_csrf_checks=True, **defaults)
        self.cookies["csrftoken"] = CSRF_TOKEN
        if token is not None:
            self.defaults["HTTP_X_CSRFTOKEN"] = token
        if user is not None:
            self.force_login(user)

    def request(self, **request: Any) -> HttpResponse:
        response: HttpResponse = super().request(**request)
        for name in [name for name, morsel in self.cookies.items() if morsel["max-age"] == 0]:
            del self.cookies[name]
        return response

    def issue(self, body: Any = None, *, headers: Mapping[str, str] | None = None, **fields: Any) -> HttpResponse:
        """``POST sessions/`` with ``body``, or with ``fields`` as a JSON object."""
        return self.post(SESSIONS, fields if body is None else body, "application/json", headers=headers)

    def cancel(self, session_id: str) -> HttpResponse:
        return self.post(f"{SESSIONS}{session_id}/cancel/")

    def list(self, query: str = "") -> HttpResponse:
        return self.get(SESSIONS + query)

    def show(self, session_id: str) -> HttpResponse:
        return self.get(f"{SESSIONS}{session_id}/")


def a_user(name: str = "ada", **fields: Any) -> User:
    return User.objects.create(username=name, **fields)


def a_workflow(slug: str = "support", **fields: Any) -> Workflow:
    return Workflow.objects.create(**{"slug": slug, "name": slug.title(), "workflow_id": f"wf_{slug}", **fields})


def chatkit(settings: Any, **values: Any) -> None:
    """Change keys of ``DJANGO_CHATKIT`` until the end of the test."""
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, **values}
