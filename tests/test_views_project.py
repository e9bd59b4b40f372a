"""The API in projects of all kinds: their DRF settings, middleware, databases and time zones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from types import ModuleType

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections
from django.http import JsonResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone, translation
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from django_chatkit import views
from django_chatkit.models import ChatKitConfiguration, ChatSession

from . import hostile
from .behaviours import normal
from .callers import SESSIONS, Browser, a_user, a_workflow


@pytest.fixture
def workflow(db, openai):
    return a_workflow(allow_anonymous=True)


# DRF settings


def exercise(ada, visitor):
    """Use all of the API; what it answered, by route."""
    issued = ada.issue(workflow="support", headers={"Accept": "text/html"})
    session_id = issued.json()["id"]
    return {
        "POST": (201, issued),
        "POST again": (200, ada.issue(workflow="support")),
        "POST by a visitor": (201, visitor.issue()),
        "POST of nonsense": (400, ada.issue([])),
        "POST of an unknown slug": (404, ada.issue(workflow="nope")),
        "GET the list": (200, ada.list("?format=api&version=1")),
        "GET one": (200, ada.get(f"{SESSIONS}{session_id}/", headers={"Accept": "application/xml"})),
        "GET none": (404, ada.show("nope")),
        "GET by a visitor": (200, visitor.list()),
        "cancel": (200, ada.cancel(session_id)),
        "PUT": (405, ada.put(SESSIONS)),
        "OPTIONS": (405, ada.options(SESSIONS)),
        "not logged in": (403, Browser().list()),
        "no token": (403, Browser(token=None).issue()),
    }


def assert_unharmed(answers):
    for route, (status, answer) in answers.items():
        assert answer.status_code == status, (route, answer.content)
        assert answer.headers["Content-Type"] == "application/json", route
    created_at = answers["GET one"][1].json()["created_at"]
    assert datetime.fromisoformat(created_at).year >= 2025
    assert type(answers["POST"][1].json()["expires_at"]) is int


def test_no_drf_setting_breaks_it(workflow, settings):
    settings.REST_FRAMEWORK = hostile.REST_FRAMEWORK
    assert_unharmed(exercise(Browser(a_user()), Browser()))


FROM_THE_START = """
import django
from django.conf import settings
from tests import hostile, settings as ours
values = {name: getattr(ours, name) for name in dir(ours) if name.isupper()}
sqlite = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
tables = {"MIGRATION_MODULES": dict.fromkeys(("admin", "auth", "contenttypes", "sessions", "django_chatkit"))}
settings.configure(**{**values, **tables, "DATABASES": sqlite, "REST_FRAMEWORK": hostile.REST_FRAMEWORK})
django.setup()
from django.core.management import call_command
from django.test.utils import setup_test_environment
setup_test_environment()
call_command("migrate", verbosity=0, run_syncdb=True)
from tests.callers import Browser, a_user, a_workflow
from tests.fake_openai import FakeOpenAI
from tests.test_views_project import assert_unharmed, exercise
with FakeOpenAI() as server:
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "BASE_URL": server.url}
    a_workflow(allow_anonymous=True)
    ada = Browser(a_user())
    assert_unharmed(exercise(ada, Browser()))
    ada.issue(refresh=True)
    assert len(ada.list().json()["results"]) == 2
    print("unharmed")
"""


def test_they_do_not_break_it_from_the_start_either():
    """DRF reads many of them when it is imported, which ``override_settings`` comes too late for."""
    environment = {**os.environ, "no_proxy": "127.0.0.1"}
    command = [sys.executable, "-c", FROM_THE_START]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert (ended.stdout.strip(), ended.returncode) == ("unharmed", 0), ended.stderr


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/event-stream", "nonsense", "*/*;q=0", ""])
def test_the_answer_is_json_whatever_the_caller_accepts(workflow, accept):
    browser = Browser(a_user())
    for answer in (browser.issue(headers={"Accept": accept}), browser.get(SESSIONS, headers={"Accept": accept})):
        assert answer.status_code in (200, 201)
        assert answer.headers["Content-Type"] == "application/json"
        assert json.loads(answer.content)


def test_field_errors_stay_as_they_are_even_under_the_name_detail(workflow, settings):
    settings.REST_FRAMEWORK = {"NON_FIELD_ERRORS_KEY": "detail"}
    answer = Browser(a_user()).issue([])
    assert (answer.status_code, list(answer.json())) == (400, ["detail"])


class Odd(BaseAuthentication):
    """As simplejwt: its errors have a code and messages of their own."""

    def authenticate(self, request):
        raise AuthenticationFailed({"detail": "Token is expired", "code": "token_not_valid", "messages": []})


def test_errors_of_the_projects_authentication_stay_as_they_are(workflow, settings):
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["tests.test_views_project.Odd"]}
    answer = Browser().issue()
    assert answer.status_code in (401, 403)
    assert answer.json() == {"detail": "Token is expired", "code": "token_not_valid", "messages": []}


# Middleware, time zones, languages


def test_it_works_under_login_required_middleware(workflow, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert_unharmed(exercise(Browser(a_user()), Browser()))


def test_it_works_in_another_language(workflow, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    with translation.override("en"):  # the middleware leaves the thread in the language of its last request
        answer = Browser(headers={"Accept-Language": "de"}).list()
    assert answer.json() == {"detail": "Anmeldedaten fehlen.", "code": "not_authenticated"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("use_tz", [True, False])
def test_it_works_in_every_time_zone(openai, db, settings, use_tz, zone):
    settings.USE_TZ, settings.TIME_ZONE = use_tz, zone
    a_workflow(expires_after=100)
    ada = Browser(a_user())
    first = ada.issue()
    (issued,) = openai.sessions.values()
    assert first.json()["expires_at"] == issued["expires_at"]
    assert ada.issue().json() == first.json()
    shown = ada.show(issued["id"]).json()
    assert (shown["status"], shown["expires_at"]) == ("active", issued["expires_at"])
    record = ChatSession.objects.get()
    assert (record.expires_at.tzinfo is not None) is use_tz
    created_at = datetime.fromisoformat(shown["created_at"])
    assert created_at == timezone.localtime(record.created_at) if use_tz else record.created_at
    assert ada.cancel(issued["id"]).json()["status"] == "cancelled"


# Transactions


@pytest.fixture
def databases(transactional_db, monkeypatch, tmp_path):
    """Both databases of a site with ``ATOMIC_REQUESTS`` on each."""
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "other.sqlite3", "OPTIONS": {}}
    monkeypatch.setitem(connections.settings, "other", {**connections.settings["default"], **file})
    for values in connections.settings.values():
        monkeypatch.setitem(values, "ATOMIC_REQUESTS", bool(values))
    connections["other"].connect()  # at once: Django's test cases forbid databases that they do not know
    yield list(connections.all())
    connections["other"].close()
    del connections["other"]


def test_no_transaction_is_open_while_openai_is_called(databases, openai, settings):
    def open_now(*_):
        return [database.in_atomic_block for database in databases]

    def looks(exchange):
        seen.append(open_now())
        return normal(exchange)

    settings.ROOT_URLCONF, seen = ModuleType("urls_of_another_site"), []
    settings.ROOT_URLCONF.urlpatterns = [
        path("control/", lambda request: JsonResponse(open_now(), safe=False)),
        path("chatkit/sessions/", views.SessionListView.as_view()),
        path("chatkit/sessions/<str:session_id>/cancel/", views.SessionCancelView.as_view()),
    ]
    openai.script(looks, looks)
    a_workflow()
    ada = Browser(a_user())
    assert ada.get("/control/").json() == [True, True]
    assert ada.cancel(ada.issue().json()["id"]).json()["status"] == "cancelled"
    assert seen == [[False, False], [False, False]]


# Queries


def counted(act, openai):
    """Queries besides authentication, the Django session and savepoints: before OpenAI is called, and in all."""
    reached = []

    def looks(exchange):
        reached.append(len(log))
        return normal(exchange)

    openai.script(looks)
    with CaptureQueriesContext(connection) as captured:
        log = connection.queries_log
        answer = act()
    assert answer.status_code in (200, 201)
    ours = [position for position, query in enumerate(captured.captured_queries) if not is_besides(query["sql"])]
    before = [position for position in ours if reached and captured.initial_queries + position < reached[0]]
    return len(before), len(ours), len(reached)


def is_besides(sql):
    return re.search(r"django_session|(FROM|UPDATE) .auth_user.[ ;]|SAVEPOINT|^BEGIN|^COMMIT", sql) is not None


@pytest.fixture
def closed(workflow):
    """The workflow with everything that could cost a query."""
    group = Group.objects.create(name="staff")
    workflow.groups.add(group, Group.objects.create(name="guests"))
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="Preset", history_enabled=True)
    workflow.save()
    ada = a_user()
    ada.groups.add(group)
    return ada


def test_a_new_session_takes_2_queries_before_openai_and_1_after(closed, openai):
    ada = Browser(closed)
    assert counted(ada.issue, openai) == (2, 3, 1)


def test_so_does_a_visitors(workflow, openai):
    assert counted(Browser().issue, openai) == (2, 3, 1)


def test_without_groups_it_takes_1_query_before_openai(workflow, openai):
    ada = Browser(a_user())
    assert counted(lambda: ada.issue(workflow="support"), openai) == (1, 2, 1)


def test_so_does_a_refreshed_one(closed, openai):
    ada = Browser(closed)
    ada.issue()
    assert counted(lambda: ada.issue(workflow="support", refresh=True), openai) == (2, 3, 1)


def test_a_reused_session_takes_3_queries_and_no_call(closed, openai):
    ada = Browser(closed)
    ada.issue()
    assert counted(ada.issue, openai) == (0, 3, 0)


def test_list_and_detail_take_1_query_however_many_sessions_there_are(workflow, openai):
    ada = Browser(a_user())
    one = ada.issue().json()["id"]
    assert counted(ada.list, openai) == (0, 1, 0)
    for _ in range(5):
        ada.issue(refresh=True)
    openai._script.clear()
    assert counted(ada.list, openai) == (0, 1, 0)
    assert counted(lambda: ada.show(one), openai) == (0, 1, 0)
