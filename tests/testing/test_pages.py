"""What a page's chat was told."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.template import engines
from django.test import RequestFactory

from django_chatkit.testing import widget_of, widgets_of

from ..callers import a_workflow

pytestmark = pytest.mark.django_db


def page(*tags: str) -> HttpResponse:
    template = engines["django"].from_string("<p>Help & more</p>{% load django_chatkit %}" + "".join(tags))
    return HttpResponse(template.render({}, RequestFactory().get("/")))


def test_the_configuration() -> None:
    a_workflow(greeting="“Hi” & <b>welcome</b>")
    widget = widget_of(page('{% chatkit "support" layout="floating" accent="#123456" %}'))
    assert (widget["workflow"], widget["layout"], widget["url"]) == ("support", "floating", "/chatkit/sessions/")
    assert widget["options"]["theme"]["color"]["accent"]["primary"] == "#123456"
    assert widget["options"]["startScreen"]["greeting"] == "“Hi” & <b>welcome</b>"


def test_several() -> None:
    both = page('{% chatkit "support" %}', '{% chatkit "sales" %}')
    assert [widget["workflow"] for widget in widgets_of(both)] == ["support", "sales"]
    assert widget_of(both, "sales")["workflow"] == "sales"
    with pytest.raises(AssertionError, match=r"has 2 chats, not one\. On it are: 'support', 'sales'"):
        widget_of(both)
    with pytest.raises(AssertionError, match="has 0 chats with the workflow 'x', not one"):
        widget_of(both, "x")


def test_none() -> None:
    assert widgets_of(page()) == []
    with pytest.raises(AssertionError, match="On it are: none"):
        widget_of(page())


def test_html_as_text_and_an_element_of_ones_own() -> None:
    assert widget_of("<django-chatkit></django-chatkit>") == {}
    assert widget_of('<django-chatkit config=\'{"workflow": "a"}\'>') == {"workflow": "a"}
