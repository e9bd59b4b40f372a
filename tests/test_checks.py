from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import Error, Tags, Warning, registry, run_checks  # noqa: A004  (Django's own name)
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone
from rest_framework.permissions import IsAdminUser, IsAuthenticated

from django_chatkit import checks
from django_chatkit.checks import (
    check_deployment,
    check_domain_key,
    check_project,
    check_settings,
    check_workflows,
)
from django_chatkit.models import Workflow
from django_chatkit.rules import RULES

CANARY = "sk-canary-0123456789"
SHARED_CACHE = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}}

FINE = {
    "API_KEY": "sk-1",
    "API_KEYS": {
        "second": "sk-2",
        "third": {"api_key": "sk-3", "organization": "org-3", "base_url": "https://eu.example"},
    },
    "BASE_URL": "https://api.openai.com/v1",
    "ORGANIZATION": "org-1",
    "PROJECT": "proj_1",
    "TIMEOUT": (3.05, 10),
    "DEADLINE": 15,
    "MAX_RETRIES": 2,
    "USER_NAMESPACE": "staging",
    "USER_IDENTIFIER": "tests.test_checks.some_callable",
    "STATE_VARIABLES": "tests.test_checks.some_callable",
    "PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "THROTTLE_RATE": "10/min",
    "REUSE_SESSIONS": True,
    "CANCEL_ON_LOGOUT": True,
    "UPLOAD_QUOTA": 5_120,
    "DEFAULT_WORKFLOW": "support",
    "SCRIPT_URL": "/static/chatkit.js",
    "DOMAIN_KEY": "domain_pk_1",
    "AGENTS": {},
}

NOT_CALLABLE = "neither a function nor a class"
EITHER = IsAdminUser | IsAuthenticated
NEITHER = ~IsAdminUser


def some_callable(*args, **kwargs):
    return ""


def some_middleware(get_response):
    return get_response


class OwnSessions(SessionMiddleware):
    pass


class OwnAuthentication(AuthenticationMiddleware):
    pass


class HasPermission:
    def has_permission(self, request, view):
        return True


class NowhereRouter:
    def allow_migrate(self, db, app_label, **hints):
        return False


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def found_by(check, **kwargs):
    """The messages of a check, in short: id and text."""
    return [(message.id.removeprefix("django_chatkit."), message.msg) for message in check(**kwargs)]


def ids(check, **kwargs):
    return [short for short, _ in found_by(check, **kwargs)]


def test_they_are_registered():
    assert {check_settings, check_project, check_workflows} <= registry.registry.registered_checks
    assert {check_deployment, check_domain_key} <= registry.registry.deployment_checks
    assert check_workflows.tags == check_domain_key.tags == (Tags.database,)


def test_every_check_is_in_the_table():
    """And nothing else is."""
    package = Path(checks.__file__).parent
    source = "".join(path.read_text() for path in package.glob("*.py") if path.name != "__init__.py")
    numbers = re.findall(r"\b(error|warning)\(\s*(\d+),", source)
    made = {f"{'E' if kind == 'error' else 'W'}{int(number):03}" for kind, number in numbers}
    made |= {"E007", "E008"}  # whose numbers are in a table of their own
    assert made == set(re.findall(r"^([EW]\d{3})  ", checks.__doc__, re.MULTILINE))


def test_nothing_is_wrong_with_the_tests_own_settings():
    assert run_checks(include_deployment_checks=True, tags=[checks.TAG]) == []


def test_nothing_is_wrong_with_good_values(settings):
    assert set(FINE) == set(RULES)
    settings.DJANGO_CHATKIT = FINE
    assert check_settings() == []


@pytest.mark.parametrize("value", [None, [], "sk-canary", 5, object()])
def test_e001_not_a_dictionary(settings, value):
    settings.DJANGO_CHATKIT = value
    assert found_by(check_settings) == [("E001", "DJANGO_CHATKIT must be a dictionary.")]


@pytest.mark.django_db
def test_e001_stops_no_other_check(settings):
    Workflow.objects.create(slug="support", workflow_id="wf_1", api_key="second")
    settings.DJANGO_CHATKIT = None
    settings.DEBUG = True
    assert ids(check_project) == []
    assert ids(check_deployment) == ["W004"]
    assert ids(check_workflows, databases=["default"]) == ["W005", "W006"]


def test_no_dictionary_at_all_misses_only_the_key(settings):
    del settings.DJANGO_CHATKIT
    assert ids(check_settings) == ["W001"]


@pytest.mark.parametrize(
    ("typo", "hint"),
    [
        ("APIKEY", "Did you mean 'API_KEY'?"),
        ("api_key", "Did you mean 'API_KEY'?"),
        ("BASEURL", "Did you mean 'BASE_URL'?"),
        ("ORGANISATION", "Did you mean 'ORGANIZATION'?"),
        ("TIMEOUTS", "Did you mean 'TIMEOUT'?"),
        ("MAX_RETRY", "Did you mean 'MAX_RETRIES'?"),
        ("THROTTLE", "Did you mean 'THROTTLE_RATE'?"),
        ("DEFAULT_WORKFLOWS", "Did you mean 'DEFAULT_WORKFLOW'?"),
        ("PERMISSIONS_CLASSES", "Did you mean 'PERMISSION_CLASSES'?"),
        ("Xyzzy", f"Known are {', '.join(RULES)}."),
        (5, f"Known are {', '.join(RULES)}."),
    ],
)
def test_e002_unknown_setting(settings, typo, hint):
    settings.DJANGO_CHATKIT = {**FINE, typo: CANARY}
    (message,) = check_settings()
    assert isinstance(message, Error)
    assert (message.id, message.msg) == ("django_chatkit.E002", f"DJANGO_CHATKIT has the unknown setting {typo!r}.")
    assert message.hint == hint


@pytest.mark.parametrize(
    ("typo", "known"), [("key", "api_key"), ("organisation", "organization"), ("BASE_URL", "base_url")]
)
def test_e002_unknown_field_of_a_named_key(settings, typo, known):
    settings.DJANGO_CHATKIT = {**FINE, "API_KEYS": {"second": {"api_key": "sk-2", typo: CANARY}}}
    (message,) = check_settings()
    assert message.id == "django_chatkit.E002"
    assert message.msg == f"DJANGO_CHATKIT['API_KEYS']['second'] has the unknown setting {typo!r}."
    assert message.hint == f"Did you mean {known!r}?"


@pytest.mark.parametrize("name", RULES)
def test_e003_bad_value(settings, name):
    settings.DJANGO_CHATKIT = {**FINE, name: {5: f"{CANARY}\n"}}
    (message,) = check_settings()
    assert isinstance(message, Error)
    assert message.id == "django_chatkit.E003"
    assert message.msg.startswith(f"DJANGO_CHATKIT[{name!r}] must be ")
    assert message.hint.startswith("For example ")
    assert "canary" not in str(message)


@pytest.mark.parametrize("name", ["API_KEY", "ORGANIZATION", "PROJECT", "DOMAIN_KEY", "BASE_URL"])
def test_e003_text_with_a_line_end(settings, name):
    settings.DJANGO_CHATKIT = {**FINE, name: f"https://{CANARY}\n"}
    (message,) = check_settings()
    assert message.id == "django_chatkit.E003"
    assert "canary" not in str(message)


@pytest.mark.parametrize("field", ["api_key", "organization", "project", "base_url"])
def test_e003_bad_field_of_a_named_key(settings, field):
    settings.DJANGO_CHATKIT = {**FINE, "API_KEYS": {"second": {"api_key": "sk-2", field: f"{CANARY} "}}}
    (message,) = check_settings()
    assert message.id == "django_chatkit.E003"
    assert message.msg.startswith(f"DJANGO_CHATKIT['API_KEYS']['second'][{field!r}] must be ")
    assert "canary" not in str(message)


@pytest.mark.parametrize("entry", [5, ["sk-2"], b"sk-2", "sk 2"])
def test_e003_named_key_that_is_no_key(settings, entry):
    settings.DJANGO_CHATKIT = {**FINE, "API_KEYS": {"second": entry}}
    (message,) = check_settings()
    assert message.msg.startswith("DJANGO_CHATKIT['API_KEYS']['second']['api_key'] must be ")


@pytest.mark.parametrize("variable", ["CHATKIT_OPENAI_API_KEY", "OPENAI_API_KEY"])
def test_e003_line_end_in_the_environments_key(settings, monkeypatch, variable):
    monkeypatch.setenv(variable, f"{CANARY}\n")
    settings.DJANGO_CHATKIT = {}
    (message,) = check_settings()
    assert message.id == "django_chatkit.E003"
    assert message.msg.startswith("The API key in the environment must be text of printable ASCII")
    assert "canary" not in str(message)


def test_the_environments_key_does_not_matter_where_one_is_set(settings, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f"{CANARY}\n")
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-1"}
    assert check_settings() == []


UNIMPORTABLE = ["nowhere.at_all", "tests.test_checks.missing", "one_word", "tests.settings_that.fail"]


@pytest.mark.parametrize("path", UNIMPORTABLE)
@pytest.mark.parametrize(
    ("name", "where", "wrapped"),
    [
        ("USER_IDENTIFIER", "['USER_IDENTIFIER']", lambda path: path),
        ("STATE_VARIABLES", "['STATE_VARIABLES']", lambda path: path),
        ("PERMISSION_CLASSES", "['PERMISSION_CLASSES'][1]", lambda path: [IsAdminUser, path]),
        ("AGENTS", "['AGENTS']['support']", lambda path: {"support": path}),
    ],
)
def test_e004_path_that_leads_nowhere(settings, name, where, wrapped, path):
    settings.DJANGO_CHATKIT = {**FINE, name: wrapped(path)}
    (message,) = check_settings()
    assert isinstance(message, Error)
    assert message.id == "django_chatkit.E004"
    assert message.msg.startswith(f"DJANGO_CHATKIT{where}: {path!r} cannot be imported (")


def test_e004_module_that_fails(settings, tmp_path, monkeypatch):
    (tmp_path / "chatkit_broken_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    settings.DJANGO_CHATKIT = {**FINE, "STATE_VARIABLES": "chatkit_broken_module.hook"}
    (message,) = check_settings()
    assert message.id == "django_chatkit.E004"
    assert "division by zero" in message.msg


@pytest.mark.parametrize("name", ["USER_IDENTIFIER", "STATE_VARIABLES"])
def test_e005_not_callable(settings, name):
    settings.DJANGO_CHATKIT = {**FINE, name: "tests.test_checks.NOT_CALLABLE"}
    assert found_by(check_settings) == [("E005", f"DJANGO_CHATKIT[{name!r}] is not a callable.")]


@pytest.mark.parametrize(
    "item", ["tests.test_checks.some_callable", some_callable, OwnSessions, HasPermission(), None, 5]
)
def test_e005_not_a_permission_class(settings, item):
    settings.DJANGO_CHATKIT = {**FINE, "PERMISSION_CLASSES": [item]}
    assert found_by(check_settings) == [
        ("E005", "DJANGO_CHATKIT['PERMISSION_CLASSES'][0] is not a permission class of Django REST framework.")
    ]


@pytest.mark.parametrize(
    "item",
    [
        IsAdminUser,
        HasPermission,
        EITHER,
        NEITHER,
        "rest_framework.permissions.IsAdminUser",
        "tests.test_checks.EITHER",
        "tests.test_checks.NEITHER",
    ],
)
def test_permission_classes_and_what_is_made_of_them(settings, item):
    settings.DJANGO_CHATKIT = {**FINE, "PERMISSION_CLASSES": [item]}
    assert check_settings() == []


@pytest.mark.parametrize("name", ["USER_IDENTIFIER", "STATE_VARIABLES"])
def test_callables_themselves_are_fine(settings, name):
    settings.DJANGO_CHATKIT = {**FINE, name: some_callable}
    assert check_settings() == []


def test_e006_rest_framework_is_not_an_app(settings):
    without = [app for app in settings.INSTALLED_APPS if app != "rest_framework"]
    with override_settings(INSTALLED_APPS=without):
        (message,) = check_project()
    assert isinstance(message, Error)
    assert message.id == "django_chatkit.E006"
    assert message.hint == "Add 'rest_framework' to INSTALLED_APPS."
    assert ids(check_project) == []


SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@pytest.mark.parametrize(
    ("middleware", "missing"),
    [
        ([SESSIONS, AUTHENTICATION], []),
        (["tests.test_checks.OwnSessions", "tests.test_checks.OwnAuthentication"], []),
        ([AUTHENTICATION], [("E007", SESSIONS)]),
        ([SESSIONS], [("E008", AUTHENTICATION)]),
        ([], [("E007", SESSIONS), ("E008", AUTHENTICATION)]),
        (["tests.test_checks.some_middleware", SESSIONS], [("E008", AUTHENTICATION)]),
        (["nowhere.at_all", AUTHENTICATION], [("E007", SESSIONS)]),
    ],
)
def test_e007_and_e008_middleware(settings, middleware, missing):
    settings.MIDDLEWARE = middleware
    assert found_by(check_project) == [(short, f"Without {path!r} nobody is logged in.") for short, path in missing]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["rest_framework.authentication.TokenAuthentication"], []),
        ([], []),
        (["rest_framework.authentication.SessionAuthentication"], ["E007", "E008"]),
    ],
)
def test_middleware_is_needed_only_where_the_session_logs_in(settings, classes, expected):
    settings.MIDDLEWARE = []
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": classes}
    assert ids(check_project) == expected


@pytest.mark.parametrize("empty", [None, ""])
def test_w001_no_key(settings, empty):
    settings.DJANGO_CHATKIT = {**FINE, "API_KEY": empty, "API_KEYS": {}}
    (message,) = check_settings()
    assert isinstance(message, Warning)
    assert message.id == "django_chatkit.W001"
    assert "DJANGO_CHATKIT['API_KEY']" in message.hint
    assert "CHATKIT_OPENAI_API_KEY" in message.hint


@pytest.mark.parametrize("variable", ["CHATKIT_OPENAI_API_KEY", "OPENAI_API_KEY"])
def test_a_key_in_the_environment_is_enough(settings, monkeypatch, variable):
    settings.DJANGO_CHATKIT = {}
    monkeypatch.setenv(variable, "sk-1")
    assert check_settings() == []


def test_named_keys_are_enough(settings):
    settings.DJANGO_CHATKIT = {"API_KEYS": {"second": "sk-2"}}
    assert check_settings() == []


@pytest.mark.parametrize("entry", ["", None, {}, {"api_key": ""}, {"organization": "org-2"}])
def test_w001_named_key_without_a_key(settings, entry):
    settings.DJANGO_CHATKIT = {**FINE, "API_KEYS": {"second": entry}}
    assert found_by(check_settings) == [("W001", "DJANGO_CHATKIT['API_KEYS']['second'] has no API key.")]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1", []),
        ("http://localhost:8000/v1", []),
        ("http://LOCALHOST/v1", []),
        ("http://stand-in.localhost/v1", []),
        ("http://127.0.0.1/v1", []),
        ("http://127.8.9.1/v1", []),
        ("http://[::1]:8000/v1", []),
        ("http://api.openai.com/v1", ["W002"]),
        ("HTTP://api.openai.com/v1", ["W002"]),
        ("http://gateway:8080/v1", ["W002"]),
        ("http://192.168.0.2/v1", ["W002"]),
        ("http://localhost.example/v1", ["W002"]),
        ("http://notlocalhost/v1", ["W002"]),
        ("http://[2001:db8::1]/v1", ["W002"]),
    ],
)
def test_w002_unencrypted(settings, url, expected):
    settings.DJANGO_CHATKIT = {**FINE, "BASE_URL": url}
    assert ids(check_settings) == expected
    settings.DJANGO_CHATKIT = {**FINE, "API_KEYS": {"second": {"api_key": "sk-2", "base_url": url}}}
    assert ids(check_settings) == expected


def test_w002_says_which(settings):
    settings.DJANGO_CHATKIT = {**FINE, "API_KEYS": {"second": {"api_key": "sk-2", "base_url": "http://example.org"}}}
    assert found_by(check_settings) == [
        ("W002", "DJANGO_CHATKIT['API_KEYS']['second']['base_url'] sends the API key unencrypted.")
    ]


LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
DUMMY = "django.core.cache.backends.dummy.DummyCache"
REDIS = "django.core.cache.backends.redis.RedisCache"


@pytest.mark.parametrize(
    ("backend", "debug", "rate", "expected"),
    [
        (LOCMEM, False, "10/min", ["W003"]),
        (DUMMY, False, "10/min", ["W003"]),
        (LOCMEM, True, "10/min", []),
        (LOCMEM, False, None, []),
        (LOCMEM, False, "", []),
        (REDIS, False, "10/min", []),
        ("nowhere.at_all", False, "10/min", []),
    ],
)
def test_w003_cache_of_one_process(settings, backend, debug, rate, expected):
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": "redis://127.0.0.1:1"}}
    settings.DEBUG = debug
    settings.DJANGO_CHATKIT = {**FINE, "THROTTLE_RATE": rate}
    assert ids(check_project) == expected


def test_w003_with_djangos_default_cache_and_our_default_rate(settings):
    settings.DJANGO_CHATKIT = {}
    (message,) = check_project()
    assert isinstance(message, Warning)
    assert message.id == "django_chatkit.W003"
    settings.CACHES = {}
    assert ids(check_project) == []


@pytest.mark.parametrize(
    ("proxies", "rate", "expected"),
    [(None, "10/min", ["W004"]), (0, "10/min", []), (1, "10/min", []), (None, None, [])],
)
def test_w004_proxies(settings, proxies, rate, expected):
    settings.REST_FRAMEWORK = {"NUM_PROXIES": proxies}
    settings.DJANGO_CHATKIT = {**FINE, "THROTTLE_RATE": rate}
    assert ids(check_deployment) == expected


def test_w004_is_for_deployments_only(settings):
    settings.DJANGO_CHATKIT = FINE
    settings.CACHES = SHARED_CACHE
    assert run_checks(tags=[checks.TAG]) == []
    (message,) = run_checks(tags=[checks.TAG], include_deployment_checks=True)
    assert isinstance(message, Warning)
    assert message.id == "django_chatkit.W004"
    assert "NUM_PROXIES" in message.hint


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("today", "happens"),
    [
        (datetime.datetime(2026, 8, 1, tzinfo=datetime.UTC), "shuts down"),
        (datetime.datetime(2026, 11, 30, 23, 59, tzinfo=datetime.UTC), "shuts down"),
        (datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC), "was shut down"),
        (datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC), "was shut down"),
    ],
)
def test_w005_agent_builder(monkeypatch, today, happens):
    Workflow.objects.create(slug="support", workflow_id="wf_1")
    Workflow.objects.create(slug="billing", workflow_id="wf_2")
    Workflow.objects.create(slug="former", workflow_id="wf_3", is_active=False)
    monkeypatch.setattr(timezone, "now", lambda: today)
    (message,) = check_workflows(databases=["default"])
    assert isinstance(message, Warning)
    assert message.id == "django_chatkit.W005"
    assert message.msg == (
        f"OpenAI's Agent Builder {happens} on 30 November 2026; active workflows that run in it: billing, support."
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("count", "end"),
    [(10, ": w00, w01, w02, w03, w04, w05, w06, w07, w08, w09."), (11, ", w09 and 1 more."), (12, ", w09 and 2 more.")],
)
def test_w005_lists_ten_at_most(count, end):
    Workflow.objects.bulk_create(Workflow(slug=f"w{number:02}", workflow_id="wf_1") for number in range(count))
    (message,) = check_workflows(databases=["default"])
    assert message.msg.endswith(end)
    assert "w10" not in message.msg


@pytest.mark.django_db
def test_w006_key_that_is_not_in_the_settings(settings):
    for slug, name in (("default", ""), ("fine", "second"), ("empty", "third"), ("none", CANARY)):
        Workflow.objects.create(slug=slug, workflow_id="wf_1", api_key=name)
    Workflow.objects.create(slug="former", workflow_id="wf_1", api_key="gone", is_active=False)
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-1", "API_KEYS": {"second": "sk-2", "third": {"organization": "org-3"}}}
    _, message = check_workflows(databases=["default"])
    assert isinstance(message, Warning)
    assert message.id == "django_chatkit.W006"
    assert message.msg == "Active workflows whose API key is not in the settings: empty, none."
    assert "canary" not in str(message)


@pytest.mark.django_db
def test_w006_names_are_compared_exactly(settings):
    Workflow.objects.create(slug="support", workflow_id="wf_1", api_key="Second")
    settings.DJANGO_CHATKIT = {"API_KEYS": {"second": "sk-2"}}
    assert ids(check_workflows, databases=["default"]) == ["W005", "W006"]


@pytest.mark.django_db
def test_w006_default_key(settings, monkeypatch):
    Workflow.objects.create(slug="support", workflow_id="wf_1")
    settings.DJANGO_CHATKIT = {"API_KEYS": {"second": "sk-2"}}
    assert ids(check_workflows, databases=["default"]) == ["W005", "W006"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    assert ids(check_workflows, databases=["default"]) == ["W005"]


@pytest.mark.django_db
def test_no_workflow_no_message():
    assert ids(check_workflows, databases=["default"]) == []


@pytest.mark.django_db
def test_one_query_for_a_database(django_assert_num_queries):
    Workflow.objects.create(slug="support", workflow_id="wf_1")
    with django_assert_num_queries(3):  # two of them are the savepoint
        list(check_workflows(databases=["default"]))


@pytest.mark.parametrize("databases", [None, [], ()])
def test_no_query_where_no_database_is_named(databases):
    assert ids(check_workflows, databases=databases) == []


def test_no_query_in_the_other_checks():
    assert run_checks(include_deployment_checks=True, databases=None, tags=[checks.TAG]) == []


@pytest.mark.django_db
def test_no_query_where_the_router_keeps_the_tables_away(settings, django_assert_num_queries):
    settings.DATABASE_ROUTERS = ["tests.test_checks.NowhereRouter"]
    with django_assert_num_queries(0):
        assert ids(check_workflows, databases=["default"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["table", "column"])
def test_silent_before_migrate_and_the_open_transaction_stays_usable(monkeypatch, missing):
    Workflow.objects.create(slug="support", workflow_id="wf_1")
    with transaction.atomic():
        if missing == "table":
            monkeypatch.setattr(Workflow._meta, "db_table", "django_chatkit_not_there_yet")
        else:
            monkeypatch.setattr(Workflow._meta.get_field("api_key"), "column", "not_there_yet")
        assert ids(check_workflows, databases=["default"]) == []
        monkeypatch.undo()
        assert connection.needs_rollback is False
        assert Workflow.objects.count() == 1


def test_a_fresh_project_can_be_checked_and_migrated(tmp_path):
    """``migrate`` runs the database checks before there is a table."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DB_BACKEND": "sqlite"}
    done = subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--verbosity=0"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.django_db
def test_the_command_shows_them(settings, capsys):
    Workflow.objects.create(slug="support", workflow_id="wf_1")
    call_command("check", databases=["default"])
    assert "(django_chatkit.W005) OpenAI's Agent Builder" in capsys.readouterr().err
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-1", "APIKEY": CANARY}
    with pytest.raises(SystemCheckError, match=r"django_chatkit.E002.*\n.*HINT: Did you mean 'API_KEY'") as caught:
        call_command("check")
    assert "canary" not in str(caught.value)
