"""The tag: what it renders, and what comes once per page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.storage import Storage
from django.http import HttpRequest
from django.template import Context, Engine, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject, empty
from django.utils.translation import override

import django_chatkit
from django_chatkit import __version__
from django_chatkit.models import Workflow

from .callers import a_workflow

MODULES = Path(django_chatkit.__file__).parent / "static" / "django_chatkit" / "django-chatkit"
#: Workflows that are at hand need no query: without the django_db mark, one is an error.
HERE = {"support": Workflow(slug="support"), "sales": Workflow(slug="sales", layout="floating")}


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
    return request


def render(source: str, context: Context) -> str:
    context.update(HERE)
    return Template("{% load django_chatkit %}" + source).render(context)


def element_of(html: str) -> dict[str, str | None]:
    (element,) = Elements(html).named("django-chatkit")
    return element


def config_of(html: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(element_of(html)["config"] or "")
    return loaded


# --- the element ---


def test_the_element_says_its_layout_language_and_direction() -> None:
    element = element_of(render("{% chatkit sales %}", Context()))
    assert list(element) == ["layout", "lang", "dir", "config"]
    assert [element["layout"], element["lang"], element["dir"]] == ["floating", "en-us", "ltr"]


def test_the_height_is_there_before_the_module_runs() -> None:
    element = element_of(render("{% chatkit support height=tall %}", Context({"tall": "calc(100vh - 2rem)"})))
    assert list(element) == ["layout", "height", "lang", "dir", "config"]
    assert element["height"] == "calc(100vh - 2rem)"


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("he", "rtl"), ("pt-br", "ltr"), (None, "ltr")])
def test_language_and_direction_are_those_of_the_page(language: str | None, direction: str) -> None:
    with override(language):
        element = element_of(render("{% chatkit support %}", Context()))
    assert (element["lang"], element["dir"]) == (language or "en", direction)


def test_keywords_reach_the_configuration() -> None:
    html = render(
        '{% chatkit support layout="page" height="70vh" resume=False greeting="Hi" state_variables=told %}',
        Context({"told": {"plan": "gold"}}),
    )
    config = config_of(html)
    assert element_of(html)["layout"] == config["layout"] == "page"
    assert (config["height"], config["resume"], config["state_variables"]) == ("70vh", False, {"plan": "gold"})
    assert config["options"]["startScreen"] == {"greeting": "Hi"}


def test_a_missing_variable_as_keyword_is_no_option() -> None:
    html = render("{% chatkit support greeting=missing placeholder=nothing %}", Context({"nothing": None}))
    assert config_of(html)["options"] == {"locale": "en"}


@pytest.mark.django_db
def test_one_query_however_often_a_page_has_it(request_: HttpRequest, django_assert_num_queries: Any) -> None:
    a_workflow("help", greeting="Hello")
    with django_assert_num_queries(1):
        html = render('{% chatkit "help" %}{% chatkit "help" height="9em" %}', RequestContext(request_))
    assert html.count("Hello") == 2


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["{% chatkit %}", "{% chatkit None %}", "{% chatkit workflow=None %}"])
def test_without_a_slug_it_is_the_only_workflow(source: str) -> None:
    a_workflow("help", greeting="Hello")
    config = config_of(render(source, Context()))
    assert "workflow" not in config
    assert config["options"]["startScreen"] == {"greeting": "Hello"}


def test_an_empty_slug_is_refused_with_a_hint() -> None:
    with pytest.raises(TemplateSyntaxError, match="quotes"):
        render("{% chatkit unquoted %}", Context())


@pytest.mark.django_db
def test_no_key_is_on_the_page(request_: HttpRequest, settings: Any) -> None:
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-canary", "API_KEYS": {"other": "sk-canary-2"}}
    a_workflow("help", api_key="other")
    assert "canary" not in render('{% chatkit "help" %}', RequestContext(request_))


def test_the_request_is_found_without_a_context_processor(request_: HttpRequest) -> None:
    libraries = {
        "django_chatkit": "django_chatkit.templatetags.django_chatkit",
        "i18n": "django.templatetags.i18n",
        "static": "django.templatetags.static",
    }
    source = "{% load django_chatkit %}{% chatkit support %}"
    template = Engine(app_dirs=True, libraries=libraries).from_string(source)
    for context in (Context({"request": request_, **HERE}), RequestContext(request_, HERE)):
        assert config_of(template.render(context))["csrf"]["token"]


def test_what_json_cannot_express_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render("{% chatkit support state_variables=told %}", Context({"told": {"score": float("nan")}}))


HOSTILE = "\"><script>alert(1)</script>'&lt; 💬 \u202e"


@pytest.mark.parametrize("source", ["{}", "{{% autoescape off %}}{}{{% endautoescape %}}"])
def test_nothing_escapes_from_the_attribute(source: str) -> None:
    workflow = Workflow(slug=HOSTILE, placeholder=HOSTILE)
    context = Context({"hostile": HOSTILE, "workflow": workflow})
    html = render(source.format("{% chatkit workflow greeting=hostile height=hostile %}"), context)
    tags = [tag for tag, _ in Elements(html).found if tag != "link"]
    assert tags == ["script", "django-chatkit", "noscript"]
    config = config_of(html)
    assert element_of(html)["height"] == HOSTILE
    assert (config["workflow"], config["options"]["startScreen"]["greeting"]) == (HOSTILE, HOSTILE)
    assert config["options"]["composer"]["placeholder"] == HOSTILE


# --- the module and the style sheet ---


def test_the_module_comes_with_the_first_chat_of_a_page(request_: HttpRequest) -> None:
    page = Elements(render("{% chatkit support %}{% chatkit sales %}", RequestContext(request_)))
    assert page.named("script") == [{"type": "module", "src": "/static/django_chatkit/django-chatkit.js"}]
    sheets = [attrs["href"] for attrs in page.named("link") if attrs["rel"] == "stylesheet"]
    assert sheets == ["/static/django_chatkit/django-chatkit.css"]
    assert len(page.named("django-chatkit")) == 2
    tags = [tag for tag, _ in page.found]
    assert {"link", "script"}.isdisjoint(tags[tags.index("django-chatkit") :])


def hints(html: str, rel: str) -> list[str | None]:
    return [attrs["href"] for attrs in Elements(html).named("link") if attrs["rel"] == rel]


def test_every_module_is_asked_for_at_once_by_the_address_that_imports_use() -> None:
    found = hints(render("{% chatkit support %}", Context()), "modulepreload")
    names = sorted(path.name for path in MODULES.glob("*.js"))
    assert sorted(found) == [f"/static/django_chatkit/django-chatkit/{name}?v={__version__}" for name in names]


def test_hints_are_beside_the_module_whatever_it_is_called(settings: Any) -> None:
    """Imports are relative to a module whose name may have a hash, and may be elsewhere; they themselves have none."""
    hashed = {"BACKEND": "tests.test_templatetags.HashedElsewhere"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": hashed}
    html = render("{% chatkit support %}", Context())
    assert Elements(html).named("script")[0]["src"] == "https://cdn.example/1/django_chatkit/django-chatkit.0123.js?a&b"
    beside = "https://cdn.example/1/django_chatkit/django-chatkit/"
    found = hints(html, "modulepreload") + hints(html, "preload")
    assert all(address and address.startswith(beside) and address.endswith(f"?v={__version__}") for address in found)


class HashedElsewhere(Storage):
    def url(self, name: str | None) -> str:
        stem, dot, suffix = str(name).rpartition(".")
        return f"https://cdn.example/1/{stem}.0123{dot}{suffix}?a&b"


def test_the_sheet_that_the_style_sheet_imports_is_asked_for_at_once_and_nothing_of_openais() -> None:
    found = hints(render("{% chatkit support %}", Context()), "preload")
    assert found == [f"/static/django_chatkit/django-chatkit/panel.css?v={__version__}"]


def test_a_page_may_be_made_of_several_templates(request_: HttpRequest, rf: RequestFactory) -> None:
    assert "<script" in render("{% chatkit support %}", RequestContext(request_))
    assert "<script" not in render("{% chatkit support %}", RequestContext(request_))
    assert "<script" in render("{% chatkit support %}", RequestContext(rf.get("/")))


def test_without_a_request_each_rendering_is_a_page() -> None:
    template = Template("{% load django_chatkit %}{% chatkit support %}{% chatkit support %}")
    for _ in range(2):
        assert len(Elements(template.render(Context(HERE))).named("script")) == 1


def nonces(html: str) -> list[str | None]:
    page = Elements(html)
    return [attrs.get("nonce") for attrs in page.named("link") + page.named("script")]


def test_djangos_nonce_is_used_although_it_is_lazy(request_: HttpRequest) -> None:
    nonce = FalseUntilRead(lambda: "django-6")
    assert not nonce
    html = render("{% chatkit support %}", RequestContext(request_, {"csp_nonce": nonce}))
    assert set(nonces(html)) == {"django-6"}


def test_django_csps_nonce_is_used_although_it_is_lazy(request_: HttpRequest) -> None:
    request_.csp_nonce = FalseUntilRead(lambda: "django-csp")  # type: ignore[attr-defined]
    assert set(nonces(render("{% chatkit support %}", RequestContext(request_)))) == {"django-csp"}


def test_a_page_without_a_nonce_gets_none(request_: HttpRequest) -> None:
    # Django's context processor says None where its middleware is missing.
    assert set(nonces(render("{% chatkit support %}", RequestContext(request_, {"csp_nonce": None})))) == {None}


def test_a_nonce_that_nothing_uses_is_not_made(request_: HttpRequest) -> None:
    nonce = FalseUntilRead(lambda: "made")
    render("{% chatkit support %}", RequestContext(request_))
    render("{% chatkit support %}", RequestContext(request_, {"csp_nonce": nonce}))
    assert not nonce
