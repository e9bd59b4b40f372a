"""*Try it out* in the admin, of workflows that this site runs: the page itself may come through WSGI or ASGI."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.files.storage import InMemoryStorage
from django.test import AsyncClient, Client
from django.test.utils import override_settings

from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow
from tests.callers import chatkit
from tests.test_purge_chatkit_threads import use
from tests.trying import section_of, table, url, words

from .test_check_chatkit import Broken, Full

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ready(settings: Any, agents: dict[str, Any]) -> None:
    use(settings, InMemoryStorage)
    chatkit(settings, DOMAIN_KEY="domain_pk_tests")


def through_asgi(user: User, workflow: Workflow) -> str:
    client = AsyncClient()
    client.force_login(user)
    response = async_to_sync(client.post)(url(workflow))
    assert response.status_code == 200
    return section_of(response.text, "test")


def through_wsgi(client: Client, workflow: Workflow) -> str:
    return section_of(client.post(url(workflow)).text, "test")


def test_all_is_well(admin_user: User, workflow: Workflow) -> None:
    html = through_asgi(admin_user, workflow)
    said = words(html)
    assert "The test session worked" in said
    assert "Its agent and the cache can be used. Uploads are off." in said
    assert "This command" not in said
    rows = table(html)
    assert (rows["Agent"], rows["Lifetime"], rows["Tracing"]) == ("echo", "600 seconds", "off")
    assert "Version" not in rows
    assert rows["History"] == "on"
    record = ChatSession.objects.get()
    assert record.status == "cancelled"
    assert record.secret_digest not in html


def test_wsgi_cannot_stream(admin_client: Client, workflow: Workflow) -> None:
    said = words(through_wsgi(admin_client, workflow))
    assert "This page came through WSGI, which cannot stream" in said
    assert "This site must be mended." in said


def test_no_domain_key(admin_user: User, workflow: Workflow, settings: Any) -> None:
    chatkit(settings, DOMAIN_KEY=None)
    assert "DOMAIN_KEY is not set: the chat stays blank." in words(through_asgi(admin_user, workflow))
    with override_settings(DEBUG=True):
        assert "DOMAIN_KEY is not set" not in words(through_asgi(admin_user, workflow))


def test_an_agent_that_cannot_be_imported(
    admin_user: User, workflow: Workflow, agents: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "an_agent_of_the_page.py").write_text("\n\nimport a_module_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    agents["echo"] = "an_agent_of_the_page.agent"
    said = words(through_asgi(admin_user, workflow))
    assert "The agent 'echo' fails. ModuleNotFoundError: No module named 'a_module_that_nobody_has'" in said
    assert "(an_agent_of_the_page, line 3)" in said


def test_an_agent_that_the_settings_lost(admin_user: User, workflow: Workflow, agents: dict[str, Any]) -> None:
    del agents["echo"]
    assert "has no agent 'echo'" in words(through_asgi(admin_user, workflow))


def test_everything_that_is_wrong_is_said_at_once(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="Uploads", file_upload_enabled=True)
    workflow.save()
    use(settings, Full)
    settings.CACHES = {"default": {"BACKEND": f"{Broken.__module__}.{Broken.__qualname__}"}}
    chatkit(settings, DOMAIN_KEY=None)
    html = through_wsgi(admin_client, workflow)
    assert html.count('class="chatkit-problem"') == 4
    assert "No space left on device" in html
    assert "/secret/path" not in html
    assert "Connection refused" in html
