from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_chatkit.models import ChatKitConfiguration, Workflow

from .submission import submission
from .workflow_page import errors, options

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/chatkitconfiguration/"
SWITCHES = ("automatic_thread_titling_enabled", "file_upload_enabled", "history_enabled")


@pytest.fixture
def preset() -> ChatKitConfiguration:
    return ChatKitConfiguration.objects.create(name="Uploads", file_upload_enabled=True, history_enabled=False)


def opened(client: Client, path: str) -> dict[str, str]:
    return submission(client.get(LIST + path).text, "chatkitconfiguration_form")


def test_a_preset_that_sets_nothing_leaves_everything_to_openai(admin_client: Client) -> None:
    given = opened(admin_client, "add/") | {"name": "Plain"}
    assert admin_client.post(LIST + "add/", given).status_code == 302
    assert ChatKitConfiguration.objects.get().as_request() == {
        "automatic_thread_titling": {"enabled": None},
        "file_upload": {"enabled": None, "max_file_size": None, "max_files": None},
        "history": {"enabled": None, "recent_threads": None},
    }


def test_a_preset_with_everything(admin_client: Client) -> None:
    given = {
        "name": "Full",
        "automatic_thread_titling_enabled": "false",
        "file_upload_enabled": "true",
        "file_upload_max_file_size": "512",
        "file_upload_max_files": "1",
        "history_enabled": "true",
        "history_recent_threads": "1",
    }
    assert admin_client.post(LIST + "add/", given).status_code == 302
    preset = ChatKitConfiguration.objects.get()
    assert preset.as_request() == {
        "automatic_thread_titling": {"enabled": False},
        "file_upload": {"enabled": True, "max_file_size": 512, "max_files": 1},
        "history": {"enabled": True, "recent_threads": 1},
    }
    assert opened(admin_client, f"{preset.pk}/change/").items() >= given.items()


def test_unset_on_and_off_look_different(admin_client: Client, preset: ChatKitConfiguration) -> None:
    page = admin_client.get(f"{LIST}{preset.pk}/change/").text
    assert options(page, "history_enabled") == ["OpenAI&#x27;s default (on)", "on", "off"]
    assert options(page, "file_upload_enabled") == ["OpenAI&#x27;s default (off)", "on", "off"]
    chosen = opened(admin_client, f"{preset.pk}/change/")
    assert [chosen[name] for name in SWITCHES] == ["unknown", "true", "false"]
    row = admin_client.get(LIST).text.split("<tbody>")[1]
    shown = [row.split(f'<td class="field-{name}">')[1].split("<")[0] for name in SWITCHES]
    assert shown == ["OpenAI&#x27;s default (on)", "on", "off"]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("name", "", "This field is required."),
        ("name", "Uploads", "ChatKit configuration with this Name already exists."),
        ("file_upload_max_file_size", "0", "Ensure this value is greater than or equal to 1."),
        ("file_upload_max_file_size", "513", "Ensure this value is less than or equal to 512."),
        ("file_upload_max_files", "0", "Ensure this value is greater than or equal to 1."),
        ("history_recent_threads", "0", "Ensure this value is greater than or equal to 1."),
    ],
)
def test_a_wrong_limit_is_shown_again_with_its_error(
    admin_client: Client, preset: ChatKitConfiguration, field: str, value: str, message: str
) -> None:
    response = admin_client.post(LIST + "add/", opened(admin_client, "add/") | {"name": "New", field: value})
    assert errors(response.text) == [message]
    assert submission(response.text, "chatkitconfiguration_form")[field] == value
    assert ChatKitConfiguration.objects.count() == 1


def test_every_limit_is_explained(admin_client: Client) -> None:
    page = admin_client.get(LIST + "add/").text
    for limit in (
        "1 to 512 megabytes.",
        "at least 1. OpenAI&#x27;s default: 10.",
        "at least 1. OpenAI&#x27;s default: no limit.",
    ):
        assert limit.replace("&#x27;", "'") in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Plain", "Uploads"]),
        ("q=load", ["Uploads"]),
        ("file_upload_enabled__exact=1", ["Uploads"]),
        ("history_enabled__exact=0", ["Uploads"]),
        ("history_enabled__isnull=True", ["Plain"]),
        ("o=-5", ["Uploads", "Plain"]),
    ],
)
def test_presets_are_searched_filtered_and_sorted(
    admin_client: Client, preset: ChatKitConfiguration, query: str, found: list[str]
) -> None:
    ChatKitConfiguration.objects.create(name="Plain")
    Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1", chatkit_configuration=preset)
    page = admin_client.get(f"{LIST}?{query}")
    assert [listed.name for listed in page.context["cl"].result_list] == found


def test_filters_speak_of_on_off_and_the_default(admin_client: Client, preset: ChatKitConfiguration) -> None:
    ChatKitConfiguration.objects.create(name="Plain")
    page = admin_client.get(LIST + "?history_enabled__exact=0")
    (spec,) = [spec for spec in page.context["cl"].filter_specs if spec.field_path == "history_enabled"]
    choices = [(str(choice["display"]), choice["selected"]) for choice in spec.choices(page.context["cl"])]
    assert choices == [("All", False), ("on", False), ("off", True), ("OpenAI's default (on)", False)]


def test_the_list_counts_workflows_in_one_query(admin_client: Client, preset: ChatKitConfiguration) -> None:
    with CaptureQueriesContext(connection) as few:
        admin_client.get(LIST)
    for number in range(3):
        other = ChatKitConfiguration.objects.create(name=f"{number}")
        for copy in range(number):
            slug = f"{number}-{copy}"
            Workflow.objects.create(name=slug, slug=slug, workflow_id="wf_1", chatkit_configuration=other)
    with CaptureQueriesContext(connection) as many:
        page = admin_client.get(LIST).text
    assert len(many) == len(few)
    assert [cell.split("<")[0] for cell in page.split('<td class="field-used_by">')[1:]] == ["0", "1", "2", "0"]


def test_a_preset_in_use_is_not_deleted_and_its_workflows_are_named(
    admin_client: Client, preset: ChatKitConfiguration
) -> None:
    workflow = Workflow.objects.create(name="Support", slug="s", workflow_id="wf_1", chatkit_configuration=preset)
    page = admin_client.post(f"{LIST}{preset.pk}/delete/", {"post": "yes"}).text
    assert "Cannot delete ChatKit configuration" in page
    assert f'<a href="/admin/django_chatkit/workflow/{workflow.pk}/change/">Support</a>' in page
    assert ChatKitConfiguration.objects.count() == 1
    workflow.delete()
    admin_client.post(f"{LIST}{preset.pk}/delete/", {"post": "yes"})
    assert not ChatKitConfiguration.objects.exists()


def test_who_may_only_look_reads_the_same_words(client: Client, preset: ChatKitConfiguration) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_chatkitconfiguration"))
    client.force_login(user)
    page = client.get(f"{LIST}{preset.pk}/change/").text
    for words in ("OpenAI&#x27;s default (on)", "on", "off"):
        assert f'<div class="readonly">{words}</div>' in page
    assert "<select" not in page
