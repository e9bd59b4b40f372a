"""The store does what the SDK documents of one, and what its server relies on."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest
from chatkit.store import NotFoundError
from chatkit.types import CustomTask, LockedStatus, Page, Thread, Workflow, WorkflowItem
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import IntegrityError
from django.test import AsyncRequestFactory
from django.utils import timezone
from django.utils.connection import ConnectionDoesNotExist

from django_chatkit import sessions
from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread
from django_chatkit.server import files, writing
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.writing import WritableRows

from .conversation import NOW, Kept, a_file, a_picture, a_thread, an_item, answered, awaited, every_item, said
from .issued import issue

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def kept(context: ChatKitContext) -> Kept:
    return Kept(context)


def not_found(message):
    return pytest.raises(NotFoundError, match=f"^{re.escape(message)}$")


# threads


def test_a_thread_comes_out_as_it_went_in(kept):
    for thread in (a_thread(title="Teapots", metadata={"order": 7}), a_thread("thr_2"), a_thread("thr_1", title="New")):
        kept.save_thread(thread)
        assert kept.load_thread(thread.id) == thread
    assert kept.thread_ids() == ["thr_1", "thr_2"]


def test_a_thread_belongs_to_the_session(workflow):
    user = User.objects.create(username="ada")
    for session in (sessions.create_session(workflow, user=user).session, issue(workflow, "visitor-9").session):
        Kept(ChatKitContext.of(AsyncRequestFactory().post("/"), session)).save_thread(a_thread())
        row = ChatThread.objects.get(user_key=session.user_key)
        assert (row.user, row.workflow, row.created_at) == (session.user, workflow, NOW.astimezone())
        assert row.user_identifier == session.user_identifier
    assert set(ChatThread.objects.values_list("user", flat=True)) == {user.pk, None}


def test_a_whole_thread_is_saved_without_its_items(kept):
    whole = Thread(**a_thread(title="T").model_dump(), items=Page(data=[said("Hello")]))
    kept.save_thread(whole)
    whole.title = "Titled"
    kept.save_thread(whole)
    assert kept.load_thread("thr_1") == a_thread(title="Titled")
    assert "Hello" not in ChatThread.objects.get().payload
    assert kept.item_ids() == []


def test_saving_again_keeps_the_place_in_the_order(kept):
    kept.save_thread(a_thread())
    kept.fill(said("Hello"))
    kept.save_thread(a_thread(seconds=60))
    kept.save_item("thr_1", said("Hello", seconds=60))
    assert ChatThread.objects.get().created_at == ChatItem.objects.get().created_at == NOW.astimezone()
    assert kept.load_thread("thr_1").created_at == NOW + timedelta(seconds=60)


def test_only_what_was_changed_is_saved(kept):
    """Two requests have loaded the thread; the one titles it, the other locks it."""
    kept.save_thread(a_thread(metadata={"a": 1}))
    first, second = Kept(kept.context), Kept(kept.context)
    mine, theirs = first.load_thread("thr_1"), second.load_threads(10, None, "asc").data[0]
    mine.title, mine.metadata["b"] = "Teapots", 2
    theirs.status, theirs.metadata["c"] = LockedStatus(), 3
    theirs = type(theirs).model_validate(theirs.model_dump())  # another object, as a copy would be
    first.save_thread(mine)
    second.save_thread(theirs)
    mine.title = "More teapots"
    first.save_thread(mine)
    after = kept.load_thread("thr_1")
    assert (after.title, after.status.type, after.metadata) == ("More teapots", "locked", {"a": 1, "b": 2, "c": 3})


def test_saving_a_thread_that_has_not_changed(kept, django_assert_num_queries):
    """As the SDK does after a title has been given. It moves up in the list, and must be there."""
    kept.save_thread(a_thread(title="Teapots"))
    thread = kept.load_thread("thr_1")
    ChatThread.objects.update(updated_at=timezone.now() - timedelta(days=1))
    with django_assert_num_queries(1):
        kept.save_thread(thread)
    assert ChatThread.objects.get().updated_at > timezone.now() - timedelta(minutes=1)
    ChatThread.objects.all().delete()
    with not_found("Thread thr_1 not found"):
        kept.save_thread(thread)


def test_a_thread_deleted_elsewhere_is_not_made_again(kept):
    kept.save_thread(a_thread())
    thread = kept.load_thread("thr_1")
    Kept(kept.context).delete_thread("thr_1")
    thread.title = "Late"
    with not_found("Thread thr_1 not found"):
        kept.save_thread(thread)
    assert not ChatThread.objects.exists()


def test_a_thread_deleted_here_can_be_made_again(kept):
    kept.save_thread(a_thread())
    kept.delete_thread("thr_1")
    kept.save_thread(a_thread())
    assert kept.thread_ids() == ["thr_1"]


@pytest.mark.parametrize(
    ("method", "save", "load"),
    [
        ("_locked_thread", ("save_thread", a_thread(title="Second")), ("load_thread", "thr_1")),
        ("_locked_attachment", ("save_attachment", a_file(name="second.txt")), ("load_attachment", "atc_1")),
    ],
)
def test_a_row_that_another_one_inserts_at_the_same_moment(kept, monkeypatch, method, save, load):
    """It was not there when it was looked for, and is when it is to be inserted."""
    kept.save_thread(a_thread())
    kept.save_attachment(a_file())
    look, looks = getattr(WritableRows, method), []

    def too_early(*arguments):
        looks.append(arguments)
        return look(*arguments) if len(looks) > 1 else None

    monkeypatch.setattr(WritableRows, method, too_early)
    name, thing = save
    getattr(Kept(kept.context), name)(thing)
    assert len(looks) == 2
    assert getattr(kept, load[0])(load[1]) == thing


def test_deleting_a_thread(kept, monkeypatch, django_capture_on_commit_callbacks):
    """With all that belongs to it, and its files when that is certain."""
    deleted = []
    monkeypatch.setattr(files.storage(), "delete", deleted.append)
    kept.fill(said("Hello"))
    kept.fill(said("Other"), thread_id="thr_2")
    kept.save_feedback("thr_1", ["msg_1"], "positive")
    for attachment in (a_file("a", thread_id="thr_1"), a_file("b", thread_id="thr_2"), a_file("c", thread_id="thr_1")):
        kept.save_attachment(attachment)
    ChatAttachment.objects.filter(attachment_id__in="ab").update(file="stored")
    with django_capture_on_commit_callbacks(execute=True):
        kept.delete_thread("thr_1")
        assert deleted == []
    assert deleted == ["stored"]
    assert kept.thread_ids() == ["thr_2"]
    assert kept.item_ids("thr_1") == []
    assert kept.item_ids("thr_2") == ["msg_1"]
    assert (ChatItem.objects.count(), ChatFeedback.objects.count()) == (1, 0)
    assert ChatAttachment.objects.get().attachment_id == "b"
    with not_found("Thread thr_1 not found"):
        kept.delete_thread("thr_1")


def test_a_file_that_cannot_be_deleted_now_is_deleted_later(
    kept, storage, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    """The thread is gone; the next purge tries again, because the file's row is still there."""
    name = files.store(ContentFile(b"cup").file)
    kept.fill(said("Hello"))
    kept.save_attachment(a_file("a", thread_id="thr_1"))
    ChatAttachment.objects.update(file=name)
    with monkeypatch.context() as broken, django_capture_on_commit_callbacks(execute=True):
        broken.setattr(storage, "delete", lambda name: 1 / 0)
        kept.delete_thread("thr_1")
    assert kept.thread_ids() == []
    assert "could not be deleted" in caplog.text
    assert storage.exists(name)
    assert sessions.purge_threads(older_than=timedelta(0)).attachments == 1
    assert not storage.exists(name)


# items


def test_items_of_every_type_come_out_as_they_went_in(kept):
    items = every_item()
    kept.fill(*items)
    assert kept.load_thread_items("thr_1", None, 100, "asc").data == items
    assert kept.load_thread_items("thr_1", None, 100, "desc").data == items[::-1]
    assert [kept.load_item("thr_1", item.id) for item in items] == items


def test_a_new_id_is_unused_until_an_item_has_it(kept):
    ids = [kept.store.generate_item_id("message", a_thread(), kept.context) for _ in range(3)]
    assert kept.store.unused_ids == set(ids)
    kept.save_thread(a_thread())
    for save, item_id in zip((kept.add_thread_item, kept.save_item, kept.save_draft), ids, strict=True):
        save("thr_1", said("Hello", item_id))
    assert kept.store.unused_ids == set()


def test_adding_an_item_twice_fails(kept):
    kept.fill(said("First"))
    with pytest.raises(IntegrityError, match="Item msg_1 exists already in thread thr_1"):
        kept.add_thread_item("thr_1", said("Second"))
    assert kept.load_item("thr_1", "msg_1") == said("First")


def test_saving_an_item_inserts_or_updates_it(kept):
    kept.fill()
    for text in ("First", "Second"):
        kept.save_item("thr_1", answered(text))
        assert kept.load_item("thr_1", "msg_2") == answered(text)
    assert kept.item_ids() == ["msg_2"]


def test_the_same_item_id_in_another_thread(kept):
    kept.fill(said("Here"))
    kept.fill(said("There"), thread_id="thr_2")
    assert kept.load_item("thr_1", "msg_1") == said("Here")
    assert kept.load_item("thr_2", "msg_1") == said("There")


def test_a_draft_grows_and_is_replaced(kept):
    kept.fill()
    for text in ("He", "Hell"):
        kept.save_draft("thr_1", answered(text))
        assert kept.load_item("thr_1", "msg_2") == answered(text)
    kept.add_thread_item("thr_1", answered("Hello"))
    kept.save_draft("thr_1", answered("Hell"))
    assert kept.load_item("thr_1", "msg_2") == answered("Hello")
    with pytest.raises(IntegrityError):
        kept.add_thread_item("thr_1", answered("Hello"))


def test_saving_a_draft_finishes_it(kept):
    kept.fill()
    kept.save_draft("thr_1", answered("Hell"))
    kept.save_item("thr_1", answered("Hello"))
    kept.save_draft("thr_1", answered("Hell"))
    assert kept.load_item("thr_1", "msg_2") == answered("Hello")


def test_the_browser_has_gone(kept):
    """The SDK adds what it has in hand, though the insert of the finished item may just have succeeded."""
    kept.fill(answered("Hello"))
    kept.save_draft("thr_1", answered("Good", "msg_3", seconds=1))
    kept.store.is_cancelled = True
    for item in (answered("Hell"), answered("Good day", "msg_3", seconds=1), answered("New", "msg_4", seconds=2)):
        kept.add_thread_item("thr_1", item)
    texts = [item.content[0].text for item in kept.load_thread_items("thr_1", None, 20, "asc").data]
    assert texts == ["Hello", "Good day", "New"]
    assert not ChatItem.objects.filter(is_draft=True).exists()


def test_a_workflow_goes_on_after_a_tool_call(kept):
    """The SDK adds it once more, with more tasks in it."""
    first = an_item(WorkflowItem, "wf_1", workflow=Workflow(type="custom", tasks=[]))
    more = an_item(WorkflowItem, "wf_1", workflow=Workflow(type="custom", tasks=[CustomTask(title="Look")]))
    kept.fill(first, more)
    assert kept.load_thread_items("thr_1", None, 20, "asc").data == [more]


def test_deleting_an_item(kept):
    kept.fill(said("Hello"), answered("Good day"))
    kept.save_feedback("thr_1", ["msg_1", "msg_2"], "negative")
    for _ in range(2):  # the SDK also removes what was never saved
        kept.delete_thread_item("thr_1", "msg_2")
        assert kept.item_ids() == ["msg_1"]
    assert ChatFeedback.objects.get().item.item_id == "msg_1"


def test_a_thread_moves_up_when_it_is_used(kept):
    uses = [
        ("add_thread_item", said("Hello")),
        ("save_item", said("Hello", "a")),
        ("save_draft", answered("Good")),
        ("save_feedback", ["msg_1"], "positive"),
        ("delete_thread_item", "msg_1"),
    ]
    kept.fill()
    for name, *arguments in uses:
        old = timezone.now() - timedelta(days=1)
        ChatThread.objects.update(updated_at=old)
        getattr(kept, name)("thr_1", *arguments)
        assert ChatThread.objects.get().updated_at > old + timedelta(hours=1), name


def test_what_is_not_there(kept):
    kept.fill(said("Hello"))
    with not_found("Thread thr_2 not found"):
        kept.load_thread("thr_2")
    with not_found("Item msg_2 not found in thread thr_1"):
        kept.load_item("thr_1", "msg_2")
    with not_found("Item msg_1 not found in thread thr_2"):
        kept.load_item("thr_2", "msg_1")
    with not_found("Attachment atc_1 not found"):
        kept.load_attachment("atc_1")
    page = kept.load_thread_items("thr_2", None, 20, "desc")
    assert (page.data, page.has_more, page.after) == ([], False, None)
    for name in ("add_thread_item", "save_item", "save_draft"):
        with not_found("Thread thr_2 not found"):
            getattr(kept, name)("thr_2", said("Hello"))
    with not_found("Thread thr_2 not found"):
        kept.delete_thread_item("thr_2", "msg_1")


# feedback


def test_feedback_can_change(kept):
    kept.fill(said("Hello"), answered("Good day"))
    assert kept.save_feedback("thr_1", ["msg_1"], "negative") == ChatThread.objects.get()
    kept.save_feedback("thr_1", ["msg_2", "msg_1", "msg_2"], "positive")
    assert set(ChatFeedback.objects.values_list("item__item_id", "kind")) == {
        ("msg_1", "positive"),
        ("msg_2", "positive"),
    }
    assert kept.save_feedback("thr_1", [], "positive").thread_id == "thr_1"


def test_feedback_for_something_unknown_is_not_kept(kept):
    kept.fill(said("Hello"))
    kept.fill(said("Hello", "msg_3"), thread_id="thr_2")
    with not_found("Item msg_3 not found in thread thr_1"):
        kept.save_feedback("thr_1", ["msg_1", "msg_3"], "positive")
    with not_found("Thread thr_3 not found"):
        kept.save_feedback("thr_3", ["msg_1"], "positive")
    with pytest.raises(ValueError, match="At most 1000 ids at once"):
        kept.save_feedback("thr_1", [f"msg_{number}" for number in range(1001)], "positive")
    assert not ChatFeedback.objects.exists()


# attachments


def test_attachments_come_out_as_they_went_in(kept):
    kept.save_thread(a_thread())
    for attachment in (a_file(metadata={"own": 1}), a_picture(), awaited(), a_file("atc_4", thread_id="thr_1")):
        kept.save_attachment(attachment)
        assert kept.load_attachment(attachment.id) == attachment


def test_an_attachment_keeps_its_file_and_gets_a_thread(kept, workflow):
    kept.save_thread(a_thread())
    kept.save_attachment(awaited())
    ChatAttachment.objects.update(file="stored", size=12)
    kept.save_attachment(a_file("atc_3", name="renamed.txt", thread_id="thr_1"))
    kept.save_attachment(a_file("atc_3"))
    row = ChatAttachment.objects.get()
    assert (row.file, row.size, row.thread, row.workflow) == ("stored", 12, ChatThread.objects.get(), workflow)
    assert row.user_key == kept.context.user_key
    assert kept.load_attachment("atc_3") == a_file("atc_3")


def test_an_attachment_belongs_to_one_thread(kept):
    kept.save_thread(a_thread("thr_1"))
    kept.save_thread(a_thread("thr_2"))
    for _ in range(2):
        kept.save_attachment(a_file(thread_id="thr_1"))
    with pytest.raises(ValueError, match="Attachment atc_1 belongs to another thread"):
        kept.save_attachment(a_file(thread_id="thr_2"))
    with not_found("Thread thr_3 not found"):
        kept.save_attachment(a_file("atc_2", thread_id="thr_3"))
    assert ChatAttachment.objects.get().thread == ChatThread.objects.get(thread_id="thr_1")


def test_deleting_an_attachment(kept, monkeypatch, django_capture_on_commit_callbacks):
    deleted = []
    monkeypatch.setattr(writing, "delete_files", deleted.extend)
    kept.save_attachment(a_file("a"))
    kept.save_attachment(a_file("b"))
    ChatAttachment.objects.filter(attachment_id="a").update(file="stored")
    with django_capture_on_commit_callbacks(execute=True):
        for attachment_id in "abc":
            kept.delete_attachment(attachment_id)
    assert deleted == ["stored"]
    assert not ChatAttachment.objects.exists()


def test_previews_on_this_site_are_signed_anew(kept, monkeypatch):
    signed = Counter()

    def sign(attachment, context):
        assert context is kept.context
        signed[attachment.id] += 1
        return attachment.model_copy(update={"name": "signed"})

    monkeypatch.setattr("django_chatkit.server.store.signed_preview", sign)
    kept.save_attachment(a_picture("a"))
    kept.fill(said("Look", attachments=[a_picture("b"), a_picture("c")]), answered("Nice"))
    assert kept.load_attachment("a").name == "signed"
    assert [each.name for each in kept.load_item("thr_1", "msg_1").attachments] == ["signed"] * 2
    assert kept.load_thread_items("thr_1", None, 20, "asc").data[0].attachments[0].name == "signed"
    assert signed == {"a": 1, "b": 2, "c": 2}


def test_required_attachments(kept):
    kept.save_thread(a_thread())
    for attachment in (a_file("ready"), awaited("late"), awaited("there"), a_file("used", thread_id="thr_1")):
        kept.save_attachment(attachment)
    ChatAttachment.objects.filter(attachment_id="there").update(file="stored")
    kept.require_attachments([])
    kept.require_attachments(["ready", "there"])
    kept.require_attachments(["ready", "used"], thread_id="thr_1")
    with not_found("Attachment nowhere not found"):
        kept.require_attachments(["ready", "nowhere"])
    with pytest.raises(ValueError, match="The file of attachment late has not arrived"):
        kept.require_attachments(["late"])
    for thread_id in (None, "thr_2"):
        with pytest.raises(ValueError, match="Attachment used belongs to another thread"):
            kept.require_attachments(["used"], thread_id=thread_id)


# ids


def test_ids_have_128_random_bits(kept):
    kinds = {"message": "msg", "tool_call": "tc", "task": "tsk", "workflow": "wf", "sdk_hidden_context": "shcx"}
    store, context = kept.store, kept.context
    for kind, prefix in kinds.items():
        assert re.fullmatch(rf"{prefix}_[0-9a-f]{{32}}", store.generate_item_id(kind, a_thread(), context))
    made = {store.generate_thread_id(context) for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"thr_[0-9a-f]{32}", each) for each in made)


def test_without_time_zones(kept, settings):
    settings.USE_TZ = False
    kept.fill(said("Hello"), answered("Good day", seconds=1, created_at=(NOW + timedelta(seconds=1)).astimezone()))
    kept.save_attachment(a_file())
    kept.save_feedback("thr_1", ["msg_2"], "positive")
    assert ChatThread.objects.get().created_at == NOW
    assert kept.item_ids() == ["msg_1", "msg_2"]
    assert kept.load_thread_items("thr_1", "msg_1", 20, "asc").data[0].created_at.tzinfo is not None
    assert kept.load_thread("thr_1") == a_thread()


def test_a_site_with_replicas(kept, settings):
    """The store reads what it has just written, and not what a replica may not know yet."""
    settings.DATABASE_ROUTERS = ["tests.server.conversation.ReadsElsewhere"]
    kept.fill(said("Hello"))
    assert kept.load_thread("thr_1") == a_thread()
    assert kept.item_ids() == ["msg_1"]
    with pytest.raises(ConnectionDoesNotExist):
        ChatThread.objects.count()
