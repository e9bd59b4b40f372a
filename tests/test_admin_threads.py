"""Conversations in the admin: who may read them, what they look like, and that every look is on record."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.files.storage import InMemoryStorage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit.admin import conversations
from django_chatkit.admin.reading import may_read
from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread, Workflow
from django_chatkit.server.files import storage

from .callers import a_user, a_workflow
from .conversations import a_file, a_thread, an_item, answered, said
from .test_purge_chatkit_threads import Stubborn, use

pytestmark = pytest.mark.django_db

LIST = "/admin/django_chatkit/chatthread/"


@pytest.fixture(autouse=True)
def memory(settings: Any) -> None:
    use(settings, InMemoryStorage)


@pytest.fixture
def workflow() -> Workflow:
    return a_workflow("help", backend="self_hosted", agent="support")


def permission() -> Permission:
    return Permission.objects.get(content_type__app_label="django_chatkit", codename="read_conversations")


@pytest.fixture
def reader(client: Client) -> Client:
    """The client of an administrator who may read conversations, and nothing else."""
    user = User.objects.create_user("reader", is_staff=True)
    user.user_permissions.add(permission())
    client.force_login(user)
    return client


def page_of(thread: ChatThread) -> str:
    return f"{LIST}{thread.pk}/change/"


def looks() -> list[tuple[str, str | None, str, str]]:
    """Who, which thread, its name and what was done; oldest first."""
    entries = LogEntry.objects.order_by("pk").select_related("user")
    return [(entry.user.username, entry.object_id, entry.object_repr, entry.change_message) for entry in entries]


def conversation(client: Client, thread: ChatThread, query: str = "") -> str:
    response = client.get(page_of(thread) + query)
    assert response.status_code == 200
    text: str = response.text
    return text.split('<ol class="chatkit-conversation">')[1].split("</ol>")[0]


# Who


def addresses(thread: ChatThread, file: ChatAttachment) -> list[str]:
    own = f"{LIST}{thread.pk}/"
    return [LIST, f"{own}change/", f"{own}history/", f"{own}delete/", f"{own}attachments/{file.pk}/", f"{LIST}add/"]


def test_a_superuser_may_not_unless_it_was_granted(admin_client: Client, admin_user: User, workflow: Workflow) -> None:
    thread = a_thread(workflow, title="Canary")
    file = a_file(workflow, thread=thread)
    assert admin_user.has_perm("django_chatkit.read_conversations")  # Django's own word for it
    for address in addresses(thread, file):
        assert admin_client.get(address).status_code == 403, address
        assert admin_client.post(address, {"post": "yes"}).status_code == 403, address
    assert "chatthread" not in admin_client.get("/admin/").text
    assert (ChatThread.objects.count(), LogEntry.objects.count()) == (1, 0)
    admin_user.user_permissions.add(permission())
    assert admin_client.get(page_of(thread)).status_code == 200
    assert "chatthread" in admin_client.get("/admin/").text


@pytest.mark.parametrize("is_superuser", [True, False])
def test_by_a_group(client: Client, workflow: Workflow, *, is_superuser: bool) -> None:
    user = User.objects.create_user("staff", is_staff=True, is_superuser=is_superuser)
    client.force_login(user)
    thread = a_thread(workflow)
    assert client.get(page_of(thread)).status_code == 403
    group = Group.objects.create(name="Support")
    group.permissions.add(permission())
    user.groups.add(group)
    assert client.get(page_of(thread)).status_code == 200


def test_every_other_permission_is_not_enough(client: Client, workflow: Workflow) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.exclude(pk=permission().pk))
    client.force_login(user)
    thread = a_thread(workflow)
    for address in addresses(thread, a_file(workflow, thread=thread)):
        assert client.get(address).status_code == 403, address


@pytest.mark.parametrize("lacking", ["is_active", "is_staff"])
def test_nobody_from_outside_the_admin(lacking: str) -> None:
    user = User.objects.create_user("someone", is_superuser=True, **{"is_staff": True, lacking: False})
    user.user_permissions.add(permission())
    assert not may_read(user)


def test_a_superuser_of_another_kind_has_no_permissions_to_show() -> None:
    class Plain:
        is_active = is_staff = is_superuser = True

    assert not may_read(Plain())


def test_the_permission_is_looked_up_once_for_each_request(admin_user: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert not may_read(admin_user)
        assert not may_read(admin_user)


def test_only_that_permission_exists() -> None:
    found = Permission.objects.filter(content_type__app_label="django_chatkit", content_type__model__startswith="chat")
    names = set(found.exclude(content_type__model__in=("chatsession", "chatkitconfiguration")).values_list("codename"))
    assert names == {("read_conversations",)}


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_can_be_changed(reader: Client, workflow: Workflow, method: str) -> None:
    thread = a_thread(workflow)
    assert getattr(reader, method)(page_of(thread), {"thread_id": "x"}).status_code == 403
    assert reader.get(f"{LIST}add/").status_code == 403


# The list


def test_the_list_says_who_where_what_about_and_when(reader: Client, workflow: Workflow) -> None:
    ada = a_user("ada")
    a_thread(workflow, user=ada, title="A refund", days=3)
    a_thread(workflow, "visitor-1", title=None, thread_id="thr_untitled")
    response = reader.get(LIST)
    threads = list(response.context["cl"].result_list)
    assert [thread.user_identifier for thread in threads] == ["visitor-1", "user-1"]  # last used first
    for shown in ("A refund", "ada", "visitor-1", "thr_untitled", "Help"):
        assert f">{shown}</" in response.text


def test_the_list_takes_the_same_queries_for_any_number_and_no_items(reader: Client, workflow: Workflow) -> None:
    counts = []
    a_thread(workflow)
    reader.get(LIST)  # content types are cached from now on
    for number in (1, 20):
        for index in range(number):
            thread = a_thread(workflow, user=a_user(f"u{number}-{index}"))
            said(thread, "canary")
        with CaptureQueriesContext(connection) as captured:
            assert "canary" not in reader.get(LIST).text
        counts.append(len(captured))
        assert not any(ChatItem._meta.db_table in query["sql"] for query in captured.captured_queries)
    assert counts[0] == counts[1]


@pytest.mark.parametrize("query", ["user-7", "ada", "thr_wanted", " ada "])
def test_threads_are_found_by_exact_matches(reader: Client, workflow: Workflow, query: str) -> None:
    wanted = a_thread(workflow, "user-7", user=a_user("ada"), thread_id="thr_wanted")
    a_thread(workflow, "user-77", user=a_user("ada2"), thread_id="thr_wanted2", title="ada")
    found = reader.get(LIST, {"q": query}).context["cl"].result_list
    assert list(found) == [wanted]


def test_threads_are_filtered(reader: Client, workflow: Workflow) -> None:
    other = a_workflow("other", backend="self_hosted", agent="support")
    thread = a_thread(workflow)
    a_thread(other)
    assert list(reader.get(LIST, {"workflow__id__exact": workflow.pk}).context["cl"].result_list) == [thread]


@pytest.mark.parametrize("lookup", ["payload__contains", "user_key", "items__payload__contains"])
def test_the_address_bar_searches_no_texts(reader: Client, workflow: Workflow, lookup: str) -> None:
    a_thread(workflow, title="canary")
    assert reader.get(LIST, {lookup: "canary"}).status_code == 400


def test_a_long_list_is_not_counted_to_its_end(reader: Client, workflow: Workflow, monkeypatch: Any) -> None:
    monkeypatch.setattr("django_chatkit.admin.lists.BoundedPaginator.limit", 2)
    for _ in range(3):
        a_thread(workflow)
    assert "There are more: this list ends after 2 rows." in reader.get(LIST).text


def test_looking_at_titles_is_logged(reader: Client, workflow: Workflow) -> None:
    reader.get(LIST)
    assert looks() == []  # there was nothing to see
    for _ in range(2):
        a_thread(workflow, "user-7")
    reader.get(LIST, {"q": "user-7"})
    assert looks() == [("reader", None, "ChatKit threads", "Saw the titles of 2 conversations. q=user-7")]
    ChatThread.objects.first().delete()
    reader.get(LIST)
    assert looks()[-1][3] == "Saw the title of 1 conversation."
    assert reader.get("/admin/").status_code == 200  # where the log is shown


# One conversation


def test_a_conversation_is_read_in_the_order_it_was_said(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow, user=a_user("ada"), title="A refund")
    said(
        thread,
        "Where is my order?",
        quoted_text="Order 7",
        inference_options={"model": "big", "tool_choice": {"id": "x"}},
    )
    answered(thread, "On its way.", feedback="positive")
    said(thread, "Thank you", is_draft=True)
    text = conversation(reader, thread)
    for earlier, later in (
        ("Order 7", "Where is my order?"),
        ("Where is my order?", "On its way."),
        ("way", "Thank you"),
    ):
        assert text.index(earlier) < text.index(later)
    assert text.count("chatkit-user") == 2
    assert "rated positive" in unescape(text).replace("</em>", "").replace("<em>", "")
    assert "unfinished" in text
    page = reader.get(page_of(thread)).text
    for shown in ("A refund", "ada", "user-1", thread.thread_id, "active"):
        assert shown in page


ITEMS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "user_message": (
        {"content": [{"type": "input_text", "text": "Ask "}, {"type": "input_tag", "text": "Anna", "id": "1"}]},
        ["Ask @Anna"],
    ),
    "assistant_message": (
        {
            "content": [
                {"text": "See there.", "annotations": [{"source": {"title": "Terms", "url": "https://x.example/t"}}]},
                {"text": "And there.", "annotations": [{"source": {"title": "Manual", "filename": "m.pdf"}}]},
            ]
        },
        ["See there.", "Terms: https://x.example/t", "Manual: m.pdf", "And there."],
    ),
    "client_tool_call": (
        {"name": "open_page", "arguments": {"page": "cart"}, "output": {"ok": True}, "status": "completed"},
        ["open_page", '"page": "cart"', '"ok": true'],
    ),
    "widget": (
        {
            "widget": {
                "type": "Card",
                "children": [
                    {"type": "Title", "value": "Order 7"},
                    {"type": "Row", "children": [{"type": "Button", "label": "Return it"}]},
                ],
            }
        },
        ["Order 7\nReturn it"],
    ),
    "generated_image": ({"image": {"id": "i", "url": "https://x.example/cat.png"}}, ["https://x.example/cat.png"]),
    "structured_input": (
        {
            "inputs": [
                {"question": "Which one?", "answer": {"values": ["red", "blue"]}},
                {"question": "How many?", "answer": {"values": [], "skipped": True}},
                {"question": "When?"},
            ]
        },
        ["Which one?", "red, blue", "How many?", "(skipped)", "When?", "…"],
    ),
    "task": ({"task": {"type": "thought", "title": "Thinking", "content": "Hm."}}, ["Thinking", "Hm."]),
    "workflow": (
        {
            "workflow": {
                "summary": {"title": "Searched"},
                "tasks": [
                    {
                        "type": "web_search",
                        "title": "Web",
                        "queries": ["shoes"],
                        "sources": [{"title": "A", "url": "u"}],
                    },
                    {"type": "image", "title": "Picture"},
                ],
            }
        },
        ["Searched", "Web", "shoes\nA: u", "Picture"],
    ),
    "end_of_turn": ({}, ["End of turn"]),
    "hidden_context_item": ({"content": {"order": 7}}, ["Hidden from the visitor", '"order": 7']),
    "sdk_hidden_context": ({"content": "The user clicked."}, ["Hidden from the visitor", "The user clicked."]),
    "something_new": ({"field": "value"}, ["Unknown item", "something_new", '"field": "value"']),
}


@pytest.mark.parametrize("kind", ITEMS)
def test_every_kind_of_item_can_be_read(reader: Client, workflow: Workflow, kind: str) -> None:
    payload, words = ITEMS[kind]
    thread = a_thread(workflow)
    an_item(thread, kind, **payload)
    text = unescape(conversation(reader, thread))
    for word in words:
        assert word in text


MALFORMED: list[Any] = [None, 5, "text", [], [5, None, "x"], {}, {"x": {}}, True, [[]], {"values": 5}]


@pytest.mark.parametrize("kind", ITEMS)
def test_whatever_is_stored_can_be_looked_at(reader: Client, workflow: Workflow, kind: str) -> None:
    thread = a_thread(workflow, payload="no JSON")
    names = ("content", "widget", "task", "workflow", "inputs", "arguments", "output", "image", "attachments", "name")
    for value in MALFORMED:
        an_item(thread, kind, **dict.fromkeys(names, value))
        an_item(thread, kind, content=[{"text": value, "annotations": value}], inputs=[{"answer": {"values": value}}])
        an_item(thread, kind, task={"queries": value}, workflow={"tasks": value}, attachments=[{"id": value}])
    text = conversation(reader, thread)
    assert text.count("chatkit-entry") == 3 * len(MALFORMED)


@pytest.mark.parametrize("payload", ["", "no JSON", "[]", "5", "[" * 100_000, '{"type": 5}'])
def test_what_is_no_item_is_shown_as_it_is(reader: Client, workflow: Workflow, payload: str) -> None:
    thread = a_thread(workflow)
    ChatItem.objects.create(thread=thread, item_id="x", payload=payload)
    assert "Unknown item" in conversation(reader, thread)


@pytest.mark.parametrize("kind", ["widget", "client_tool_call", "hidden_context_item", "of_the_future"])
@pytest.mark.parametrize("depth", [100, 200, 450, 700, 950])
def test_what_is_nested_deep_can_be_looked_at(reader: Client, workflow: Workflow, kind: str, depth: int) -> None:
    thread = a_thread(workflow)
    nest = '{"value": "twig", "children": [' * depth + "]}" * depth
    payload = f'{{"type": "{kind}", "widget": {nest}, "output": {nest}, "content": {nest}}}'
    ChatItem.objects.create(thread=thread, item_id="x", payload=payload)
    assert "twig" in conversation(reader, thread)


def test_nothing_that_a_visitor_writes_is_markup(reader: Client, workflow: Workflow) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    thread = a_thread(workflow, evil, title=evil, thread_id="<b>thr</b>")
    said(thread, evil, quoted_text=evil, attachments=[{"id": "a", "name": evil, "mime_type": evil}])
    an_item(thread, "client_tool_call", name=evil, arguments={evil: evil})
    an_item(thread, evil, x=evil)
    an_item(thread, "hidden_context_item", content=evil)
    for address in (LIST, page_of(thread), f"{LIST}{thread.pk}/history/", f"{LIST}{thread.pk}/delete/"):
        page = reader.get(address).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<b>thr" not in page


def test_half_a_character_can_be_looked_at(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow, payload=json.dumps({"title": "half \ud800"}))
    said(thread, "half \ud800")
    assert "half ?" in conversation(reader, thread)
    assert reader.get(LIST).status_code == 200


def test_a_long_text_is_cut(reader: Client, workflow: Workflow, monkeypatch: Any) -> None:
    monkeypatch.setattr(conversations, "MAX_TEXT", 10)
    thread = a_thread(workflow)
    said(thread, "0123456789canary")
    text = conversation(reader, thread)
    assert "0123456789" in text
    assert "canary" not in text
    assert "… and 6 more characters." in text


def test_an_empty_thread(reader: Client, workflow: Workflow) -> None:
    assert "Nothing has been said here." in conversation(reader, a_thread(workflow))


def test_a_locked_thread_says_why(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow, payload=json.dumps({"status": {"type": "locked", "reason": "Abuse"}}))
    assert "locked: Abuse" in reader.get(page_of(thread)).text


@pytest.mark.parametrize("alike", [True, False])
def test_long_conversations_have_pages(reader: Client, workflow: Workflow, monkeypatch: Any, *, alike: bool) -> None:
    monkeypatch.setattr(conversations, "PAGE", 3)
    thread, other = a_thread(workflow), a_thread(workflow)
    start = timezone.now()
    moments = [start if alike else start + timedelta(seconds=number) for number in range(8)]
    items = [said(thread, f"text {number} end", created_at=moment) for number, moment in enumerate(moments)]
    foreign = said(other, "foreign")

    def numbers(query: str) -> list[int]:
        text = conversation(reader, thread, query)
        assert "foreign" not in text
        return [number for number in range(8) if f"text {number} end" in text]

    def links(query: str) -> list[str]:
        page = reader.get(page_of(thread) + query).text.split('<ol class="chatkit-conversation"')[0]
        return [part.split('"')[0] for part in page.split('chatkit-pages"')[-1].split('href="')[1:]]

    first, third, sixth = (items[number].pk for number in (0, 2, 5))
    assert numbers("") == [0, 1, 2]
    assert links("") == [f"?after={third}", "?newest"]
    assert numbers(f"?after={third}") == [3, 4, 5]
    assert links(f"?after={third}") == ["?", f"?before={items[3].pk}", f"?after={sixth}", "?newest"]
    assert numbers(f"?after={sixth}") == [6, 7]
    assert links(f"?after={sixth}") == ["?", f"?before={items[6].pk}"]
    assert numbers(f"?before={items[6].pk}") == [3, 4, 5]
    assert numbers("?newest") == [5, 6, 7]
    assert links("?newest") == ["?", f"?before={items[5].pk}"]
    assert numbers(f"?before={items[2].pk}") == [0, 1]
    assert links(f"?before={items[2].pk}") == [f"?after={items[1].pk}", "?newest"]
    assert numbers(f"?before={first}") == []
    for nonsense in (f"?after={foreign.pk}", "?after=x", "?after=", f"?after={'9' * 30}", "?after=0"):
        assert numbers(nonsense) == [0, 1, 2]


def test_a_page_takes_the_same_queries_for_any_number_of_items(reader: Client, workflow: Workflow) -> None:
    conversation(reader, a_thread(workflow))  # content types are cached from now on
    counts = []
    for number in (1, 10):
        thread = a_thread(workflow, user=a_user(f"u{number}"))
        for _ in range(number):
            file = a_file(workflow, thread=thread)
            said(thread, "Hello", feedback="negative", attachments=[{"id": file.attachment_id, "name": "a.txt"}])
        with CaptureQueriesContext(connection) as captured:
            conversation(reader, thread)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_every_look_at_a_conversation_is_logged(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow, user=a_user("ada"))
    conversation(reader, thread)
    conversation(reader, thread, "?newest")
    name = f"{thread.thread_id} (ada)"
    assert looks() == [
        ("reader", str(thread.pk), name, "Read the conversation."),
        ("reader", str(thread.pk), name, "Read the conversation. newest="),
    ]
    history = reader.get(f"{LIST}{thread.pk}/history/").text
    assert history.count("Read the conversation.") == 2


def test_a_conversation_that_cannot_be_logged_is_not_shown(
    reader: Client, workflow: Workflow, monkeypatch: Any
) -> None:
    thread = a_thread(workflow)
    monkeypatch.setattr(LogEntry.objects, "create", lambda **fields: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reader.get(page_of(thread))


@pytest.mark.parametrize("pk", ["0", "x", "999999"])
def test_no_such_conversation(reader: Client, workflow: Workflow, pk: str) -> None:
    assert reader.get(f"{LIST}{pk}/change/").status_code == 404
    assert looks() == []


# Files


def test_a_file_is_downloaded_and_never_shown(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow)
    file = a_file(workflow, thread=thread, content=b"<script>", name="Bericht ü.html", mime_type="text/html")
    said(thread, "Look", attachments=[{"id": file.attachment_id, "name": "Bericht ü.html", "mime_type": "text/html"}])
    address = f"{LIST}{thread.pk}/attachments/{file.pk}/"
    assert f'href="{address}"' in conversation(reader, thread)
    response = reader.get(address)
    assert b"".join(response.streaming_content) == b"<script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''Bericht%20%C3%BC.html"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert looks()[-1][1:] == (
        str(thread.pk),
        f"{thread.thread_id} (user-1)",
        f"Downloaded “Bericht ü.html” ({file.attachment_id}).",
    )


@pytest.mark.parametrize("payload", ["no JSON", "5", "{}", '{"name": "\\u0000"}', "[]"])
def test_a_file_without_a_good_name(reader: Client, workflow: Workflow, payload: str) -> None:
    thread = a_thread(workflow)
    file = a_file(workflow, thread=thread)
    ChatAttachment.objects.update(payload=payload)
    response = reader.get(f"{LIST}{thread.pk}/attachments/{file.pk}/")
    assert response["Content-Disposition"] == 'attachment; filename="attachment"'
    response.close()


def test_files_of_no_thread_or_of_another_are_not_there(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow)
    others = [
        a_file(workflow),
        a_file(workflow, thread=a_thread(workflow)),
        a_file(workflow, thread=thread, content=None),
    ]
    addresses = [f"{LIST}{thread.pk}/attachments/{file.pk}/" for file in others]
    addresses += [f"{LIST}{9**30}/attachments/{others[1].pk}/", f"{LIST}{thread.pk}/attachments/{9**30}/"]
    for address in addresses:
        assert reader.get(address).status_code == 404
    assert looks() == []


@pytest.mark.parametrize("how", ["gone", "fails"])
def test_a_file_that_the_storage_does_not_give(reader: Client, workflow: Workflow, how: str, monkeypatch: Any) -> None:
    thread = a_thread(workflow)
    file = a_file(workflow, thread=thread)
    if how == "gone":
        storage().delete(file.file)
    else:
        monkeypatch.setattr(InMemoryStorage, "open", lambda self, name: 1 / 0)
    response = reader.get(f"{LIST}{thread.pk}/attachments/{file.pk}/", follow=True)
    assert "The storage does not have this file, or fails." in response.text
    assert response.redirect_chain == [(page_of(thread), 302)]


def test_a_file_that_is_no_longer_there_is_named(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow)
    said(thread, "Look", attachments=[{"id": "atc_gone", "name": "gone.txt", "mime_type": "text/plain"}])
    assert "gone.txt (text/plain, no longer there)" in conversation(reader, thread)


# Deleting


@pytest.mark.django_db(transaction=True)
def test_a_conversation_is_deleted_with_its_files(reader: Client, workflow: Workflow) -> None:
    thread, other = a_thread(workflow), a_thread(workflow)
    for one in (thread, other):
        said(one, "canary", feedback="positive")
    file, kept = (a_file(workflow, thread=one) for one in (thread, other))
    page = reader.get(f"{LIST}{thread.pk}/delete/").text
    assert "Are you sure" in page
    assert "canary" not in page
    assert reader.post(f"{LIST}{thread.pk}/delete/", {"post": "yes"}).status_code == 302
    assert ChatThread.objects.get() == other
    assert [model.objects.count() for model in (ChatItem, ChatFeedback, ChatAttachment)] == [1, 1, 1]
    assert (storage().exists(file.file), storage().exists(kept.file)) == (False, True)
    assert LogEntry.objects.filter(object_id=str(thread.pk), action_flag=3).count() == 1


@pytest.mark.django_db(transaction=True)
def test_several_are_deleted(reader: Client, workflow: Workflow) -> None:
    threads = [a_thread(workflow) for _ in range(3)]
    data = {"action": "delete_selected", "_selected_action": [thread.pk for thread in threads[:2]]}
    assert "Are you sure" in reader.post(LIST, data).text
    reader.post(LIST, {**data, "post": "yes"})
    assert ChatThread.objects.get() == threads[2]


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_deleted_is_told(reader: Client, workflow: Workflow, settings: Any) -> None:
    use(settings, Stubborn)
    thread = a_thread(workflow)
    a_file(workflow, thread=thread)
    page = reader.post(f"{LIST}{thread.pk}/delete/", {"post": "yes"}, follow=True).text
    assert "1 files could not be deleted. purge_chatkit_threads will try again." in page
    assert not ChatThread.objects.exists()


def test_asking_before_deleting_loads_no_items(reader: Client, workflow: Workflow) -> None:
    thread = a_thread(workflow)
    ChatItem.objects.bulk_create(ChatItem(thread=thread, item_id=f"i{n}", payload="BIG") for n in range(50))
    with CaptureQueriesContext(connection) as captured:
        page = reader.get(f"{LIST}{thread.pk}/delete/").text
    assert "ChatKit items: 50" in page
    items = [query["sql"] for query in captured.captured_queries if ChatItem._meta.db_table in query["sql"]]
    assert all("COUNT" in sql for sql in items)
