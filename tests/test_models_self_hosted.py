"""What self-hosting added to the tables: backends, threads, and the rules that databases keep."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from django_chatkit.models import (
    ChatAttachment,
    ChatFeedback,
    ChatItem,
    ChatKitConfiguration,
    ChatSession,
    ChatThread,
    Workflow,
)
from django_chatkit.models.configuration import resolved
from django_chatkit.models.session import digest_of

from .callers import a_workflow, chatkit
from .records import a_record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def agents(settings):
    chatkit(settings, AGENTS={"support": "project.agents.support"})


def self_hosted(**fields):
    return Workflow(**{"slug": "help", "name": "Help", "backend": "self_hosted", "agent": "support", **fields})


def a_thread(workflow, thread_id="thr_1", **fields):
    given = {"user_identifier": "user-1", "user_key": "k", "payload": "{}"}
    return ChatThread.objects.create(workflow=workflow, thread_id=thread_id, **{**given, **fields})


def test_each_backend_needs_its_own():
    self_hosted().full_clean()
    Workflow(slug="help", name="Help", workflow_id="wf_1").full_clean()
    self_hosted(workflow_id="wf_1", version="2", api_key="").full_clean()  # what the other needs is kept


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"agent": ""}, "agent", "A workflow that this site runs needs an agent."),
        ({"agent": "", "workflow_id": "wf_1"}, "agent", "needs an agent"),
        ({"agent": "unknown"}, "agent", "The AGENTS setting has no entry of this name."),
        ({"agent": "project.agents.support"}, "agent", "The AGENTS setting has no entry of this name."),
        ({"backend": "hosted"}, "workflow_id", "A workflow that OpenAI runs needs OpenAI's id of it"),
        ({"backend": "elsewhere"}, "backend", "is not a valid choice"),
    ],
)
def test_what_is_missing_is_said_at_its_field(fields, field, words):
    with pytest.raises(ValidationError) as caught:
        self_hosted(**fields).full_clean()
    assert words in " ".join(caught.value.message_dict[field])


@pytest.mark.parametrize("fields", [{"agent": ""}, {"backend": "hosted"}, {"backend": "elsewhere", "workflow_id": "w"}])
def test_the_database_refuses_a_workflow_that_cannot_run(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        self_hosted(**fields).save()


@pytest.mark.parametrize(
    ("backend", "digest"), [("hosted", "d" * 64), ("self_hosted", ""), ("elsewhere", ""), ("elsewhere", "d")]
)
def test_the_database_refuses_a_session_whose_secret_is_nobodys(backend, digest):
    with pytest.raises(IntegrityError), transaction.atomic():
        a_record(a_workflow(), backend=backend, secret_digest=digest).save()


def test_is_self_hosted():
    assert self_hosted().is_self_hosted
    assert not Workflow().is_self_hosted


def test_a_secret_is_found_by_its_digest():
    workflow = a_workflow()
    records = [a_record(workflow, backend="self_hosted", secret_digest=digest_of(name)) for name in ("one", "two")]
    ChatSession.objects.bulk_create(records)
    assert records[0].secret_digest == hashlib.sha256(b"one").hexdigest()
    assert ChatSession.objects.of_secret("one").get().session_id == records[0].session_id
    for wrong in ("", "One", "one ", records[0].secret_digest, "\ud800", "\0"):
        assert not ChatSession.objects.of_secret(wrong).exists()


def test_the_secret_is_found_by_an_index():
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, ChatSession._meta.db_table).values()
    assert ["secret_digest"] in [index["columns"] for index in found if index["index"]]


def test_a_preset_is_resolved_to_openais_defaults():
    defaults = {
        "automatic_thread_titling": {"enabled": True},
        "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
        "history": {"enabled": True, "recent_threads": None},
    }
    assert resolved(None) == resolved(ChatKitConfiguration()) == defaults
    preset = ChatKitConfiguration(
        automatic_thread_titling_enabled=False,
        file_upload_enabled=True,
        file_upload_max_file_size=1,
        history_recent_threads=3,
    )
    assert resolved(preset) == {
        "automatic_thread_titling": {"enabled": False},
        "file_upload": {"enabled": True, "max_file_size": 1, "max_files": 10},
        "history": {"enabled": True, "recent_threads": 3},
    }


def test_a_thread_is_one_owners_in_one_workflow():
    first, second = a_workflow("one"), a_workflow("two")
    a_thread(first)
    a_thread(second)
    a_thread(first, user_key="other")
    with pytest.raises(IntegrityError), transaction.atomic():
        a_thread(first)


def test_an_item_is_in_its_thread_once():
    thread = a_thread(a_workflow())
    other = a_thread(thread.workflow, "thr_2")
    for one in (thread, other):
        ChatItem.objects.create(thread=one, item_id="msg_1", payload="{}")
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatItem.objects.create(thread=thread, item_id="msg_1", payload="{}")


def test_an_attachment_is_one_owners_in_one_workflow():
    workflow = a_workflow()
    ChatAttachment.objects.create(workflow=workflow, user_key="k", attachment_id="atc_1")
    ChatAttachment.objects.create(workflow=workflow, user_key="l", attachment_id="atc_1")
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatAttachment.objects.create(workflow=workflow, user_key="k", attachment_id="atc_1")


@pytest.mark.parametrize("kind", ["", "neutral", "positively"])
def test_feedback_is_positive_or_negative(kind):
    item = ChatItem.objects.create(thread=a_thread(a_workflow()), item_id="msg_1", payload="{}")
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatFeedback.objects.create(item=item, kind=kind)
    ChatFeedback.objects.create(item=item, kind=ChatFeedback.Kind.NEGATIVE)
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatFeedback.objects.create(item=item, kind=ChatFeedback.Kind.POSITIVE)


def test_what_goes_with_a_thread():
    thread = a_thread(a_workflow())
    item = ChatItem.objects.create(thread=thread, item_id="msg_1", payload="{}")
    ChatFeedback.objects.create(item=item, kind="positive")
    ChatAttachment.objects.create(workflow=thread.workflow, user_key="k", attachment_id="a", thread=thread)
    thread.delete()
    assert not any(model.objects.exists() for model in (ChatItem, ChatFeedback, ChatAttachment))


def test_a_thread_outlives_its_user():
    user = User.objects.create(username="ada")
    thread = a_thread(a_workflow(), user=user)
    user.delete()
    thread.refresh_from_db()
    assert (thread.user, thread.user_identifier) == (None, "user-1")


@pytest.mark.parametrize("kind", ["thread", "attachment"])
def test_a_workflow_with_conversations_cannot_be_deleted(kind):
    workflow = a_workflow()
    if kind == "thread":
        a_thread(workflow)
    else:
        ChatAttachment.objects.create(workflow=workflow, user_key="k", attachment_id="atc_1")
    with pytest.raises(ProtectedError):
        workflow.delete()


def test_threads_are_shown_by_their_ids():
    thread = a_thread(a_workflow())
    item = ChatItem(thread=thread, item_id="msg_1")
    shown = [thread, item, ChatAttachment(attachment_id="atc_1"), ChatFeedback(kind="positive")]
    assert list(map(str, shown)) == ["thr_1", "msg_1", "atc_1", "positive"]


def test_the_time_of_a_thread_is_ours():
    moment = timezone.now() - timedelta(days=400)
    thread = a_thread(a_workflow(), created_at=moment, updated_at=moment)
    thread.refresh_from_db()
    assert (thread.created_at, thread.updated_at) == (moment, moment)


def test_indexes_of_the_tables():
    """Pages, the purge, the search and the owner's attachments each walk one."""
    wanted = {
        ChatThread: {("user_key", "workflow_pk", "created_at", "id"), ("updated_at", "id"), ("thread_id",)},
        ChatItem: {("thread_id", "created_at", "id")},
        ChatAttachment: {("thread_id", "created_at", "id"), ("user_key", "workflow_pk", "attachment_id")},
    }
    for model, columns in wanted.items():
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
        assert {tuple(index["columns"]) for index in found} >= columns
        assert not any(index.condition for index in model._meta.indexes)
