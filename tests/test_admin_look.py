"""The look of a workflow, and what its preset comes to, in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_chatkit.admin import WorkflowAdmin
from django_chatkit.admin.configurations import in_words
from django_chatkit.models import ChatKitConfiguration, Workflow

from .admin_staff import staff
from .workflow_page import opened, options, save, url

pytestmark = pytest.mark.django_db

PRESETS = "/admin/django_chatkit/workflow/presets/"
LOOK: dict[str, Any] = {
    "layout": "floating",
    "color_scheme": "dark",
    "accent": "#1F7a4d",
    "radius": "sharp",
    "density": "compact",
    "title": "Help",
    "greeting": " Hi,\nyou ",
    "placeholder": "Ask",
    "disclaimer": "**May** be wrong\n\n- very",
    "frame_title": "مساعدة 🍵",
}


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(name="Support", slug="support", workflow_id="wf_1")


def test_a_look_is_saved_as_it_was_typed(admin_client: Client, workflow: Workflow) -> None:
    typed = {name: value.replace("\n", "\r\n") for name, value in LOOK.items()}
    assert save(admin_client, workflow, typed).look() == LOOK
    assert save(admin_client, workflow, dict.fromkeys(LOOK, "") | {"layout": "inline"}).look() == {"layout": "inline"}


def test_texts_that_nobody_touched_come_back_exactly(admin_client: Client, workflow: Workflow) -> None:
    odd = {"greeting": "\n one\r\ntwo\rthree ", "disclaimer": "x" * 10_000, "title": "\"'</script>{{ x }}"}
    Workflow.objects.update(**odd)
    assert save(admin_client, workflow, {}).look() == {"layout": "inline", **odd}
    assert LogEntry.objects.latest("pk").get_change_message() == "No fields changed."


def test_nothing_but_spaces_is_nothing(admin_client: Client, workflow: Workflow) -> None:
    assert save(admin_client, workflow, {"greeting": " \r\n "}).greeting == ""


def test_an_empty_field_says_what_it_means(admin_client: Client, workflow: Workflow) -> None:
    page = admin_client.get(url(workflow)).text
    assert options(page, "radius") == ["default: pill", "pill", "round", "soft", "sharp"]
    assert options(page, "density")[0] == "default: normal"
    assert options(page, "color_scheme")[0] == "default: as the page around it"
    for words in ("default: 600", "default: 10", "default: ChatKit&#x27;s own", "default: What can I help with today?"):
        assert f'placeholder="{words}"' in page
    assert opened(admin_client, workflow)["radius"] == ""
    page = admin_client.get("/admin/django_chatkit/chatkitconfiguration/add/").text
    for words in ("default: 512", "default: 10", "default: no limit"):
        assert f'placeholder="{words}"' in page


def test_sections_are_in_the_order_of_their_story_and_each_says_what_it_is_for(
    admin_client: Client, workflow: Workflow
) -> None:
    sections = admin_client.get(url(workflow)).text.split('class="fieldset-heading">')[1:]
    titles = [section.split("<")[0] for section in sections]
    assert titles == ["What it is", "What it knows", "What visitors may do", "Limits", "Look"]
    assert all('<div class="description">' in section for section in sections)


def test_who_may_only_look_reads_the_look(workflow: Workflow) -> None:
    Workflow.objects.update(**LOOK, prompts=[{"label": "Hi", "prompt": "Hello", "icon": "bolt"}])
    page = staff("view_workflow").get(url(workflow)).text
    for words in ("a button in the corner, which opens a panel", "dark", "#1F7a4d", "sharp", "compact", "Help", "Ask"):
        assert f'<div class="readonly">{words}</div>' in page
    shown = '<th scope="row">Hi</th><td class="chatkit-type">bolt</td><td class="chatkit-value">Hello</td>'
    assert shown in page


def test_prompts_keep_their_columns_where_one_has_no_icon(workflow: Workflow) -> None:
    Workflow.objects.update(prompts=[{"label": "a", "prompt": "b"}, {"label": "c", "prompt": "d", "icon": "bolt"}])
    page = staff("view_workflow").get(url(workflow)).text
    for cells in ('a</th><td class="chatkit-type">—</td>', 'c</th><td class="chatkit-type">bolt</td>'):
        assert cells in page


def test_who_may_only_look_reads_what_is_not_set(workflow: Workflow) -> None:
    page = staff("view_workflow").get(url(workflow)).text
    for words in ("default: pill", "default: 600", "default: ChatKit&#x27;s own", "none"):
        assert f'<div class="readonly">{words}</div>' in page


def test_a_project_may_make_any_of_it_read_only(
    admin_client: Client, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed = ("preset_in_words", "state_variables", "prompts", "chatkit_configuration", "radius", "greeting", "agent")
    monkeypatch.setattr(WorkflowAdmin, "readonly_fields", fixed)
    Workflow.objects.update(state_variables={"a": 1}, prompts=[{"label": "a", "prompt": "b"}], greeting="Hi")
    saved = save(admin_client, workflow, {"name": "New"})
    assert (saved.name, saved.state_variables, saved.greeting) == ("New", {"a": 1}, "Hi")
    assert saved.prompts == [{"label": "a", "prompt": "b"}]


def test_the_form_takes_the_same_queries_for_any_number_of_rows(admin_client: Client, workflow: Workflow) -> None:
    with CaptureQueriesContext(connection) as few:
        admin_client.get(url(workflow))
    ChatKitConfiguration.objects.bulk_create(ChatKitConfiguration(name=f"{number}") for number in range(20))
    Workflow.objects.update(
        state_variables={f"v{number}": number for number in range(20)},
        prompts=[{"label": "a", "prompt": "b"}] * 20,
    )
    with CaptureQueriesContext(connection) as many:
        admin_client.get(url(workflow))
    assert len(many) == len(few)


# Presets in words

FULL = ChatKitConfiguration(
    automatic_thread_titling_enabled=False,
    file_upload_enabled=True,
    file_upload_max_file_size=2,
    history_enabled=True,
    history_recent_threads=5,
)


@pytest.mark.parametrize(
    ("preset", "words"),
    [
        (None, "titles: on (default) · uploads: off (default) · history: on (default)"),
        (
            FULL,
            "titles: off · uploads: on, at most 2 MB a file, at most 10 files · history: on, the last 5 threads",
        ),
        (
            ChatKitConfiguration(file_upload_max_files=3, history_enabled=False, history_recent_threads=5),
            "titles: on (default) · uploads: off (default) · history: off",
        ),
    ],
    ids=["none", "full", "limits of what is off"],
)
def test_a_preset_in_words(preset: ChatKitConfiguration | None, words: str) -> None:
    assert in_words(preset) == words


def test_the_form_says_what_the_stored_preset_comes_to(admin_client: Client, workflow: Workflow) -> None:
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="Files", file_upload_enabled=True)
    workflow.save()
    page = admin_client.get(url(workflow)).text
    assert "uploads: on, at most 512 MB a file, at most 10 files" in page
    assert f'data-url="{PRESETS}"' in page
    assert "uploads: off (default)" in admin_client.get("/admin/django_chatkit/workflow/add/").text


@pytest.mark.parametrize("permission", ["view_workflow", "change_workflow", "add_workflow"])
def test_the_page_may_ask_what_another_preset_comes_to(permission: str) -> None:
    preset = ChatKitConfiguration.objects.create(name="Files", file_upload_enabled=True)
    client = staff(permission)
    answer = client.get(f"{PRESETS}{preset.pk}/")
    assert answer["Content-Type"] == "text/plain"
    assert "no-store" in answer["Cache-Control"]
    assert answer.text == in_words(preset)
    assert client.get(PRESETS).text == in_words(None)
    assert client.get(f"{PRESETS}{preset.pk + 1}/").status_code == 404


def test_nobody_else_may_ask(client: Client) -> None:
    assert client.get(PRESETS).status_code == 302
    assert staff("view_chatkitconfiguration").get(PRESETS).status_code == 403


@pytest.mark.parametrize(
    ("permission", "links", "words"),
    [
        ("add_chatkitconfiguration", ["add"], "Make one with +"),
        ("change_chatkitconfiguration", ["change", "view"], "the pencil"),
        ("view_chatkitconfiguration", ["view"], "a permission that you do not have"),
        ("view_group", [], "a permission that you do not have"),
    ],
)
def test_presets_are_made_and_edited_on_the_spot_by_those_who_may(
    workflow: Workflow, permission: str, links: list[str], words: str
) -> None:
    page = staff("change_workflow", permission).get(url(workflow)).text
    shown = [name for name in ("change", "add", "delete", "view") if f'id="{name}_id_chatkit_configuration"' in page]
    assert sorted(shown) == sorted(links)
    assert words in page.split("field-chatkit_configuration")[1].split('<div class="form-row')[0]
