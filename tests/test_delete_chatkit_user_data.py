from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import InMemoryStorage
from django.core.management import CommandError, call_command

from django_chatkit.models import ChatAttachment, ChatItem, ChatSession, ChatThread, Workflow
from django_chatkit.server.files import storage
from django_chatkit.sessions import forgetting

from .behaviours import answer, error, normal
from .callers import a_user, a_workflow, chatkit
from .conversations import a_file, a_thread, key_of, said
from .fake_openai import FakeOpenAI
from .records import a_record
from .test_purge_chatkit_threads import Stubborn, use

pytestmark = pytest.mark.django_db(transaction=True)

NOTHING = [
    "0 active sessions cancelled.",
    "0 threads with 0 items deleted.",
    "0 attachments deleted.",
    "0 threads at OpenAI deleted.",
    "0 records of sessions deleted.",
]


@pytest.fixture(autouse=True)
def memory(settings: Any) -> None:
    use(settings, InMemoryStorage)


@pytest.fixture
def ada() -> User:
    return a_user("ada")


def run(user: Any, *arguments: str) -> list[str]:
    """The lines of the report, without the one that says whom it is about."""
    out = io.StringIO()
    call_command("delete_chatkit_user_data", str(user), *(arguments or ["--yes"]), stdout=out)
    return out.getvalue().splitlines()[1:]


def failing(user: Any) -> tuple[list[str], list[str]]:
    """The report and the complaints of a run that fails."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="Not everything could be found or deleted") as caught:
        call_command("delete_chatkit_user_data", str(user), "--yes", stdout=out, stderr=err)
    assert caught.value.returncode == 1
    return out.getvalue().splitlines()[1:], err.getvalue().splitlines()


def a_self_hosted_workflow(slug: str = "help") -> Workflow:
    return a_workflow(slug, backend="self_hosted", agent="support", workflow_id="")


def a_session(workflow: Workflow, user: User | None, identifier: str, **fields: Any) -> ChatSession:
    backend = {"backend": "self_hosted", "secret_digest": "d"} if workflow.is_self_hosted else {}
    given = {"user": user, "user_identifier": identifier, "user_key": key_of(identifier), **backend, **fields}
    session = a_record(workflow, **given)
    session.save()
    return session


def identifier_of(user: User) -> str:
    return f"user-{user.pk}"


def everything(workflow: Workflow, user: User | None, identifier: str) -> None:
    """A session that is active and one that has ended, a thread with two items and a file, and a file on its way."""
    a_session(workflow, user, identifier)
    a_session(workflow, user, identifier, lives=-60)
    thread = a_thread(workflow, identifier, user=user)
    said(thread, "Hello")
    said(thread, "Are you there?")
    a_file(workflow, identifier, thread)
    a_file(workflow, identifier)


def left() -> list[int]:
    return [model.objects.count() for model in (ChatSession, ChatThread, ChatItem, ChatAttachment)]


def test_everything_here_and_nothing_of_others(ada):
    workflow, bob = a_self_hosted_workflow(), a_user("bob")
    everything(workflow, bob, identifier_of(bob))
    others = left()
    everything(workflow, ada, identifier_of(ada))
    everything(a_self_hosted_workflow("other"), ada, identifier_of(ada))
    files = list(ChatAttachment.objects.filter(user_key=key_of(identifier_of(ada))).values_list("file", flat=True))
    assert run("ada") == [
        "2 active sessions cancelled.",
        "2 threads with 4 items deleted.",
        "4 attachments deleted.",
        "0 threads at OpenAI deleted.",
        "4 records of sessions deleted.",
    ]
    assert left() == others
    assert not any(storage().exists(file) for file in files)
    assert set(ChatThread.objects.values_list("user", flat=True)) == {bob.pk}
    assert run("ada") == NOTHING


@pytest.mark.parametrize("named", ["ada", "pk"])
def test_by_name_or_primary_key(ada, named, capsys):
    call_command("delete_chatkit_user_data", str(ada.pk) if named == "pk" else named, "--yes")
    assert capsys.readouterr().out.startswith(f"User ada (primary key {ada.pk}), identified by: 'user-{ada.pk}'\n")


def test_a_name_that_is_the_key_of_another_user_deletes_nothing(ada):
    """Whoever takes somebody's key for a name does not stand in for them."""
    everything(a_self_hosted_workflow(), ada, identifier_of(ada))
    a_user(str(ada.pk))
    before = left()
    with pytest.raises(CommandError, match="and the primary key of another, whose name is 'ada'"):
        run(ada.pk)
    assert left() == before


def test_a_visitor_by_identifier(ada, capsys):
    workflow = a_self_hosted_workflow()
    everything(workflow, None, "visitor-1")
    everything(workflow, None, "visitor-11")
    call_command("delete_chatkit_user_data", "visitor-1", "--yes")
    out = capsys.readouterr().out
    assert out.startswith("No user has the name or primary key 'visitor-1': taken as a user identifier.\n")
    assert "1 threads with 2 items deleted." in out
    assert set(ChatThread.objects.values_list("user_identifier", flat=True)) == {"visitor-11"}


def test_a_user_who_is_gone_is_found_by_identifier(ada):
    identifier = identifier_of(ada)
    everything(a_self_hosted_workflow(), ada, identifier)
    ada.delete()
    assert "2 records of sessions deleted." in run(identifier)
    assert left() == [0, 0, 0, 0]


def test_every_identifier_on_record_and_the_present_one(ada, settings, openai):
    """The namespace was introduced, and then the function changed."""
    hosted, workflow = a_workflow("sales"), a_self_hosted_workflow()
    a_session(hosted, ada, "first", lives=-60)
    a_thread(workflow, "second", user=ada)
    a_file(workflow, "second")
    chatkit(settings, USER_NAMESPACE="live", USER_IDENTIFIER=lambda user, request=None: f"third-{user.username}")
    ids = [openai.add_thread(user) for user in ("first", "second", "live:third-ada")]
    kept = openai.add_thread("third-ada")
    report = run("ada")
    assert "1 attachments deleted." in report
    assert "3 threads at OpenAI deleted." in report
    assert list(openai.threads) == [kept]
    assert {request.path.rpartition("/")[2] for request in openai.requests if request.method == "DELETE"} == set(ids)


def test_threads_at_openai_page_by_page(ada, openai: FakeOpenAI):
    session = a_session(a_workflow(), ada, identifier_of(ada))
    openai.sessions[session.session_id] = {"id": session.session_id}
    for _ in range(205):
        openai.add_thread(identifier_of(ada))
    openai.add_thread("user-999")
    assert run("ada") == [
        "1 active sessions cancelled.",
        "0 threads with 0 items deleted.",
        "0 attachments deleted.",
        "205 threads at OpenAI deleted.",
        "1 records of sessions deleted.",
    ]
    assert [thread["user"] for thread in openai.threads.values()] == ["user-999"]
    assert openai.cancelled == [session.session_id]
    assert run("ada") == NOTHING


def test_a_thread_of_somebody_else_is_never_deleted(ada, openai: FakeOpenAI):
    """Whatever OpenAI lists: the key reaches everybody's threads."""
    a_workflow()
    own, other = openai.add_thread(identifier_of(ada)), openai.add_thread("user-999")
    page = {"object": "list", "data": list(openai.threads.values()), "has_more": False}
    openai.script(answer(200, page))
    report, complaints = failing("ada")
    assert "1 threads at OpenAI deleted." in report
    assert complaints == [f"OpenAI lists 1 threads for '{identifier_of(ada)}' that are somebody else's. They are kept."]
    assert list(openai.threads) == [other]
    assert own not in openai.threads


def test_every_key_is_asked_and_each_but_once(ada, settings, openai: FakeOpenAI):
    chatkit(settings, API_KEYS={"second": "sk-tests-second", "same": "sk-tests-second"})
    a_workflow()
    run("ada")
    keys = [request.headers["Authorization"] for request in openai.requests]
    assert sorted(keys) == ["Bearer sk-tests-default-key", "Bearer sk-tests-second"]


def test_keys_of_one_project_list_the_same_threads(ada, settings, openai: FakeOpenAI):
    chatkit(settings, API_KEYS={"second": "sk-tests-second"})
    a_workflow()
    openai.add_thread(identifier_of(ada))
    assert "1 threads at OpenAI would be deleted." in run("ada", "--dry-run")
    assert "1 threads at OpenAI deleted." in run("ada")


def test_openai_is_not_asked_where_it_never_ran_anything(ada, openai: FakeOpenAI):
    """The key in the environment may be the agents'."""
    everything(a_self_hosted_workflow(), ada, identifier_of(ada))
    assert "2 records of sessions deleted." in run("ada")
    assert openai.requests == []


def test_openai_is_asked_for_what_moved_here(ada, openai: FakeOpenAI):
    a_session(a_workflow(), None, "visitor-1", lives=-60)
    Workflow.objects.update(backend="self_hosted", agent="support", workflow_id="")
    openai.add_thread(identifier_of(ada))
    assert "1 threads at OpenAI deleted." in run("ada")


def test_a_workflow_whose_key_is_lost(ada, settings, openai: FakeOpenAI):
    a_workflow(api_key="sk-canary-in-the-wrong-place")
    _, complaints = failing("ada")
    assert complaints == ["DJANGO_CHATKIT['API_KEYS'] has no key of the workflow's name; it has: none."]
    assert len(openai.requests) == 1  # with the default key


def test_a_key_that_cannot_be_sent(ada, settings, openai: FakeOpenAI):
    chatkit(settings, API_KEY="sk-canary with a space")
    a_workflow()
    _, complaints = failing("ada")
    assert complaints == ["DJANGO_CHATKIT: api_key is empty or holds characters that no HTTP header may hold."]


def test_what_fails_at_openai_is_told_and_left_for_the_next_run(ada, openai: FakeOpenAI):
    """The records stay: they know the identifiers."""
    a_session(a_workflow(), ada, "former", lives=-60)
    first, second = openai.add_thread("former"), openai.add_thread("former")
    openai.script(normal, error(403, "forbidden"))
    report, complaints = failing("ada")
    assert complaints == [f"The thread {first} at OpenAI could not be deleted: OpenAI answered 403 (forbidden)."]
    assert "1 threads at OpenAI deleted." in report
    assert "0 records of sessions deleted." in report
    assert (list(openai.threads), second in openai.threads) == ([first], False)
    again = run("ada")
    assert "1 threads at OpenAI deleted." in again
    assert "1 records of sessions deleted." in again


def test_a_list_that_cannot_be_had(ada, openai: FakeOpenAI):
    a_workflow()
    openai.script(error(401, "no_key"))
    _, complaints = failing("ada")
    assert complaints == [
        f"The threads of '{identifier_of(ada)}' at OpenAI could not be listed: OpenAI answered 401 (no_key)."
    ]


def test_pages_that_lead_in_a_circle_end(ada, openai: FakeOpenAI):
    a_workflow()
    thread = openai.threads[openai.add_thread(identifier_of(ada))]
    page = answer(200, {"object": "list", "data": [thread], "has_more": True})
    openai.script(page, page)
    assert "1 threads at OpenAI deleted." in run("ada")


def test_a_thread_that_is_gone_already(ada, openai: FakeOpenAI):
    a_workflow()
    openai.add_thread(identifier_of(ada))
    openai.script(normal, error(404, "not_found"))
    assert "0 threads at OpenAI deleted." in run("ada")


def test_a_session_that_cannot_be_cancelled(ada, openai: FakeOpenAI):
    session = a_session(a_workflow(), ada, identifier_of(ada))
    openai.script(error(403))
    report, complaints = failing("ada")
    assert complaints == [
        f"Session {session.session_id} could not be cancelled: OpenAI answered 403 (invalid_request_error)."
    ]
    assert report[0] == "0 active sessions cancelled."
    assert ChatSession.objects.get() == session


def test_a_file_that_cannot_be_deleted(ada, settings):
    use(settings, Stubborn)
    everything(a_self_hosted_workflow(), ada, identifier_of(ada))
    report, complaints = failing("ada")
    assert report[1:3] == ["1 threads with 2 items deleted.", "0 attachments deleted."]
    assert sorted(complaints) == sorted(
        f"The file {name}: OSError" for name in ChatAttachment.objects.values_list("file", flat=True)
    )
    storage().fails = False
    assert run("ada")[2:] == [
        "2 attachments deleted.",
        "0 threads at OpenAI deleted.",
        "2 records of sessions deleted.",
    ]


def test_an_identifier_that_several_users_share(ada, openai: FakeOpenAI):
    """What is recorded for the user goes; what only the identifier leads to may be somebody else's."""
    workflow, bob = a_self_hosted_workflow(), a_user("bob")
    everything(workflow, ada, "team")
    everything(workflow, bob, "team")
    a_workflow("sales")
    openai.add_thread("team")
    report, complaints = failing("ada")
    assert complaints == ["'team' identifies other users, too: what it alone leads to is kept."]
    assert report[1] == "1 threads with 2 items deleted."
    assert ChatThread.objects.get().user == bob
    assert next(iter(openai.threads.values()))["user"] == "team"
    with pytest.raises(CommandError, match="'team' identifies several users: name one of them"):
        everything(workflow, a_user("eve"), "team")
        run("team")


def test_an_identifier_that_cannot_be_had(ada, settings):
    chatkit(settings, USER_IDENTIFIER=lambda user, request=None: request.session["id"])
    everything(a_self_hosted_workflow(), ada, "recorded")
    report, complaints = failing("ada")
    assert report[1] == "1 threads with 2 items deleted."
    assert complaints[0].startswith("The present identifier of this user is not known (AttributeError")


def test_a_dry_run_counts_the_same_and_changes_nothing(ada, openai: FakeOpenAI):
    hosted = a_workflow()
    everything(a_self_hosted_workflow(), ada, identifier_of(ada))
    session = a_session(hosted, ada, identifier_of(ada))
    openai.sessions[session.session_id] = {"id": session.session_id}
    openai.add_thread(identifier_of(ada))
    before = left()
    counted = run("ada", "--dry-run")
    assert counted == [
        "2 active sessions would be cancelled.",
        "1 threads with 2 items would be deleted.",
        "2 attachments would be deleted.",
        "1 threads at OpenAI would be deleted.",
        "3 records of sessions would be deleted.",
    ]
    assert left() == before
    assert {request.method for request in openai.requests} == {"GET"}
    assert run("ada") == [line.replace("would be ", "") for line in counted]


@pytest.mark.parametrize(
    ("typed", "deleted"), [("yes", True), (" yes ", True), ("y", False), ("", False), ("no", False)]
)
def test_it_asks_first(ada, monkeypatch, typed, deleted):
    everything(a_self_hosted_workflow(), ada, identifier_of(ada))
    monkeypatch.setattr("builtins.input", lambda prompt: typed)
    if deleted:
        call_command("delete_chatkit_user_data", "ada", stdout=io.StringIO())
    else:
        with pytest.raises(CommandError, match=r"Nothing was deleted\."):
            call_command("delete_chatkit_user_data", "ada", stdout=io.StringIO())
    assert left() == ([0, 0, 0, 0] if deleted else [2, 1, 2, 2])


def test_many_records(ada, monkeypatch):
    monkeypatch.setattr(forgetting, "CHUNK", 2)
    workflow = a_self_hosted_workflow()
    for _ in range(5):
        a_session(workflow, ada, identifier_of(ada), lives=-60)
    assert run("ada")[-1] == "5 records of sessions deleted."
