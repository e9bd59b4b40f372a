"""The tag's output: whatever texts are in it, a page has one element of ours, its attributes and nothing more."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import html5lib
from django.http import HttpRequest
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st

from django_chatkit.models import Workflow
from django_chatkit.models.look import CHOICES
from django_chatkit.widget import OPTIONS, widget_config

from .anything import nested, strict_json, texts

TAG = "{% load django_chatkit %}<main>{% chatkit workflow " + " ".join(f"{name}={name}" for name in OPTIONS)
TAG += " state_variables=state_variables layout=layout height=height %}</main><p>after</p>"
PAGES = {
    "escaping": Template(TAG),
    "not escaping": Template(
        TAG.replace("<main>", "<main>{% autoescape off %}").replace("</main>", "{% endautoescape %}</main>")
    ),
}

#: Texts of a page: HTML has neither NUL nor halves of surrogate pairs, and a parser replaces them. JSON escapes them.
free_texts = texts | st.sampled_from(["&amp;", "&lt", "&notit;", "<!--", "`", "'", '"', "/>", "\t", "\f", "=", "\x85"])
shown_texts = free_texts.map(lambda text: text.encode(errors="ignore").decode().translate(UNPARSED))
UNPARSED = {**dict.fromkeys(range(9)), **dict.fromkeys(range(11, 32)), **dict.fromkeys(range(127, 160))}
UNPARSED |= {code + plane * 0x10000: None for plane in range(17) for code in (0xFFFE, 0xFFFF)}
UNPARSED |= dict.fromkeys(range(0xFDD0, 0xFDF0))

keywords = st.fixed_dictionaries(
    {},
    optional={
        **{name: free_texts for name in OPTIONS if name not in CHOICES},
        "theme": nested(free_texts | st.booleans()).filter(lambda value: not isinstance(value, str)),
        "prompts": strict_json,
        "header": strict_json,
        "state_variables": nested(free_texts | st.integers()),
        "height": shown_texts,
        "layout": st.sampled_from(CHOICES["layout"].values),
        "radius": st.sampled_from(CHOICES["radius"].values),
    },
)
looks = st.fixed_dictionaries(
    {"slug": free_texts.filter(bool)},
    optional=dict.fromkeys(("greeting", "placeholder", "disclaimer", "title", "frame_title", "accent"), free_texts),
)
nonces = st.none() | shown_texts


def asked(nonce: str | None = None) -> HttpRequest:
    request = RequestFactory().get("/")
    request.META["CSRF_COOKIE"] = "c" * 32
    request.csp_nonce = nonce  # type: ignore[attr-defined]
    return request


def attributes(element: Any) -> dict[str, str]:
    return dict(element.attrib)


def body_of(html: str) -> Any:
    """What a browser makes of it, by the HTML standard's own algorithm."""
    parsed = html5lib.parse(f"<!doctype html><title>x</title><body>{html}", namespaceHTMLElements=False)
    return parsed.find("body")


class Tags(HTMLParser):
    """What a simpler parser makes of it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)


def rendered(page: str, workflow: Workflow, told: dict[str, Any], request: HttpRequest) -> str | None:
    try:
        return PAGES[page].render(RequestContext(request, {**told, "workflow": workflow}))
    except TemplateSyntaxError:  # a theme, say, that is none
        return None


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(st.sampled_from(list(PAGES)), looks, keywords, nonces)
@settings(max_examples=settings.default.max_examples)
def test_the_page_has_our_elements_with_our_attributes_and_nothing_else(
    page: str, look: dict[str, Any], told: dict[str, Any], nonce: str | None
) -> None:
    workflow = Workflow(**look)
    html = rendered(page, workflow, told, asked(nonce))
    if html is None:
        return
    body = body_of(html)
    tags = [element.tag for element in body.iter()]
    links, script, chat = body.findall(".//link"), body.find(".//script"), body.find(".//django-chatkit")
    assert [tag for tag in tags if tag != "link"] == ["body", "main", "script", "django-chatkit", "noscript", "p"]
    for element in (*links, script):
        assert attributes(element).pop("nonce", None) == (nonce or None)
        assert set(attributes(element)) - {"nonce"} <= {"rel", "href", "as", "type", "src"}
    assert not script.text
    assert script.get("src") == "/static/django_chatkit/django-chatkit.js"
    height = {"height"} if told.get("height") else set()
    assert set(attributes(chat)) == {"layout", "lang", "dir", "config", *height}
    assert chat.get("height") == (told.get("height") or None)
    assert Tags(html).found == tags[1:]
    expected = widget_config(asked(), workflow, **told)
    shown = json.loads(chat.get("config"))
    expected["csrf"]["token"] = shown["csrf"]["token"]  # masked anew each time
    assert shown == as_json(expected)


@given(looks, keywords)
def test_what_was_given_is_what_the_element_is_told(look: dict[str, Any], told: dict[str, Any]) -> None:
    html = rendered("escaping", Workflow(**look), told, asked())
    if html is None:
        return
    shown = json.loads(body_of(html).find(".//django-chatkit").get("config"))
    for name in ("greeting", "placeholder", "disclaimer", "frame_title", "title"):
        value = told.get(name) or look.get(name)
        place: Any = shown["options"]
        for part in OPTIONS[name]:
            place = (place if isinstance(place, dict) else {}).get(part)
        if value and name != "frame_title":
            assert place == value
    assert shown["workflow"] == look["slug"]
    if told.get("state_variables") not in (None, ""):
        assert shown["state_variables"] == as_json(told["state_variables"])


@given(free_texts, free_texts)
def test_the_markup_itself_holds_no_text_of_anybodys(greeting: str, slug: str) -> None:
    """What could break out of an attribute, or be code where a browser guesses at another character set, is escaped."""
    html = Template("{% load django_chatkit %}{% chatkit workflow greeting=greeting %}").render(
        Context({"workflow": Workflow(slug=slug or "x"), "greeting": greeting})
    )
    config = html.partition('config="')[2].partition('"')[0]
    assert not set("<>'\"") & set(config)
    assert config.isascii()
    assert html.count("<script") == html.count("</script>") == 1
    assert html.count("<django-chatkit") == html.count("</django-chatkit>") == 1
    assert html.encode("utf-8")
