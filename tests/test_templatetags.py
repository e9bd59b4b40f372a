"""The tag: what it renders, once per page or for each chat, and what it refuses."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.middleware.csrf import _does_token_match  # type: ignore[attr-defined]
from django.template import Context, Engine, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory, override_settings
from django.urls import path, reverse
from django.utils.functional import SimpleLazyObject, empty
from django.utils.translation import gettext_lazy

from django_chatkit.conf import SCRIPT_URL
from django_chatkit.models import Workflow
from django_chatkit.templatetags import django_chatkit as tags
from django_chatkit.templatetags.django_chatkit import KEYWORDS, OPTIONS, widget_config

urlpatterns = [path("nothing/", lambda request: None)]


class Elements(HTMLParser):
    """Every start tag of a page with its attributes, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


class FalseUntilRead(SimpleLazyObject):
    """A nonce as Django 6 and django-csp make them."""

    def __bool__(self) -> bool:
        return self.__dict__["_wrapped"] is not empty


@pytest.fixture
def request_(rf: RequestFactory) -> HttpRequest:
    request = rf.get("/")
    request.user = AnonymousUser()
    request.session = {}  # type: ignore[assignment]
    return request


def render(source: str, context: Context) -> str:
    return Template("{% load django_chatkit %}" + source).render(context)


def config_of(html: str) -> dict[str, Any]:
    (element,) = Elements(html).named("django-chatkit")
    assert list(element) == ["config"]
    loaded: dict[str, Any] = json.loads(element["config"] or "")
    return loaded


def options_of(source: str, **values: Any) -> dict[str, Any]:
    options: dict[str, Any] = config_of(render(source, Context(values)))["options"]
    return options


# --- what it tells the element ---


def test_the_element_is_told_where_to_go_and_nothing_else(request_: HttpRequest) -> None:
    config = config_of(render('{% chatkit "support" %}', RequestContext(request_)))
    assert config.pop("texts").keys() == {
        "loading", "again", "script", "network", "login", "forbidden", "busy", "unavailable",
    }  # fmt: skip
    token = config["csrf"].pop("token")
    assert config == {
        "url": reverse("django_chatkit:session-list"),
        "script": SCRIPT_URL,
        "workflow": "support",
        "csrf": {"header": "X-CSRFTOKEN", "cookie": "csrftoken"},
        "options": {},
    }
    assert _does_token_match(token, request_.META["CSRF_COOKIE"])


def test_no_key_is_on_the_page(request_: HttpRequest, settings: Any) -> None:
    settings.DJANGO_CHATKIT = {
        "API_KEY": "sk-canary",
        "API_KEYS": {"other": "sk-canary-2"},
        "DOMAIN_KEY": "domain-canary",
    }
    assert "canary" not in render("{% chatkit %}", RequestContext(request_))


def test_it_makes_no_query(request_: HttpRequest) -> None:
    # Without the django_db mark, a query is an error.
    assert render('{% chatkit %}{% chatkit "support" %}', RequestContext(request_))


@pytest.mark.parametrize("source", ["{% chatkit %}", "{% chatkit None %}", "{% chatkit workflow=None %}"])
def test_without_a_slug_it_is_the_default_workflow(source: str, settings: Any) -> None:
    assert "workflow" not in config_of(render(source, Context()))
    settings.DJANGO_CHATKIT = {"DEFAULT_WORKFLOW": "help"}
    assert config_of(render(source, Context()))["workflow"] == "help"


def test_a_workflow_may_be_given_instead_of_its_slug() -> None:
    assert widget_config(None, Workflow(slug="sales"))["workflow"] == "sales"


def test_an_empty_slug_is_refused_with_a_hint() -> None:
    with pytest.raises(TemplateSyntaxError, match="quotes"):
        render("{% chatkit support %}", Context())


def test_urls_that_are_not_included_are_named() -> None:
    with override_settings(ROOT_URLCONF=__name__), pytest.raises(ImproperlyConfigured, match="urlpatterns"):
        render("{% chatkit %}", Context())


def test_the_script_can_be_set(settings: Any) -> None:
    settings.DJANGO_CHATKIT = {"SCRIPT_URL": "/static/other.js"}
    assert widget_config(None)["script"] == "/static/other.js"


def test_state_variables_travel_as_they_are() -> None:
    told = {"plan": "gold", "seats": 3, "trial": False}
    config = config_of(render('{% chatkit "support" state_variables=told %}', Context({"told": told})))
    assert config["state_variables"] == told
    assert "state_variables" not in config["options"]


def test_the_height_is_for_the_element() -> None:
    config = config_of(render('{% chatkit "support" height="600px" %}', Context()))
    assert (config["height"], config["options"]) == ("600px", {})


def test_texts_are_translated_when_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "gettext", str.upper)
    texts = widget_config(None)["texts"]
    assert texts["again"] == "TRY AGAIN"
    assert all(text.isupper() for text in texts.values())


def test_the_seconds_to_wait_have_a_place_in_the_text() -> None:
    assert "{seconds}" in widget_config(None)["texts"]["busy"]


# --- CSRF ---


def test_csrf_follows_the_settings(settings: Any) -> None:
    settings.CSRF_HEADER_NAME = "HTTP_X_XSRF_TOKEN"
    settings.CSRF_COOKIE_NAME = "xsrf"
    assert widget_config(None)["csrf"] == {"header": "X-XSRF-TOKEN", "cookie": "xsrf", "token": None}


@pytest.mark.parametrize("setting", ["CSRF_COOKIE_HTTPONLY", "CSRF_USE_SESSIONS"])
def test_an_unreadable_cookie_is_not_named(setting: str, settings: Any, request_: HttpRequest) -> None:
    setattr(settings, setting, True)
    csrf = config_of(render("{% chatkit %}", RequestContext(request_)))["csrf"]
    assert csrf["cookie"] is None
    assert csrf["token"]


def test_the_request_is_found_without_a_context_processor(request_: HttpRequest) -> None:
    libraries = {
        "django_chatkit": "django_chatkit.templatetags.django_chatkit",
        "i18n": "django.templatetags.i18n",
        "static": "django.templatetags.static",
    }
    template = Engine(app_dirs=True, libraries=libraries).from_string("{% load django_chatkit %}{% chatkit %}")
    for context in (Context({"request": request_}), RequestContext(request_)):
        assert config_of(template.render(context))["csrf"]["token"]


# --- the options ---


def test_every_keyword_has_its_place() -> None:
    assert {name: ".".join(path) for name, path in OPTIONS.items()} == {
        "locale": "locale",
        "theme": "theme",
        "color_scheme": "theme.colorScheme",
        "frame_title": "frameTitle",
        "initial_thread": "initialThread",
        "header": "header.enabled",
        "title": "header.title.text",
        "history": "history.enabled",
        "greeting": "startScreen.greeting",
        "prompts": "startScreen.prompts",
        "placeholder": "composer.placeholder",
        "disclaimer": "disclaimer.text",
        "feedback": "threadItemActions.feedback",
        "retry": "threadItemActions.retry",
        "auto_scroll": "thread.autoScroll",
    }


def test_keywords_become_options() -> None:
    prompts = [{"label": "Hours", "prompt": "When are you open?", "icon": "clock"}]
    options = options_of(
        '{% chatkit "support" locale="de" greeting="Hi" prompts=prompts placeholder="Ask" history=False %}',
        prompts=prompts,
    )
    assert options == {
        "locale": "de",
        "startScreen": {"greeting": "Hi", "prompts": prompts},
        "composer": {"placeholder": "Ask"},
        "history": {"enabled": False},
    }


@pytest.mark.parametrize(
    ("theme", "expected"),
    [
        ({"radius": "soft"}, {"radius": "soft", "colorScheme": "dark"}),
        ("light", {"colorScheme": "dark"}),
    ],
)
def test_the_more_precise_keyword_wins_in_any_order(theme: Any, expected: Any) -> None:
    assert options_of('{% chatkit color_scheme="dark" theme=theme %}', theme=theme) == {"theme": expected}
    assert options_of('{% chatkit theme=theme color_scheme="dark" %}', theme=theme) == {"theme": expected}
    assert theme in ({"radius": "soft"}, "light"), "the page's own dictionary was changed"


def test_unset_options_are_left_out() -> None:
    assert options_of('{% chatkit greeting=missing placeholder=nothing locale="" %}', nothing=None) == {}


def test_lazy_translations_are_texts() -> None:
    assert options_of("{% chatkit greeting=hello %}", hello=gettext_lazy("Hello")) == {
        "startScreen": {"greeting": "Hello"}
    }


@pytest.mark.parametrize(
    ("wrong", "nearest"), [("greting", "greeting"), ("colorScheme", "color_scheme"), ("x", "workflow")]
)
def test_an_unknown_keyword_is_refused_with_the_nearest_one(wrong: str, nearest: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=f"{wrong!r}.*{nearest!r}"):
        render(f'{{% chatkit "support" {wrong}="Hi" %}}', Context())
    assert nearest in KEYWORDS


def test_what_json_cannot_express_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render("{% chatkit state_variables=told %}", Context({"told": {"score": float("nan")}}))


HOSTILE = "\"><script>alert(1)</script>'&lt;"


@pytest.mark.parametrize("source", ["{}", "{{% autoescape off %}}{}{{% endautoescape %}}"])
def test_nothing_escapes_from_the_attribute(source: str) -> None:
    html = render(source.format("{% chatkit hostile greeting=hostile %}"), Context({"hostile": HOSTILE}))
    assert [tag for tag, _ in Elements(html).found] == ["link", "script", "django-chatkit", "noscript"]
    config = config_of(html)
    assert (config["workflow"], config["options"]["startScreen"]["greeting"]) == (HOSTILE, HOSTILE)


# --- the module and the style sheet ---


def test_the_module_comes_with_the_first_chat_of_a_page(request_: HttpRequest) -> None:
    page = Elements(render('{% chatkit %}{% chatkit "sales" %}', RequestContext(request_)))
    assert page.named("script") == [{"type": "module", "src": "/static/django_chatkit/django-chatkit.js"}]
    assert page.named("link") == [{"rel": "stylesheet", "href": "/static/django_chatkit/django-chatkit.css"}]
    assert len(page.named("django-chatkit")) == 2
    assert [tag for tag, _ in page.found][:3] == ["link", "script", "django-chatkit"]


def test_a_page_may_be_made_of_several_templates(request_: HttpRequest, rf: RequestFactory) -> None:
    assert "<script" in render("{% chatkit %}", RequestContext(request_))
    assert "<script" not in render("{% chatkit %}", RequestContext(request_))
    assert "<script" in render("{% chatkit %}", RequestContext(rf.get("/")))


def test_without_a_request_each_rendering_is_a_page() -> None:
    template = Template("{% load django_chatkit %}{% chatkit %}{% chatkit %}")
    for _ in range(2):
        assert len(Elements(template.render(Context())).named("script")) == 1


def nonces(html: str) -> list[str | None]:
    page = Elements(html)
    return [attrs.get("nonce") for attrs in page.named("link") + page.named("script")]


def test_djangos_nonce_is_used_although_it_is_lazy(request_: HttpRequest) -> None:
    nonce = FalseUntilRead(lambda: "django-6")
    assert not nonce
    assert nonces(render("{% chatkit %}", RequestContext(request_, {"csp_nonce": nonce}))) == ["django-6"] * 2


def test_django_csps_nonce_is_used_although_it_is_lazy(request_: HttpRequest) -> None:
    request_.csp_nonce = FalseUntilRead(lambda: "django-csp")  # type: ignore[attr-defined]
    assert nonces(render("{% chatkit %}", RequestContext(request_))) == ["django-csp"] * 2


def test_a_page_without_a_nonce_gets_none(request_: HttpRequest) -> None:
    # Django's context processor says None where its middleware is missing.
    assert nonces(render("{% chatkit %}", RequestContext(request_, {"csp_nonce": None}))) == [None, None]


def test_a_nonce_that_nothing_uses_is_not_made(request_: HttpRequest) -> None:
    nonce = FalseUntilRead(lambda: "made")
    render("{% chatkit %}", RequestContext(request_))
    render("{% chatkit %}", RequestContext(request_, {"csp_nonce": nonce}))
    assert not nonce
