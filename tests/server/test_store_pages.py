"""Pages of threads and items: their order, their cursors, and how far back the preset lets anybody look."""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest
from chatkit.store import NotFoundError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_chatkit.models import ChatThread
from django_chatkit.server.context import ChatKitContext

from .conversation import Kept, a_file, a_thread, answered, said

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def kept(context: ChatKitContext) -> Kept:
    return Kept(context)


def not_found(message):
    return pytest.raises(NotFoundError, match=f"^{re.escape(message)}$")


class Walk:
    """All pages, one after the other."""

    def __init__(self, load, limit, order):
        self.pages, after = [], None
        while True:
            page = load(limit, after, order)
            self.pages.append([each.id for each in page.data])
            assert page.has_more is (page.after is not None)
            if not page.has_more:
                break
            assert page.after == page.data[-1].id
            after = page.after

    @property
    def ids(self):
        return [each for page in self.pages for each in page]


def walk_items(kept, limit, order):
    return Walk(lambda limit, after, order: kept.load_thread_items("thr_1", after, limit, order), limit, order)


def walk_threads(kept, limit, order):
    return Walk(kept.load_threads, limit, order)


#: Seconds after each other: some at the same time, and not in the order in which they are saved.
TIMES = (3, 1, 1, 1, 2, 0, 3)
IN_ORDER = ["5", "1", "2", "3", "4", "0", "6"]


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("walk", [walk_items, walk_threads])
def test_every_row_is_on_one_page(kept, walk, limit, order):
    if walk is walk_items:
        kept.fill(*(said("Hello", str(number), seconds=seconds) for number, seconds in enumerate(TIMES)))
    else:
        for number, seconds in enumerate(TIMES):
            kept.save_thread(a_thread(str(number), seconds=seconds))
    walked = walk(kept, limit, order)
    assert walked.ids == (IN_ORDER if order == "asc" else IN_ORDER[::-1])
    assert {len(page) for page in walked.pages[:-1]} <= {limit}
    assert walked.pages[-1]


def test_a_page_after_the_last_is_empty(kept):
    kept.fill(said("Hello"))
    for page in (kept.load_thread_items("thr_1", "msg_1", 20, "asc"), kept.load_threads(20, "thr_1", "asc")):
        assert (page.data, page.has_more, page.after) == ([], False, None)


def test_rows_that_come_in_between_do_not_disturb(kept):
    kept.fill(*(said("Hello", str(number), seconds=number) for number in range(4)))
    first = kept.load_thread_items("thr_1", None, 2, "desc")
    kept.add_thread_item("thr_1", said("Late", "late", seconds=9))
    kept.delete_thread_item("thr_1", "1")
    second = kept.load_thread_items("thr_1", first.after, 2, "desc")
    assert [item.id for item in (*first.data, *second.data)] == ["3", "2", "0"]


@pytest.mark.parametrize(("limit", "length"), [(-5, 1), (0, 1), (20, 20), (100, 100), (101, 100), (10**30, 100)])
def test_the_limit_is_the_stores(kept, limit, length):
    """A client may ask for any number, and the SDK does not look at it."""
    kept.save_thread(a_thread("thr_1"))
    rows = [ChatThread(thread_id=f"old_{number}", **an_owner(kept)) for number in range(101)]
    ChatThread.objects.bulk_create(rows)
    page = kept.load_threads(limit, None, "desc")
    assert (len(page.data), page.has_more) == (length, True)
    row = ChatThread.objects.get(thread_id="thr_1")
    row.items.bulk_create(type(row.items.model())(thread=row, item_id=str(n), payload=AN_ITEM) for n in range(101))
    assert len(kept.load_thread_items("thr_1", None, limit, "desc").data) == length


AN_ITEM = answered("Hello").model_dump_json()


def an_owner(kept):
    session = kept.context.session
    return {"workflow": session.workflow, "user_key": session.user_key, "payload": a_thread().model_dump_json()}


@pytest.mark.parametrize("after", ["nowhere", "x" * 256, "\0", "\ud800"])
def test_a_cursor_that_is_not_there(kept, after):
    kept.fill(said("Hello"))
    with not_found(f"Item {after} not found"):
        kept.load_thread_items("thr_1", after, 20, "asc")
    with not_found(f"Thread {after} not found"):
        kept.load_threads(20, after, "asc")


def test_a_cursor_of_another_thread(kept):
    kept.fill(said("Hello"))
    kept.fill(said("Hello", "msg_2"), thread_id="thr_2")
    for thread_id in ("thr_1", "thr_3"):
        with not_found("Item msg_2 not found"):
            kept.load_thread_items(thread_id, "msg_2", 20, "asc")


# history


def limited(kept, **history):
    kept.context.session.chatkit_configuration["history"].update(history)


def five_threads(kept):
    """The third and the fourth begin at the same time."""
    for number, seconds in enumerate((0, 1, 2, 2, 3)):
        kept.save_thread(a_thread(f"thr_{number}", seconds=seconds))
        kept.add_thread_item(f"thr_{number}", said("Hello"))


@pytest.mark.parametrize("recent", [1, 2, 3, 4, 5, 6, 2_000_000_000])
def test_only_recent_threads_are_seen(kept, recent):
    five_threads(kept)
    limited(kept, recent_threads=recent)
    seen = [f"thr_{number}" for number in range(max(5 - recent, 0), 5)]
    assert kept.thread_ids() == seen
    assert walk_threads(kept, 2, "desc").ids == seen[::-1]
    for number in range(5):
        thread_id = f"thr_{number}"
        if thread_id in seen:
            assert kept.load_thread(thread_id).id == thread_id
            assert kept.item_ids(thread_id) == ["msg_1"]
            assert kept.load_item(thread_id, "msg_1") == said("Hello")
        else:
            with not_found(f"Thread {thread_id} not found"):
                kept.load_thread(thread_id)
            assert kept.item_ids(thread_id) == []
            with not_found(f"Item msg_1 not found in thread {thread_id}"):
                kept.load_item(thread_id, "msg_1")


def test_threads_of_others_are_not_counted(kept, workflow):
    five_threads(kept)
    session = kept.context.session
    ChatThread.objects.create(thread_id="newer", **{**an_owner(kept), "user_key": "0" * 64})
    limited(kept, recent_threads=1)
    assert kept.thread_ids() == ["thr_4"]
    assert session.workflow == workflow


def test_a_thread_that_is_too_old_can_be_deleted_and_finished(kept):
    """An answer that is being written when newer threads begin is not lost."""
    five_threads(kept)
    limited(kept, recent_threads=1)
    kept.add_thread_item("thr_0", answered("Late"))
    kept.save_attachment(a_file(thread_id="thr_0"))
    kept.delete_thread("thr_1")
    limited(kept, recent_threads=None)
    assert kept.thread_ids() == ["thr_0", "thr_2", "thr_3", "thr_4"]
    assert kept.item_ids("thr_0") == ["msg_1", "msg_2"]


def test_paging_goes_on_from_a_thread_that_has_become_too_old(kept):
    five_threads(kept)
    limited(kept, recent_threads=2)
    page = kept.load_threads(20, "thr_1", "desc")
    assert (page.data, page.has_more) == ([], False)
    assert [each.id for each in kept.load_threads(20, "thr_1", "asc").data] == ["thr_3", "thr_4"]


def test_without_history_nothing_is_listed(kept):
    """The thread that one is in goes on: its agent reads it."""
    five_threads(kept)
    limited(kept, enabled=False, recent_threads=1)
    assert kept.thread_ids() == []
    assert kept.load_threads(20, "nowhere", "asc").data == []
    assert kept.load_thread("thr_0").id == "thr_0"
    assert kept.item_ids("thr_0") == ["msg_1"]


# queries


@contextmanager
def queries(at_most):
    """Savepoints stand for the transactions that there are outside of tests."""
    with CaptureQueriesContext(connection) as captured:
        yield
    statements = [each["sql"] for each in captured if "SAVEPOINT" not in each["sql"]]
    assert 0 < len(statements) <= at_most, "\n".join(statements)


@pytest.mark.parametrize("recent", [None, 3])
def test_the_number_of_queries(kept, recent):
    """However much there is; a transaction is two more."""
    five_threads(kept)
    limited(kept, recent_threads=recent)
    for number in range(30):
        kept.add_thread_item("thr_4", answered("Hello", f"more_{number}"))
    thread = a_thread("thr_4", title="New")
    calls = [
        (1, lambda: kept.load_thread("thr_4")),
        (1, lambda: kept.load_threads(20, None, "desc")),
        (2, lambda: kept.load_threads(20, "thr_4", "desc")),
        (1, lambda: kept.load_item("thr_4", "msg_1")),
        (2, lambda: kept.load_thread_items("thr_4", None, 20, "asc")),
        (2, lambda: kept.load_thread_items("thr_4", "msg_1", 20, "asc")),
        (3, lambda: kept.add_thread_item("thr_4", answered("Hello", "new"))),
        (3, lambda: kept.save_item("thr_4", answered("Hello", "new"))),
        (3, lambda: kept.save_draft("thr_4", answered("Hello", "draft"))),
        (3, lambda: kept.save_thread(thread)),
        (3, lambda: kept.save_thread(a_thread("thr_9"))),
        (3, lambda: kept.save_attachment(a_file())),
        (5, lambda: kept.save_attachment(a_file(thread_id="thr_4"))),
        (1, lambda: kept.load_attachment("atc_1")),
        (1, lambda: kept.require_attachments(["atc_1"] * 9, thread_id="thr_4")),
        (6, lambda: kept.save_feedback("thr_4", [f"more_{number}" for number in range(30)], "positive")),
        (5, lambda: kept.delete_thread_item("thr_4", "new")),
        (3, lambda: kept.delete_attachment("atc_1")),
        (14, lambda: kept.delete_thread("thr_4")),  # for each thousand items
    ]
    for at_most, call in calls:
        with queries(at_most):
            call()
