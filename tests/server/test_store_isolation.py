"""What is not the owner's own is as if it did not exist: for others, in other workflows, by ids that nearly match."""

from __future__ import annotations

import pytest
from chatkit.store import NotFoundError
from django.db import IntegrityError, connection
from django.test import AsyncRequestFactory

from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread, Workflow
from django_chatkit.server.context import ChatKitContext

from .conversation import Kept, a_file, a_thread, answered, said
from .issued import issue

pytestmark = pytest.mark.usefixtures("inline")

MODELS = (ChatThread, ChatItem, ChatAttachment, ChatFeedback)


@pytest.fixture
def kept(context: ChatKitContext) -> Kept:
    """With one of everything."""
    kept = Kept(context)
    kept.fill(said("Private", attachments=[a_file(thread_id="thr_1")]))
    kept.save_attachment(a_file(thread_id="thr_1"))
    kept.save_attachment(a_file("atc_2"))
    kept.save_feedback("thr_1", ["msg_1"], "positive")
    return kept


def somebody_else(workflow):
    return issue(workflow, "user-2")


def the_same_elsewhere(workflow):
    other = Workflow.objects.create(slug="other", name="Other", backend=Workflow.Backend.SELF_HOSTED, agent="echo")
    return issue(other, "user-1")


@pytest.fixture(params=[somebody_else, the_same_elsewhere])
def stranger(request, workflow):
    context = ChatKitContext.of(AsyncRequestFactory().post("/"), request.param(workflow).session)
    return Kept(context)


def everything():
    return [list(model.objects.order_by("pk").values()) for model in MODELS]


def outcome(kept, name, *arguments):
    """What a call says, whoever makes it."""
    try:
        return repr(getattr(kept, name)(*arguments))
    except Exception as error:
        return repr(error)


def calls(thread_id, item_id, attachment_id):
    """Every method of the store with ids of somebody else's, or with ids of nobody's."""
    file = a_file(attachment_id)
    return [
        ("load_thread", thread_id),
        ("load_threads", 20, None, "desc"),
        ("load_threads", 20, thread_id, "desc"),
        ("load_thread_items", thread_id, None, 20, "asc"),
        ("load_thread_items", thread_id, item_id, 20, "asc"),
        ("load_item", thread_id, item_id),
        ("add_thread_item", thread_id, said("Mine", item_id)),
        ("save_item", thread_id, said("Mine", item_id)),
        ("save_draft", thread_id, said("Mine", item_id)),
        ("delete_thread_item", thread_id, item_id),
        ("delete_thread", thread_id),
        ("save_feedback", thread_id, [item_id], "negative"),
        ("save_feedback", thread_id, [], "negative"),
        ("load_attachment", attachment_id),
        ("delete_attachment", attachment_id),
        ("require_attachments", [attachment_id]),
        ("save_attachment", file.model_copy(update={"thread_id": thread_id})),
    ]


def test_nothing_is_read_written_or_learnt(kept, stranger):
    before = everything()
    theirs, nobodys = calls("thr_1", "msg_1", "atc_2"), calls("thr_9", "msg_9", "atc_9")
    for real, unreal in zip(theirs, nobodys, strict=True):
        said_of_real = outcome(stranger, *real)
        expected = outcome(stranger, *unreal)
        for nobody, theirs_id in (("thr_9", "thr_1"), ("msg_9", "msg_1"), ("atc_9", "atc_2")):
            expected = expected.replace(nobody, theirs_id)
        assert said_of_real == expected, real
        assert "Private" not in said_of_real
        assert everything() == before, real


def test_the_same_ids_are_everybodys_own(kept, stranger, django_capture_on_commit_callbacks):
    before = everything()
    stranger.fill(said("Mine"))
    stranger.save_attachment(a_file(name="mine.txt", thread_id="thr_1"))
    stranger.save_feedback("thr_1", ["msg_1"], "negative")
    assert stranger.load_item("thr_1", "msg_1") == said("Mine")
    assert stranger.thread_ids() == kept.thread_ids() == ["thr_1"]
    assert stranger.load_attachment("atc_1").name == "mine.txt"
    assert kept.load_attachment("atc_1").name == "notes.txt"
    with django_capture_on_commit_callbacks(execute=True):
        stranger.delete_thread("thr_1")
    assert everything() == before


def test_an_attachment_is_not_given_to_another_ones_thread(kept, stranger):
    stranger.save_attachment(a_file("own"))
    with pytest.raises(NotFoundError, match="Thread thr_1 not found"):
        stranger.save_attachment(a_file("own", thread_id="thr_1"))
    assert ChatAttachment.objects.get(attachment_id="own").thread is None


@pytest.mark.parametrize("wrong", ["x" * 256, "thr_1\0", "\ud800", ""], ids=ascii)
def test_ids_that_no_database_takes(kept, wrong):
    """They are looked for in vain, and saved by nobody."""
    before = everything()
    for call in (
        lambda: kept.load_thread(wrong),
        lambda: kept.load_item("thr_1", wrong),
        lambda: kept.load_item(wrong, "msg_1"),
        lambda: kept.load_attachment(wrong),
        lambda: kept.require_attachments([wrong]),
        lambda: kept.delete_thread(wrong),
        lambda: kept.delete_thread_item(wrong, "msg_1"),
        lambda: kept.save_feedback("thr_1", [wrong], "negative"),
        lambda: kept.save_feedback(wrong, ["msg_1"], "negative"),
        lambda: kept.add_thread_item(wrong, answered("Hello")),
        lambda: kept.save_item(wrong, answered("Hello")),
    ):
        with pytest.raises(NotFoundError):
            call()
    with pytest.raises((NotFoundError, ValueError)):  # half a character cannot even be written down
        kept.save_attachment(a_file("atc_2", thread_id=wrong or "x"))
    assert kept.item_ids(wrong) == []
    kept.delete_attachment(wrong)
    for call in (
        lambda: kept.save_thread(a_thread(wrong)),
        lambda: kept.add_thread_item("thr_1", answered("Hello", wrong)),
        lambda: kept.save_item("thr_1", answered("Hello", wrong)),
        lambda: kept.save_attachment(a_file(wrong)),
    ):
        with pytest.raises(ValueError, match="An id has 1 to 255 characters"):
            call()
    assert everything() == before
    kept.delete_thread_item("thr_1", wrong)
    assert everything()[1:] == before[1:]


@pytest.mark.parametrize(
    ("thread_id", "item_id", "attachment_id"), [("THR_1", "MSG_1", "ATC_1"), ("thr_1 ", "msg_1 ", "atc_1 ")]
)
def test_ids_that_mariadb_takes_for_the_same(kept, thread_id, item_id, attachment_id):
    """It compares by its collation, and pads with spaces."""
    for call in (
        lambda: kept.load_thread(thread_id),
        lambda: kept.load_threads(20, thread_id, "asc"),
        lambda: kept.load_item("thr_1", item_id),
        lambda: kept.load_item(thread_id, "msg_1"),
        lambda: kept.load_thread_items("thr_1", item_id, 20, "asc"),
        lambda: kept.load_attachment(attachment_id),
        lambda: kept.require_attachments([attachment_id]),
        lambda: kept.delete_thread(thread_id),
        lambda: kept.save_feedback("thr_1", [item_id], "negative"),
        lambda: kept.add_thread_item(thread_id, answered("Hello")),
        lambda: kept.save_attachment(a_file("atc_2", thread_id=thread_id)),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert kept.item_ids(thread_id) == []
    kept.delete_thread_item("thr_1", item_id)
    kept.delete_attachment(attachment_id)
    assert kept.load_item("thr_1", "msg_1").content == said("Private").content
    assert kept.load_attachment("atc_1") == a_file(thread_id="thr_1")
    save_all = (
        lambda: kept.save_thread(a_thread(thread_id)),
        lambda: kept.save_item("thr_1", said("Other", item_id)),
        lambda: kept.save_attachment(a_file(attachment_id, name="other.txt")),
    )
    for save in save_all:
        if connection.vendor == "mysql":
            with pytest.raises(IntegrityError):
                save()
        else:
            save()
    assert kept.load_thread("thr_1") == a_thread()
    assert kept.load_item("thr_1", "msg_1").content == said("Private").content
    assert kept.load_attachment("atc_1") == a_file(thread_id="thr_1")
