"""Tests of the self-hosted part. They need the extra ``server``, so all of them carry the marker ``services``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.storage import storages
from django.test import AsyncRequestFactory

from django_chatkit.models import Workflow
from django_chatkit.server import database
from django_chatkit.server.context import ChatKitContext

from .files import MEMORY
from .issued import Issued, issue
from .sending import Sender

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without the SDK these modules cannot be imported; a run that asks for them fails all the same."""
    unwanted = "not services" in str(config.option.markexpr)
    return True if unwanted and find_spec("chatkit") is None and collection_path.name.startswith("test_") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.services)


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store works in the test's own thread and so in its transaction. Await things with ``async_to_sync``."""
    monkeypatch.setattr(database, "in_this_thread", True)


@pytest.fixture(autouse=True)
def uncounted() -> None:
    """Nobody's requests have been counted yet."""
    cache.clear()


@pytest.fixture
def agents(settings: Any) -> Iterator[dict[str, Any]]:
    """The ``AGENTS`` setting, to be filled: names to dotted paths or objects."""
    known: dict[str, Any] = {"echo": "tests.server.echo.respond"}
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "AGENTS": known}
    yield known


@pytest.fixture
def workflow(db: None, agents: dict[str, Any]) -> Workflow:
    """A self-hosted workflow, open to everybody who is logged in."""
    return Workflow.objects.create(slug="help", name="Help", backend=Workflow.Backend.SELF_HOSTED, agent="echo")


@pytest.fixture
def issued(workflow: Workflow) -> Issued:
    """A session of ``workflow`` for ``user-1``, with its secret."""
    return issue(workflow, "user-1")


@pytest.fixture
def context(issued: Issued) -> ChatKitContext:
    """What the store is given for a request with that session."""
    return ChatKitContext.of(AsyncRequestFactory().post("/chatkit/chat/help/"), issued.session)


@pytest.fixture
def storage(settings: Any) -> Any:
    """Files stay in memory, in a storage that only this test knows."""
    settings.STORAGES = {**settings.STORAGES, "default": MEMORY}
    return storages["default"]


@pytest.fixture(params=["wsgi", "asgi"])
def send(request: pytest.FixtureRequest) -> Sender:
    """Sends requests through either of Django's handlers."""
    return Sender(request.param)
