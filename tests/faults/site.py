"""A small site with a chat and an ordinary page. Run as a program, it makes its database and prints a login cookie."""

from __future__ import annotations

import os

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.site_settings")
application = get_wsgi_application()

from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from django_chatkit.client.gate import Gate  # noqa: E402
from tests.callers import a_user, a_workflow  # noqa: E402


def page(_request: HttpRequest) -> HttpResponse:
    """A page that has nothing to do with the chat."""
    return HttpResponse(f"We have {User.objects.count()} customers.")


urlpatterns = [path("page/", page), path("chatkit/", include("django_chatkit.urls"))]


def never_wait(self: Gate, now: float) -> float:
    """What it would be like without a gate."""
    return 0


if os.environ.get("SITE_GATE") == "open":
    Gate._wait = never_wait  # type: ignore[method-assign]


def prepare() -> str:
    """Make the database, with a workflow and somebody who is logged in: the key of the login's session."""
    call_command("migrate", verbosity=0)
    a_workflow()
    user = a_user()
    login = SessionStore()
    login[SESSION_KEY] = str(user.pk)
    login[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    login[HASH_SESSION_KEY] = user.get_session_auth_hash()
    login.create()
    return str(login.session_key)


if __name__ == "__main__":
    print(prepare())  # noqa: T201
