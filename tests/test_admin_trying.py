"""*Try it out* in the admin: test sessions, the live preview, who may do what, and that no secret is on the page."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone, translation

from django_chatkit.models import ChatSession, Workflow

from .behaviours import answer, error, hang_up, normal, silent
from .callers import a_workflow, chatkit
from .canaries import answered, places
from .fake_openai import FakeOpenAI
from .trying import part, section_of, staff, table, url, words

pytestmark = pytest.mark.django_db

KEY = "sk-tests-canary-key-6fa2c1e9d04b7358Zq9X"


@pytest.fixture
def workflow() -> Workflow:
    return a_workflow(state_variables={"plan": "free"}, client_state_variables=["page"])


def result_of(client: Client, workflow: Workflow) -> str:
    response = client.post(url(workflow))
    assert response.status_code == 200
    return section_of(response.text, "test")


def diagnosis(client: Client, workflow: Workflow) -> str:
    html = result_of(client, workflow)
    assert 'role="alert"' in html
    return words(html.split('role="alert"')[1])


# The page


def test_the_form_leads_to_it(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.get(f"/admin/django_chatkit/workflow/{workflow.pk}/change/").text
    assert f'<a href="{url(workflow)}">Try it out</a>' in page
    assert url(workflow) == f"/admin/django_chatkit/workflow/{workflow.pk}/try/"
    page = admin_client.get("/admin/django_chatkit/workflow/add/").text
    assert "Try it out" not in page


def test_it_leads_back_and_has_nothing_inline(admin_client: Client, openai: FakeOpenAI, workflow: Workflow) -> None:
    for page in (admin_client.get(url(workflow), {"preview": "1"}).text, admin_client.post(url(workflow)).text):
        assert f'<a href="/admin/django_chatkit/workflow/{workflow.pk}/change/">Support</a>' in page
        assert "style=" not in page
        assert "onclick" not in page
        assert all("src=" in script.split(">")[0] for script in page.split("<script")[1:])


@pytest.mark.parametrize(
    ("codenames", "status"),
    [((), 403), (("test_workflow",), 403), (("view_workflow",), 200), (("change_workflow",), 200)],
)
def test_who_may_look(workflow: Workflow, codenames: tuple[str, ...], status: int) -> None:
    client = staff(*codenames)
    assert client.get(url(workflow)).status_code == status
    assert Client().get(url(workflow)).status_code == 302


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_methods(admin_client: Client, workflow: Workflow, method: str) -> None:
    assert getattr(admin_client, method)(url(workflow)).status_code == 405


@pytest.mark.parametrize("which", ["99999", "x", "1_3"])
def test_no_such_workflow(admin_client: Client, which: str) -> None:
    assert admin_client.get(f"/admin/django_chatkit/workflow/{which}/try/").status_code == 404
    assert staff().get(f"/admin/django_chatkit/workflow/{which}/try/").status_code == 403


def test_queries_are_few_and_do_not_grow(admin_client: Client, openai: FakeOpenAI) -> None:
    ContentType.objects.get_for_model(Workflow)  # which the log of the admin asks for once, and then remembers
    counts = []
    for number in (1, 40):
        variables = {f"name{index}": "x" for index in range(number)}
        one = a_workflow(f"w{number}", state_variables=variables, client_state_variables=[*variables, "page"])
        for group in range(number):
            one.groups.add(Group.objects.create(name=f"{number} {group}"))
        with CaptureQueriesContext(connection) as asked:
            admin_client.get(url(one), {"preview": "1"})
        with CaptureQueriesContext(connection) as tried:
            admin_client.post(url(one))
        counts.append((len(asked), len(tried)))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 6


def test_another_language(admin_client: Client, workflow: Workflow) -> None:
    with override_settings(LANGUAGE_CODE="ar"), translation.override("ar"):
        page = admin_client.get(url(workflow)).text
    assert 'dir="rtl"' in page
    assert '<pre class="chatkit-json" dir="ltr"' in page


# Test sessions


def test_a_test_session(admin_client: Client, openai: FakeOpenAI, workflow: Workflow) -> None:
    Workflow.objects.update(expires_after=300, version="4", max_requests_per_1_minute=7, tracing_enabled=False)
    html = result_of(admin_client, workflow)
    record = ChatSession.objects.get()
    assert openai.cancelled == [record.session_id]
    assert 'role="status"' in html
    assert "The test session worked" in html
    rows = table(html)
    assert rows.pop("Round-trip time").endswith(" ms")
    assert rows == {
        "Session id": record.session_id,
        "Lifetime": "300 seconds",
        "Workflow id": "wf_support",
        "Version": "4",
        "Tracing": "off",
        "Requests per minute": "7",
        "OpenAI's request id": record.request_id,
        "Automatic thread titles": "on",
        "File upload": "off",
        "Largest file, in megabytes": "512",
        "Largest number of files": "10",
        "History": "on",
        "Recent threads": "no limit",
    }


def test_an_answer_that_says_little(admin_client: Client, openai: FakeOpenAI, workflow: Workflow) -> None:
    content = {"client_secret": "ek_canary", "expires_at": int(timezone.now().timestamp()) + 600}
    openai.script(answer(200, content, {"x-request-id": ""}))
    html = result_of(admin_client, workflow)
    assert set(table(html)) == {"Session id", "Lifetime", "Round-trip time", "Workflow id", "Version"}
    assert table(html)["Version"] == "the latest deployed one"
    assert "The answer says nothing about it." in html
    assert "ek_canary" not in html


def test_it_needs_a_permission_of_its_own(openai: FakeOpenAI, workflow: Workflow) -> None:
    client = staff("view_workflow", "change_workflow")
    assert "You need the permission" in part(client, workflow, "test")
    assert "<form" not in part(client, workflow, "test")
    assert client.post(url(workflow)).status_code == 403
    assert openai.requests == []
    assert "The test session worked" in result_of(staff("view_workflow", "test_workflow", name="tester"), workflow)


def test_it_needs_a_token(openai: FakeOpenAI, workflow: Workflow, admin_user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(url(workflow)).status_code == 403
    assert openai.requests == []


def test_it_counts_against_nobody(
    admin_client: Client, admin_user: User, openai: FakeOpenAI, workflow: Workflow, settings: Any
) -> None:
    chatkit(settings, THROTTLE_RATE="1/day")
    for _ in range(3):
        assert "worked" in result_of(admin_client, workflow)
    assert not ChatSession.objects.filter(user=admin_user).exists()
    assert all(name.startswith("check-") for name in ChatSession.objects.values_list("user_identifier", flat=True))
    assert admin_client.post("/chatkit/sessions/", {}, "application/json").status_code == 201


def test_the_log_says_who_did_it(admin_client: Client, openai: FakeOpenAI, workflow: Workflow) -> None:
    result_of(admin_client, workflow)
    openai.script(error(401))
    result_of(admin_client, workflow)
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert said == ["Issued a test session.", "Tried in vain to issue a test session."]


def test_an_inactive_workflow_can_be_tested(admin_client: Client, openai: FakeOpenAI, workflow: Workflow) -> None:
    Workflow.objects.update(is_active=False)
    assert "worked" in result_of(admin_client, workflow)


FAILURES = {
    "refused key": ([error(401)], "does not accept the API key (401)", True),
    "no credit": ([error(429, "insufficient_quota")], "no credit left", True),
    "network": ([hang_up], "A firewall may block the way to OpenAI.", False),
    "timeout": ([silent], "OpenAI did not answer in time.", False),
    "OpenAI": ([error(500)], "This is OpenAI's fault", False),
    "proxy": ([answer(200, b"<html>")], "may answer in its place", False),
    "not cancelled": ([normal, error(500)], "could not be cancelled", False),
}


@pytest.mark.parametrize("name", FAILURES)
def test_diagnoses(admin_client: Client, openai: FakeOpenAI, workflow: Workflow, settings: Any, name: str) -> None:
    behaviours, expected, ours = FAILURES[name]
    chatkit(settings, TIMEOUT=(15, 0.3 if silent in behaviours else 15), MAX_RETRIES=0)
    openai.script(*behaviours)
    said = diagnosis(admin_client, workflow)
    assert "The test session found a problem" in said
    assert expected in said
    assert ("This site must be mended." in said) is ours
    assert ("OpenAI or the network is at fault" in said) is not ours


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ((2026, 11, 30), "another organization or project"),
        ((2026, 12, 1), "OpenAI closed the workflows that it ran on 30 November 2026"),
    ],
)
def test_a_workflow_that_openai_does_not_know(
    admin_client: Client,
    openai: FakeOpenAI,
    workflow: Workflow,
    monkeypatch: pytest.MonkeyPatch,
    day: tuple[int, int, int],
    expected: str,
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime.datetime(*day, tzinfo=datetime.UTC))
    openai.script(error(404))
    said = diagnosis(admin_client, workflow)
    assert expected in said
    assert "This site must be mended." in said


def test_no_key(admin_client: Client, workflow: Workflow, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("CHATKIT_OPENAI_API_KEY", raising=False)
    chatkit(settings, API_KEY=None)
    assert "No OpenAI API key: set" in diagnosis(admin_client, workflow)


def test_no_key_and_no_secret_is_on_the_page(
    admin_client: Client, openai: FakeOpenAI, workflow: Workflow, settings: Any
) -> None:
    chatkit(settings, API_KEY=KEY, API_KEYS={"second": KEY + "2"}, MAX_RETRIES=0)
    leaky = {"error": {"message": f"Incorrect API key: {KEY}", "code": KEY}}
    pages = [admin_client.get(url(workflow), {"preview": "1"}), admin_client.post(url(workflow))]
    openai.script(answer(401, leaky, {"x-request-id": KEY}))
    pages.append(admin_client.post(url(workflow)))
    assert len(openai.secrets) == 1
    for page in pages:
        assert places(answered(page), [KEY, *openai.secrets]) == []
