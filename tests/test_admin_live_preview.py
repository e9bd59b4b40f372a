"""The live preview of a workflow in the admin: the widget itself, for those who may use it, when they ask for it."""

from __future__ import annotations

import html as markup
import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import include, path

from django_chatkit.models import Workflow

from .callers import a_user, a_workflow
from .trying import part, words
from .urls import admin

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow() -> Workflow:
    return a_workflow()


def config(html: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(markup.unescape(html.split('config="')[1].split('"')[0]))
    return read


def test_it_opens_when_it_is_asked_to(admin_client: Client, workflow: Workflow) -> None:
    html = part(admin_client, workflow, "preview")
    assert "Open the preview" in html
    assert "<django-chatkit" not in html
    html = part(admin_client, workflow, "preview", preview="1")
    assert html.count("<django-chatkit") == 1
    assert "Close the preview" in html


def test_it_looks_as_saved_or_as_chosen(admin_client: Client, workflow: Workflow) -> None:
    Workflow.objects.update(layout="floating", color_scheme="dark", greeting="Hello")
    saved = config(part(admin_client, workflow, "preview", preview="1"))
    assert (saved["layout"], saved["color_scheme"], saved["resume"]) == ("floating", "dark", False)
    assert saved["options"]["startScreen"]["greeting"] == "Hello"
    html = part(admin_client, workflow, "preview", preview="1", layout="page", color_scheme="light", width="narrow")
    chosen = config(html)
    assert (chosen["layout"], chosen["color_scheme"]) == ("page", "light")
    assert "chatkit-stage chatkit-narrow" in html
    assert '<option value="page" selected>' in html


def test_what_is_no_choice_is_as_saved(admin_client: Client, workflow: Workflow) -> None:
    html = part(admin_client, workflow, "preview", preview="1", layout="sideways", color_scheme="'>", width='"><b>')
    assert config(html)["layout"] == "inline"
    assert 'class="chatkit-stage"' in html


def test_choices_and_names_survive_each_other(admin_client: Client, workflow: Workflow) -> None:
    a_user("mika")
    query = {"preview": "1", "layout": "page", "user": "mika"}
    assert '<input type="hidden" name="user" value="mika">' in part(admin_client, workflow, "preview", **query)
    assert '<input type="hidden" name="layout" value="page">' in part(admin_client, workflow, "request", **query)
    assert "layout=page&amp;visitor=1" in part(admin_client, workflow, "request", **query)
    html = part(admin_client, workflow, "preview", preview="1", visitor="1")
    assert '<input type="hidden" name="visitor" value="1">' in html


@pytest.mark.parametrize("reason", ["inactive", "groups"])
def test_who_may_not_use_it_sees_no_dead_widget(admin_client: Client, workflow: Workflow, reason: str) -> None:
    if reason == "inactive":
        Workflow.objects.update(is_active=False)
    else:
        workflow.groups.add(Group.objects.create(name="Tea club"))
    html = part(admin_client, workflow, "preview", preview="1")
    assert "So there is no preview for you." in html
    assert {"inactive": "not active", "groups": "Only members of this workflow's groups"}[reason] in words(html)
    assert "<django-chatkit" not in html
    assert "<form" not in html


class WithoutTheApi:
    urlpatterns = (path("admin/", admin.site.urls),)


class WithTheApi:
    urlpatterns = (path("elsewhere/", include("django_chatkit.urls")), path("admin/", admin.site.urls))


def test_without_the_apps_urls_it_says_so(admin_client: Client, workflow: Workflow, settings: Any) -> None:
    settings.ROOT_URLCONF = WithoutTheApi
    assert "to your urlpatterns" in part(admin_client, workflow, "preview", preview="1")
    settings.ROOT_URLCONF = WithTheApi
    assert config(part(admin_client, workflow, "preview", preview="1"))["url"] == "/elsewhere/sessions/"
