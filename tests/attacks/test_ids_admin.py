"""Every page of the admin with ids of what is there, for those who have no business there."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.test import Client

from django_chatkit.models import ChatAttachment, ChatItem, ChatKitConfiguration, ChatThread

from ..callers import a_user, a_workflow
from ..records import a_record
from . import routes

pytestmark = [pytest.mark.django_db, pytest.mark.services]

CANARY = "canary-of-ada"
ROUTES = routes.admin()
METHODS = ("GET", "POST", "DELETE", "OPTIONS")
#: Views of Django's own, which look for the object before they look at permissions.
DJANGOS = ("_history", "_delete", "_change")


@pytest.fixture
def there(openai):
    """One of everything that the admin shows, with a canary in each: model name to primary key."""
    preset = ChatKitConfiguration.objects.create(name=f"{CANARY}-preset", history_enabled=True)
    workflow = a_workflow(name=CANARY, state_variables={"who": CANARY}, chatkit_configuration=preset)
    ada = a_user(CANARY)
    session = a_record(workflow, user=ada, user_identifier=CANARY, session_id=CANARY)
    session.save()
    thread = ChatThread.objects.create(
        workflow=workflow, user=ada, user_key="k", thread_id=CANARY, user_identifier=CANARY, payload="{}"
    )
    ChatItem.objects.create(thread=thread, item_id=CANARY, payload="{}")
    file = storages["default"].save("canary", ContentFile(CANARY.encode()))
    payload = '{"id": "a", "name": "canary-of-ada.txt", "mime_type": "text/plain", "type": "file"}'
    attachment = ChatAttachment.objects.create(
        workflow=workflow, user_key="k", thread=thread, attachment_id=CANARY, file=file, size=1, payload=payload
    )
    return {
        "chatkitconfiguration": preset.pk,
        "workflow": workflow.pk,
        "chatsession": session.pk,
        "chatthread": thread.pk,
        "attachment": attachment.pk,
    }


def rows():
    models = [*apps.get_app_config("django_chatkit").get_models(include_auto_created=True), User]
    return {model.__name__: sorted(model.objects.values_list(), key=str) for model in models}


def url(pattern, there, missing=0):
    """The address of this pattern, with ids of what is there, or ``missing``."""
    model = pattern.split("/")[2]
    ids = {
        "object_id": there[model],
        "pk": there[model],
        "thread": there["chatthread"],
        "attachment": there["attachment"],
    }
    if "presets" in pattern:
        ids["pk"] = there["chatkitconfiguration"]
    return "/" + re.sub(r"<\w+:(\w+)>", lambda found: str(missing or ids[found[1]]), pattern)


def logged_in(user):
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def with_permissions(*wanted):
    user = User.objects.create(username="staff", is_staff=True)
    user.user_permissions.set(wanted)
    return logged_in(user)


STRANGERS = {
    "a visitor": Client,
    "a user": lambda: logged_in(User.objects.create(username="bob")),
    "staff without permissions": with_permissions,
    "staff with all permissions of other apps": lambda: with_permissions(
        *Permission.objects.exclude(content_type__app_label="django_chatkit")
    ),
    "a superuser who has been deactivated": lambda: logged_in(
        User.objects.create(username="root", is_staff=True, is_superuser=True, is_active=False)
    ),
}


def test_the_pages_of_this_app_are_there():
    assert len(ROUTES) > 25
    assert any("try" in pattern for pattern, _ in ROUTES)


@pytest.mark.parametrize("who", STRANGERS)
def test_strangers_get_nowhere(there, openai, who):
    client, before = STRANGERS[who](), rows()
    for pattern, name in ROUTES:
        for method in METHODS:
            found = client.generic(method, url(pattern, there), "action=cancel&post=yes&_selected_action=1")
            none = client.generic(method, url(pattern, there, missing=987654), "action=cancel&post=yes")
            if not (name or "").endswith(DJANGOS):
                assert found.status_code == none.status_code, (method, pattern)
            assert found.status_code in ((302, 403, 405) if "staff" in who or name is None else (302,)), (
                method,
                pattern,
            )
            if found.status_code == 302 and name is not None:
                assert found["Location"].startswith("/admin/login/?next="), (method, pattern)
            assert not found.streaming
            assert CANARY not in found.text + str(found.headers), (method, pattern)
    after = rows()
    assert {**after, "User": None} == {**before, "User": None}
    assert openai.requests == []


@pytest.mark.parametrize("who", STRANGERS)
def test_nothing_is_in_the_lists_of_the_admin(there, who):
    client = STRANGERS[who]()
    for path in ("/admin/", "/admin/django_chatkit/", "/admin/jsi18n/"):
        assert CANARY not in client.get(path).text
    query = "?app_label=django_chatkit&model_name=workflow&field_name=chatkit_configuration&term=canary"
    assert client.get(f"/admin/autocomplete/{query}").status_code in (302, 403)


def test_who_may_see_one_model_may_not_do_what_the_others_pages_do(there, openai):
    """The permission to look at a table is none to cancel, to try out, to copy, or to read conversations."""
    client, before = with_permissions(*Permission.objects.filter(codename__startswith="view_")), rows()
    for pattern, name in ROUTES:
        if name is None or not any(
            word in pattern for word in ("cancel", "try", "duplicate", "attachments", "chatthread")
        ):
            continue
        for method in ("GET", "POST")["try" in pattern :]:
            answer = client.generic(method, url(pattern, there))
            assert answer.status_code in (403, 405), (method, pattern, answer.status_code)
    assert rows() == before
    assert openai.requests == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_page_of_the_admin_that_changes_something_wants_the_token(there, openai, method):
    """Also of a superuser: a page of another site cannot make the browser do it."""
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    root.user_permissions.set(Permission.objects.all())
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    before = rows()
    for pattern, _ in ROUTES:
        answer = client.generic(method, url(pattern, there), "post=yes", "application/x-www-form-urlencoded")
        assert answer.status_code == 403, (method, pattern, answer.status_code)
    assert rows() == before
    assert openai.requests == []


def test_pages_of_the_admin_that_are_only_read_change_nothing(there, openai):
    root = User.objects.create(username="root", is_staff=True, is_superuser=True)
    client = logged_in(root)
    before = rows()
    for pattern, _ in ROUTES:
        for method in ("GET", "HEAD"):
            assert client.generic(method, url(pattern, there)).status_code in (200, 302, 403, 404, 405), pattern
    assert rows() == before
    assert openai.requests == []
