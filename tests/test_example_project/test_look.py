from __future__ import annotations

import json
import re

import pytest

from django_chatkit.models import Workflow

from .running import demo


def chats(page: bytes) -> list[dict]:
    """What the chats of a page are told."""
    found = re.findall(r'<django-chatkit[^>]* config="([^"]*)"', page.decode())
    return [json.loads(config.replace("&quot;", '"').replace("&amp;", "&").replace("&#x27;", "'")) for config in found]


def test_the_look_is_set_up_once_and_what_was_edited_stays(site, shop):
    from shop.demo_data import LOOK

    site()
    demo()
    workflow = Workflow.objects.get()
    assert {name: getattr(workflow, name) for name in LOOK} == LOOK
    Workflow.objects.update(accent="", prompts=[], greeting="Welcome back")
    demo()
    workflow.refresh_from_db()
    assert (workflow.accent, workflow.prompts, workflow.greeting) == ("", [], "Welcome back")


def test_a_workflow_of_an_earlier_version_gets_the_look(site, shop):
    site()
    Workflow.objects.create(slug="support", name="Mine", backend="self_hosted", agent="shop-assistant")
    demo()
    assert Workflow.objects.get().greeting == "What can we do for you?"


def test_the_chat_looks_as_the_admin_says(site, shop, client):
    site()
    demo()
    client.login(username="demo", password="demo")
    (chat,) = chats(client.get("/chat/").content)
    assert chat["layout"] == "inline"
    assert chat["options"]["startScreen"]["greeting"] == "What can we do for you?"
    Workflow.objects.update(greeting="Welcome back", layout="page")
    (chat,) = chats(client.get("/chat/").content)
    assert (chat["options"]["startScreen"]["greeting"], chat["layout"]) == ("Welcome back", "page")


def test_the_help_page_has_the_same_chat_behind_a_button(site, shop, client):
    site()
    demo()
    (chat,) = chats(client.get("/").content)
    assert (chat["workflow"], chat["layout"]) == ("support", "floating")
    assert chat["options"]["header"]["title"]["text"] == "Help desk"


@pytest.mark.parametrize(("language", "locale", "direction"), [("ar", "ar", "rtl"), ("zh-hans", "zh-CN", "ltr")])
def test_the_chat_speaks_the_language_that_the_visitor_chose(site, shop, client, language, locale, direction):
    site()
    demo()
    client.login(username="demo", password="demo")
    response = client.post("/i18n/setlang/", {"language": language, "next": "/chat/"})
    assert response.headers["Location"] == "/chat/"
    page = client.get("/chat/").content
    (chat,) = chats(page)
    assert chat["options"]["locale"] == locale
    assert f'lang="{language}" dir="{direction}" config' in page.decode()
    assert f'<option value="{language}" lang="{language}" selected>' in page.decode()
