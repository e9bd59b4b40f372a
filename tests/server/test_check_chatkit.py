"""``check_chatkit`` and the system checks, with the SDK and real agents."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from agents import Agent
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command

from django_chatkit.checks import check_settings
from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow
from django_chatkit.server.files import FOLDER, storage
from tests.callers import chatkit
from tests.test_purge_chatkit_threads import use

pytestmark = pytest.mark.django_db

AGENT: Agent[Any] = Agent(name="Help")
NEITHER = "a text"


class Broken(LocMemCache):
    """Nobody is at home."""

    def add(self, *args: Any, **kwargs: Any) -> bool:
        raise ConnectionRefusedError(111, "Connection refused")


class Full(InMemoryStorage):
    def _save(self, name: str, content: Any) -> str:
        raise OSError(28, "No space left on device", "/secret/path")


class Forbidden(InMemoryStorage):
    def _save(self, name: str, content: Any) -> str:
        raise ValueError("https://storage.example/?signature=canary")


class Garbling(InMemoryStorage):
    def _save(self, name: str, content: Any) -> str:
        name: str = super()._save(name, ContentFile(b"something else"))
        return name


@pytest.fixture(autouse=True)
def memory(settings: Any) -> None:
    use(settings, InMemoryStorage)


@pytest.fixture(autouse=True)
def domain_key(settings: Any, agents: dict[str, Any]) -> None:
    chatkit(settings, DOMAIN_KEY="domain_pk_tests")


def with_uploads(workflow: Workflow) -> None:
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="Uploads", file_upload_enabled=True)
    workflow.save()


def checked() -> list[str]:
    out = io.StringIO()
    call_command("check_chatkit", "help", stdout=out)
    return out.getvalue().splitlines()


def refused() -> str:
    with pytest.raises(CommandError) as caught:
        checked()
    assert caught.value.returncode == 1
    return str(caught.value)


def test_all_is_well(workflow: Workflow) -> None:
    first, second, third = checked()
    assert re.match(r"help: A session was issued in \d+\.\d+ s ", first)
    assert second == "help: Its agent and the cache can be used. Uploads are off."
    assert third.startswith("help: Does an ASGI server, such as uvicorn or daphne, serve this site?")
    assert ChatSession.objects.get().status == "cancelled"


def test_uploads_are_tried_and_leave_nothing_behind(workflow: Workflow) -> None:
    with_uploads(workflow)
    assert checked()[1] == "help: Its agent, the storage and the cache can be used. Uploads are on."
    assert storage().listdir(FOLDER) == ([], [])


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("tests.server.test_check_chatkit.NEITHER", "is of type str: it must be "),
        ("tests.server.test_check_chatkit.missing", "fails. ImportError: "),
        ("tests.server.test_check_chatkit.storage", "is of type function: it must be "),
    ],
)
def test_an_agent_that_cannot_be_used(workflow: Workflow, agents: dict[str, Any], agent: str, words: str) -> None:
    agents["echo"] = agent
    assert refused().startswith(f"help: The agent 'echo' {words}")


def test_a_module_that_fails(workflow: Workflow, agents: dict[str, Any], tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "an_agent_that_fails.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    agents["echo"] = "an_agent_that_fails.agent"
    assert (
        refused() == "help: The agent 'echo' fails. ZeroDivisionError: division by zero (an_agent_that_fails, line 1)"
    )


def test_an_agent_that_the_settings_lost(workflow: Workflow, agents: dict[str, Any]) -> None:
    del agents["echo"]
    assert "has no agent 'echo'" in refused()
    assert not ChatSession.objects.exists()


@pytest.mark.parametrize(
    ("backend", "words"),
    [
        (DummyCache, "does not keep what it is given: nobody is limited."),
        (Broken, "fails. ConnectionRefusedError: [Errno 111] Connection refused"),
    ],
)
def test_a_cache_that_does_not_count(workflow: Workflow, settings: Any, backend: type, words: str) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{backend.__module__}.{backend.__qualname__}"}}
    message = refused()
    assert message.startswith("help: The cache, which counts the requests per minute, ")
    assert words in message


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Full, "fails. OSError: No space left on device"),
        (Forbidden, "fails. ValueError"),
        (Garbling, "gives back something else than it was given."),
    ],
)
def test_a_storage_that_takes_nothing(workflow: Workflow, settings: Any, kind: type, words: str) -> None:
    use(settings, kind)
    assert len(checked()) == 3  # nobody uploads anything
    with_uploads(workflow)
    assert refused() == f"help: The storage of uploaded files {words}"


def test_without_a_domain_key(workflow: Workflow, settings: Any) -> None:
    chatkit(settings, DOMAIN_KEY=None)
    assert refused().startswith("help: DOMAIN_KEY is not set: the chat stays blank.")
    settings.DEBUG = True
    assert len(checked()) == 3


def test_everything_that_is_wrong_is_said_at_once(workflow: Workflow, settings: Any, agents: dict[str, Any]) -> None:
    agents["echo"] = NEITHER
    with_uploads(workflow)
    use(settings, Full)
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert len(refused().splitlines()) == 3


@pytest.mark.parametrize("agent", ["tests.server.echo.respond", "tests.server.test_check_chatkit.AGENT", AGENT])
def test_good_agents_pass_the_system_checks(agents: dict[str, Any], agent: Any) -> None:
    agents["echo"] = agent
    assert check_settings() == []


@pytest.mark.parametrize("agent", ["tests.server.test_check_chatkit.NEITHER", None, Workflow, checked])
def test_what_is_no_agent_fails_them(agents: dict[str, Any], agent: Any) -> None:
    agents["echo"] = agent
    (message,) = check_settings()
    assert message.id == "django_chatkit.E005"
    assert message.msg.startswith("DJANGO_CHATKIT['AGENTS']['echo'] is ")
