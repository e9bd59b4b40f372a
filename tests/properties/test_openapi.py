"""The API does what its own OpenAPI description says: with requests that keep to it, and with those that do not."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.conf import settings as project
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from hypothesis import settings

from django_chatkit.models import ChatSession
from django_chatkit.throttling import SessionThrottle
from tests.behaviours import Behaviour, answer, error, hang_up, silent
from tests.callers import CSRF_TOKEN, SESSIONS, Browser, a_user, a_workflow, chatkit
from tests.fake_openai import FakeOpenAI

from .anything import undone

pytestmark = pytest.mark.django_db

CANCEL, DETAIL = f"{SESSIONS}{{session_id}}/cancel/", f"{SESSIONS}{{session_id}}/"


def description() -> dict[str, Any]:
    """What drf-spectacular says, with what it cannot know of this site: a page may set ``page``, and nothing else."""
    with override_settings(
        INSTALLED_APPS=[*project.INSTALLED_APPS, "drf_spectacular"],
        REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"},
    ):
        from drf_spectacular.generators import SchemaGenerator

        described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    request = described["components"]["schemas"]["ChatKitSessionRequest"]
    variables = request["properties"]["state_variables"]
    variables["properties"] = {"page": variables["additionalProperties"]}
    variables["additionalProperties"] = False
    return described


schema = schemathesis.openapi.from_dict(description())
schema.app = get_wsgi_application()
schema.config.seed = 1
few = settings(max_examples=settings.default.max_examples // 4)


@pytest.fixture
def ada(openai: FakeOpenAI) -> Browser:
    """Who is logged in, with a session that has been cancelled and two that have not."""
    a_workflow(client_state_variables=["page"])
    browser = Browser(a_user())
    for _ in range(3):
        assert browser.issue(refresh=True).status_code == 201
    browser.cancel(ids()[0])
    return browser


def ids() -> list[str]:
    return list(ChatSession.objects.order_by("id").values_list("session_id", flat=True))


def sent_by(browser: Browser, case: schemathesis.Case, **options: Any) -> schemathesis.Response:
    """As a browser sends it: its own cookies and token, and nothing in their place."""
    case.cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    case.headers.pop("Authorization", None)
    # The header tells the checks that the cookies are meant; the test client writes it from the cookies themselves.
    headers = {"Cookie": "; ".join(case.cookies), "X-CSRFToken": CSRF_TOKEN}
    with undone():
        return case.call_and_validate(headers=headers, **options)


@schema.parametrize()
@few
def test_whoever_is_logged_in(case: schemathesis.Case, ada: Browser) -> None:
    sent_by(ada, case)


@schema.parametrize()
@few
def test_whoever_is_not(case: schemathesis.Case, openai: FakeOpenAI) -> None:
    with undone():
        a_workflow(client_state_variables=["page"])
        case.call_and_validate()
    assert not openai.requests


@schema.include(path=[DETAIL, CANCEL]).parametrize()
@settings(max_examples=5)
def test_sessions_that_there_are(case: schemathesis.Case, ada: Browser) -> None:
    for session_id in ids():
        case.path_parameters["session_id"] = session_id
        if case.method in ("GET", "POST"):
            sent_by(ada, case)


FAILURES: dict[str, tuple[Behaviour, int]] = {
    "an operator's fault": (error(401), 503),
    "OpenAI is busy": (error(429, headers={"Retry-After": "7"}), 503),
    "OpenAI fails": (error(500), 502),
    "no JSON": (answer(200, b"<html>"), 502),
    "no answer": (hang_up, 502),
    "silence": (silent, 504),
}


@pytest.mark.parametrize(("failure", "status"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("path", [SESSIONS, CANCEL])
def test_failures_are_described(
    ada: Browser, openai: FakeOpenAI, settings: Any, path: str, failure: Behaviour, status: int
) -> None:
    chatkit(settings, MAX_RETRIES=0, DEADLINE=0.4 if failure is silent else 15)
    case = schema[path]["POST"].Case(path_parameters={"session_id": ids()[-1]} if path == CANCEL else {})
    if path == SESSIONS:
        case.body, case.media_type = {"refresh": True}, "application/json"
    openai.script(failure)
    response = sent_by(ada, case, excluded_checks=[schemathesis.checks.not_a_server_error])
    assert response.status_code == status


def test_refusals_are_described(ada: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionThrottle, "timer", staticmethod(lambda: 1_800_000_000.0))  # a day that does not end
    chatkit(settings, THROTTLE_RATE="1/day")
    issue = schema[SESSIONS]["POST"]
    refused = []
    for body, media_type in (
        ({"refresh": True}, "application/json"),
        ({"refresh": True}, "application/json"),
        ({"workflow": "other"}, "application/json"),
        ({"workflow": "x" * 70_000}, "application/json"),
        ({"other": 1}, "application/json"),
        (b"{", "application/json"),
        (b"a=1", "application/x-www-form-urlencoded"),
    ):
        case = issue.Case(body=body, media_type="application/json", headers={"Content-Type": media_type})
        refused.append(sent_by(ada, case).status_code)
    assert refused == [201, 429, 404, 413, 400, 400, 415]


def test_a_site_that_does_not_know_its_users_is_described(ada: Browser, settings: Any) -> None:
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: "")
    for case in (schema[SESSIONS]["GET"].Case(), schema[DETAIL]["GET"].Case(path_parameters={"session_id": "x"})):
        response = sent_by(ada, case, excluded_checks=[schemathesis.checks.not_a_server_error])
        assert response.status_code == 503
