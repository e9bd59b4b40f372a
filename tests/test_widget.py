"""``widget_config``: where the element goes, and for which workflow."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.middleware.csrf import _does_token_match  # type: ignore[attr-defined]
from django.template import TemplateSyntaxError
from django.test import RequestFactory
from django.urls import path, reverse

from django_chatkit import widget
from django_chatkit.conf import SCRIPT_URL
from django_chatkit.models import Workflow
from django_chatkit.texts import widget_texts
from django_chatkit.widget import widget_config

from .callers import a_workflow

urlpatterns = [path("nothing/", lambda request: None)]


@pytest.fixture
def request_(rf: RequestFactory) -> HttpRequest:
    request = rf.get("/")
    request.user = AnonymousUser()
    return request


#: A workflow that is at hand needs no query: without the django_db mark, one is an error.
PLAIN = Workflow(slug="support", name="Support", workflow_id="wf_1")


def test_the_element_is_told_where_to_go_and_nothing_else(request_: HttpRequest) -> None:
    config = widget_config(request_, PLAIN)
    assert config.pop("texts") == widget_texts()
    token = config["csrf"].pop("token")
    assert config == {
        "url": reverse("django_chatkit:session-list"),
        "script": SCRIPT_URL,
        "workflow": "support",
        "layout": "inline",
        "resume": True,
        "login_url": "/accounts/login/",
        "csrf": {"header": "X-CSRFTOKEN", "cookie": "csrftoken"},
        "options": {"locale": "en"},
    }
    assert _does_token_match(token, request_.META["CSRF_COOKIE"])


def test_the_domain_key_is_for_the_browser(settings: Any) -> None:
    assert "domain_key" not in widget_config(None, PLAIN)
    settings.DJANGO_CHATKIT = {"DOMAIN_KEY": "domain_pk_1"}
    assert widget_config(None, PLAIN)["domain_key"] == "domain_pk_1"
    settings.DEBUG, settings.DJANGO_CHATKIT = True, {}
    assert widget_config(None, PLAIN)["domain_key"] == "local-dev"


def test_the_script_can_be_set(settings: Any) -> None:
    settings.DJANGO_CHATKIT = {"SCRIPT_URL": "/static/other.js"}
    assert widget_config(None, PLAIN)["script"] == "/static/other.js"


def test_urls_that_are_not_included_are_named(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    with pytest.raises(ImproperlyConfigured, match="urlpatterns"):
        widget_config(None, PLAIN)


@pytest.mark.parametrize(
    ("setting", "address"), [("/login/", "/login/"), ("admin:login", "/admin/login/"), ("no-such-route", None)]
)
def test_where_to_log_in_if_there_is_such_a_page(setting: str, address: str | None, settings: Any) -> None:
    settings.LOGIN_URL = setting
    assert widget_config(None, PLAIN).get("login_url") == address


def test_state_variables_travel_as_they_are() -> None:
    told = {"plan": "gold", "seats": 3, "trial": False}
    config = widget_config(None, PLAIN, state_variables=told)
    assert config["state_variables"] == told
    assert "state_variables" not in config["options"]


def test_height_and_resume_are_for_the_element() -> None:
    config = widget_config(None, PLAIN, height="600px", resume=False)
    assert (config["height"], config["resume"]) == ("600px", False)
    assert config["options"] == {"locale": "en"}


# --- CSRF ---


def test_csrf_follows_the_settings(settings: Any) -> None:
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    settings.CSRF_COOKIE_NAME = "xsrf"
    assert widget_config(None, PLAIN)["csrf"] == {"header": "X-XSRF-TOKEN", "cookie": "xsrf", "token": None}


@pytest.mark.parametrize("setting", ["CSRF_COOKIE_HTTPONLY", "CSRF_USE_SESSIONS"])
def test_an_unreadable_cookie_is_not_named(setting: str, settings: Any, request_: HttpRequest) -> None:
    request_.session = {}  # type: ignore[assignment]
    setattr(settings, setting, True)
    csrf = widget_config(request_, PLAIN)["csrf"]
    assert csrf["cookie"] is None
    assert csrf["token"]


# --- which workflow ---


@pytest.mark.django_db
def test_the_look_is_asked_for_once_in_a_request(request_: HttpRequest, django_assert_num_queries: Any) -> None:
    a_workflow(greeting="Hello", state_variables={"plan": "gold"})
    with django_assert_num_queries(1) as asked:
        first, second = widget_config(request_, "support"), widget_config(request_, "support")
    assert first["options"]["startScreen"] == second["options"]["startScreen"] == {"greeting": "Hello"}
    assert "state_variables" not in asked.captured_queries[0]["sql"]
    with django_assert_num_queries(1):
        widget_config(RequestFactory().get("/"), "support")


@pytest.mark.django_db
def test_without_a_request_nothing_is_remembered(django_assert_num_queries: Any) -> None:
    workflow = a_workflow(greeting="Hello")
    with django_assert_num_queries(1):
        widget_config(None, "support")
    workflow.greeting = "Good day"
    workflow.save()
    assert widget_config(None, "support")["options"]["startScreen"] == {"greeting": "Good day"}


def test_a_workflow_instead_of_its_slug_needs_no_query() -> None:
    config = widget_config(None, Workflow(slug="sales", greeting="Hello", layout="floating"))
    assert (config["workflow"], config["layout"]) == ("sales", "floating")
    assert config["options"]["startScreen"] == {"greeting": "Hello"}


@pytest.mark.django_db
def test_without_a_slug_it_is_the_default_workflow_or_the_only_one(settings: Any) -> None:
    a_workflow("help", greeting="Help")
    config = widget_config(None)
    assert "workflow" not in config
    assert config["options"]["startScreen"] == {"greeting": "Help"}
    a_workflow("sales", greeting="Buy")
    settings.DJANGO_CHATKIT = {"DEFAULT_WORKFLOW": "sales"}
    config = widget_config(None)
    assert config["workflow"] == "sales"
    assert config["options"]["startScreen"] == {"greeting": "Buy"}


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["missing", "closed", "SUPPORT", "with\0nul", "\ud800"])
def test_a_workflow_that_nobody_may_use_has_no_look(
    slug: str, request_: HttpRequest, django_assert_max_num_queries: Any
) -> None:
    a_workflow(greeting="Hello", layout="page")
    a_workflow("closed", greeting="Hello", layout="page", is_active=False)
    with django_assert_max_num_queries(1):
        config, again = widget_config(request_, slug), widget_config(request_, slug)
    assert config == again | {"csrf": config["csrf"]}
    assert (config["workflow"], config["layout"], config["options"]) == (slug, "inline", {"locale": "en"})


@pytest.mark.parametrize("empty", ["", 0])
def test_an_empty_slug_is_refused_with_a_hint(empty: Any) -> None:
    with pytest.raises(TemplateSyntaxError, match="quotes"):
        widget_config(None, empty)


def test_texts_are_translated_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "widget_texts", lambda: {"again": "Encore"})
    assert widget_config(None, PLAIN)["texts"] == {"again": "Encore"}
