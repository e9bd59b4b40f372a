"""The checks of what self-hosted workflows need, and that sites without OpenAI's key are left in peace."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from django.core.checks import Error, Warning  # noqa: A004  (Django's own name)
from django.core.management import call_command
from django.db import connections

from django_chatkit.checks import check_domain_key, check_project, check_settings, check_workflows

from .callers import a_workflow, chatkit
from .test_checks import LOCMEM, SHARED_CACHE, found_by, ids


@pytest.fixture
def no_key(monkeypatch):
    for name in ("CHATKIT_OPENAI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def with_sdk(monkeypatch, *, installed):
    """As if the extra were installed, or not, whatever is true here."""
    for module in ("values", "workflows"):
        monkeypatch.setattr(f"django_chatkit.checks.{module}.find_spec", lambda name: installed or None)


def self_hosted(slug="help", **fields):
    return a_workflow(slug, **{"backend": "self_hosted", "agent": "support", "workflow_id": "", **fields})


def some_agent():
    """Imported by path in these tests."""


# AGENTS


def test_agents_are_left_alone_without_the_sdk(settings, monkeypatch):
    with_sdk(monkeypatch, installed=False)
    chatkit(settings, AGENTS={"support": "tests.test_checks_self_hosted.some_agent"})
    assert check_settings() == []


@pytest.mark.parametrize("module", ["chatkit.server", "agents"])
def test_e004_an_agent_that_needs_the_sdk_says_how_to_install_it(settings, monkeypatch, tmp_path, module):
    (tmp_path / "needs_the_sdk.py").write_text(f"raise ModuleNotFoundError(name={module!r})")
    monkeypatch.syspath_prepend(tmp_path)
    chatkit(settings, AGENTS={"support": "needs_the_sdk.agent"})
    (message,) = check_settings()
    assert message.id == "django_chatkit.E004"
    assert message.hint == "pip install 'django-openai-chatkit[server]'"


def test_e005_says_what_the_server_part_says(settings, monkeypatch):
    with_sdk(monkeypatch, installed=True)
    judge = ModuleType("django_chatkit.server.agents")
    judge.kind_problem = lambda found: None if found is some_agent else "is no agent"
    monkeypatch.setitem(sys.modules, "django_chatkit.server.agents", judge)
    chatkit(settings, AGENTS={"good": "tests.test_checks_self_hosted.some_agent", "bad": "tests.test_checks.FINE"})
    (message,) = check_settings()
    assert isinstance(message, Error)
    assert (message.id, message.msg) == ("django_chatkit.E005", "DJANGO_CHATKIT['AGENTS']['bad'] is no agent.")


def test_e005_an_agent_that_is_nothing(settings, monkeypatch):
    with_sdk(monkeypatch, installed=False)
    chatkit(settings, AGENTS={"support": None})
    assert found_by(check_settings) == [("E005", "DJANGO_CHATKIT['AGENTS']['support'] is nothing.")]


@pytest.mark.parametrize("agents", [["support"], {"": "a.b"}, {5: "a.b"}, "support"])
def test_e003_agents_without_names(settings, agents):
    chatkit(settings, AGENTS=agents)
    assert ids(check_settings) == ["E003"]


def test_a_site_with_agents_needs_no_key(settings, no_key, monkeypatch):
    with_sdk(monkeypatch, installed=False)
    settings.DJANGO_CHATKIT = {"AGENTS": {"support": "tests.test_checks_self_hosted.some_agent"}}
    assert check_settings() == []
    settings.DJANGO_CHATKIT = {"AGENTS": {}}
    assert ids(check_settings) == ["W001"]


# The project


@pytest.mark.parametrize(
    ("rate", "agents", "words"),
    [
        ("10/min", {}, "THROTTLE_RATE is counted in"),
        (None, {"support": "a.b"}, "the requests per minute of self-hosted workflows are counted in"),
        (
            "10/min",
            {"support": "a.b"},
            "THROTTLE_RATE and the requests per minute of self-hosted workflows are counted",
        ),
        (None, {}, None),
    ],
)
def test_w003_what_is_counted_per_process(settings, monkeypatch, rate, agents, words):
    monkeypatch.setattr("django_chatkit.checks.project._gives_up", lambda connection: False)
    settings.CACHES = {"default": {"BACKEND": LOCMEM}}
    chatkit(settings, THROTTLE_RATE=rate, AGENTS=agents)
    messages = list(check_project())
    assert [message.id for message in messages] == ["django_chatkit.W003"] * (words is not None)
    for message in messages:
        assert message.msg.startswith(words)
        assert ("THROTTLE_RATE to None" in message.hint) is not bool(agents)  # which would not help here


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["W007"]),
        ({"transaction_mode": None}, ["W007"]),
        ({"transaction_mode": "DEFERRED"}, ["W007"]),
        ({"transaction_mode": "IMMEDIATE"}, []),
        ({"transaction_mode": "immediate"}, []),
        ({"transaction_mode": "EXCLUSIVE"}, []),
    ],
)
def test_w007_sqlite_that_gives_up(settings, monkeypatch, options, expected):
    settings.CACHES = SHARED_CACHE
    monkeypatch.setattr(connections["default"], "vendor", "sqlite")
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", options)
    chatkit(settings, AGENTS={"support": "a.b"})
    messages = list(check_project())
    assert [message.id.removeprefix("django_chatkit.") for message in messages] == expected
    assert all("transaction_mode" in message.hint and isinstance(message, Warning) for message in messages)
    chatkit(settings, AGENTS={})
    assert list(check_project()) == []


def test_w007_is_for_sqlite(settings, monkeypatch):
    settings.CACHES = SHARED_CACHE
    monkeypatch.setattr(connections["default"], "vendor", "postgresql")
    chatkit(settings, AGENTS={"support": "a.b"})
    assert list(check_project()) == []


# The workflows


@pytest.mark.django_db
def test_self_hosted_workflows_outlive_agent_builder_and_need_no_key(settings, monkeypatch, no_key):
    with_sdk(monkeypatch, installed=True)
    self_hosted(workflow_id="wf_1", api_key="gone")
    settings.DJANGO_CHATKIT = {"AGENTS": {"support": "a.b"}}
    assert list(check_workflows(databases=["default"])) == []
    a_workflow("sales")
    (shutdown, keyless) = check_workflows(databases=["default"])
    assert (shutdown.id, keyless.id) == ("django_chatkit.W005", "django_chatkit.W006")
    for message in (shutdown, keyless):
        assert message.msg.endswith(": sales.")
    assert "django-openai-chatkit[server]" in shutdown.hint
    assert "docs/self-hosting.md" in shutdown.hint


@pytest.mark.django_db
def test_w008_the_extra_is_missing(settings, monkeypatch):
    with_sdk(monkeypatch, installed=False)
    chatkit(settings, AGENTS={"support": "a.b"})
    self_hosted()
    self_hosted("former", is_active=False)
    (message,) = check_workflows(databases=["default"])
    assert message.id == "django_chatkit.W008"
    assert message.msg.endswith("active workflows that need it: help.")
    assert message.hint == "pip install 'django-openai-chatkit[server]'"


@pytest.mark.django_db
def test_w009_the_agent_is_lost(settings, monkeypatch):
    with_sdk(monkeypatch, installed=True)
    self_hosted("fine")
    self_hosted("lost", agent="former")
    self_hosted("inactive", agent="former", is_active=False)
    a_workflow("hosted", agent="former")
    chatkit(settings, AGENTS={"support": "a.b"})
    _, message = check_workflows(databases=["default"])
    assert message.id == "django_chatkit.W009"
    assert message.msg == "Active workflows whose agent is not in the settings: lost."
    chatkit(settings, AGENTS="nonsense")
    assert ids(check_workflows, databases=["default"]) == ["W005", "W009"]


@pytest.mark.django_db
def test_a_lost_agent_does_not_stop_migrate(settings, monkeypatch):
    """Or nobody could deploy the migration that names another one."""
    with_sdk(monkeypatch, installed=False)
    self_hosted(agent="former")
    chatkit(settings, AGENTS={})
    call_command("migrate", verbosity=0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("debug", "key", "expected"),
    [(False, None, ["E009"]), (False, "", ["E009"]), (False, "key_1", []), (True, None, [])],
)
def test_e009_the_key_of_the_domain(settings, debug, key, expected):
    settings.DEBUG = debug
    chatkit(settings, DOMAIN_KEY=key)
    a_workflow("sales")
    self_hosted("former", is_active=False)
    assert ids(check_domain_key, databases=["default"]) == []
    self_hosted()
    messages = list(check_domain_key(databases=["default"]))
    assert [message.id.removeprefix("django_chatkit.") for message in messages] == expected
    assert all(isinstance(message, Error) and ": help." in message.msg for message in messages)
    assert ids(check_domain_key, databases=None) == []


def test_nothing_of_the_sdk_is_imported_without_agents(settings, monkeypatch):
    monkeypatch.setattr("django_chatkit.checks.values.find_spec", lambda name: pytest.fail("asked for the SDK"))
    chatkit(settings, AGENTS={})
    assert check_settings() == []
