"""What a session may do: as its preset says, and so often in a minute."""

from __future__ import annotations

import logging
import os
import secrets
import time

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from django_chatkit.models import ChatAttachment, ChatKitConfiguration, ChatThread, Workflow
from django_chatkit.server import limits
from django_chatkit.server.attachments import arrived
from django_chatkit.throttling import count, take_place

from ..crowd import at_once
from . import chat, full
from .chat import Caller
from .issued import issue

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def preset(agents, workflow):
    """Sessions of one user under a preset, often enough."""
    agents["full"] = full.FullServer
    configuration = ChatKitConfiguration.objects.create(name="preset")
    Workflow.objects.filter(pk=workflow.pk).update(
        agent="full", chatkit_configuration=configuration, max_requests_per_1_minute=1000
    )

    def caller(user="user-1", **fields):
        for name, value in fields.items():
            setattr(configuration, name, value)
        configuration.save()
        return Caller(issue(Workflow.objects.get(pk=workflow.pk), user))

    return caller


def sent_file(me, **fields):
    name = me.ask(chat.announce(**fields))["id"]
    arrived(ChatAttachment.objects.get(attachment_id=name), f"chatkit/{name}", 3)
    return name


# Files


def test_without_uploads_no_file_is_announced_or_sent(preset):
    allowed = preset(file_upload_enabled=True)
    name = sent_file(allowed)
    thread = allowed.ask(chat.create()).thread_id
    before = ChatThread.objects.count()
    for me in (preset(file_upload_enabled=False), preset(file_upload_enabled=None)):
        for wanted in (chat.announce(), chat.create("Hi", (name,)), chat.add(thread, "Hi", (name,))):
            assert me.refused(wanted) == (403, "permission_denied")
        assert me.ask(chat.add(thread, "Hi")).text
    assert ChatThread.objects.count() == before
    assert me.ask(chat.discard(name)) == {}


def test_so_many_files_a_message(preset):
    me = preset(file_upload_enabled=True, file_upload_max_files=2)
    names = tuple(sent_file(me) for _ in range(3))
    assert me.refused(chat.create("Hi", names)) == (400, "invalid")
    begun = me.ask(chat.create("Hi", names[:2]))
    assert len(begun.done[0].attachments) == 2
    assert me.refused(chat.add(begun.thread_id, "Hi", names)) == (400, "invalid")
    assert ChatThread.objects.count() == 1


def test_a_file_must_be_there_before_its_message(preset):
    """The SDK would leave an empty thread behind."""
    me = preset(file_upload_enabled=True)
    waiting = me.ask(chat.announce())["id"]
    assert me.refused(chat.create("Hi", (waiting,))) == (400, "invalid")
    assert me.refused(chat.create("Hi", ("atc_0",))) == (404, "not_found")
    assert not ChatThread.objects.exists()


def test_a_file_belongs_to_one_thread(preset):
    me = preset(file_upload_enabled=True)
    name = sent_file(me)
    thread = me.ask(chat.create("Hi", (name,))).thread_id
    assert me.ask(chat.add(thread, "Again", (name,))).text
    assert me.refused(chat.create("Hi", (name,))) == (400, "invalid")


# History


def test_without_history_one_goes_on_but_never_back(preset):
    me = preset()
    begun = me.ask(chat.create())
    thread, question = begun.thread_id, begun.done[0].id
    me = preset(history_enabled=False)
    assert me.ask(chat.threads()) == {"data": [], "has_more": False}
    assert me.refused(chat.get(thread)) == (404, "not_found")
    assert me.refused(chat.items(thread)) == (404, "not_found")
    assert me.ask(chat.add(thread, "Go on")).text == "Go on "
    assert me.ask(chat.retry(thread, question)).text
    assert me.ask(chat.rename(thread, "New"))["title"] == "New"
    assert me.ask(chat.delete(thread)) == {}


def test_only_recent_threads_are_opened(preset):
    me = preset()
    old, new = (me.ask(chat.create()).thread_id for _ in range(2))
    me = preset(history_recent_threads=1)
    assert [row["id"] for row in me.ask(chat.threads())["data"]] == [new]
    for wanted in (chat.get(old), chat.add(old), chat.rename(old, "New")):
        assert me.refused(wanted) == (404, "not_found")
    assert me.ask(chat.get(new))["id"] == new


@pytest.mark.parametrize("limit", [10**30, -1, 0])
def test_pages_have_a_size_that_the_database_can_bear(preset, limit):
    me = preset()
    thread = me.ask(chat.create()).thread_id
    assert len(me.ask(chat.threads(limit=limit))["data"]) == 1
    assert 1 <= len(me.ask(chat.items(thread, limit=limit))["data"]) <= 2


@pytest.mark.parametrize(("title", "allowed"), [("x" * 255, True), ("x" * 256, False), ("a\0b", False), ("", True)])
def test_titles(preset, title, allowed):
    me = preset()
    thread = me.ask(chat.create()).thread_id
    if allowed:
        assert me.ask(chat.rename(thread, title))["title"] == title
    else:
        assert me.refused(chat.rename(thread, title)) == (400, "invalid")


def test_the_session_decides_not_the_workflow_as_it_is_now(preset):
    """As OpenAI does it: what a session was issued with holds until it ends."""
    me = preset(file_upload_enabled=True)
    preset(file_upload_enabled=False)
    assert me.ask(chat.announce())["id"]


# How often


def limited(workflow, allowed, user="user-1", url=chat.CHAT):
    Workflow.objects.filter(pk=workflow.pk).update(max_requests_per_1_minute=allowed)
    return Caller(issue(Workflow.objects.get(pk=workflow.pk), user), url)


def statuses(me, *wanted):
    return [me.answer(each).status_code for each in wanted]


def test_so_many_requests_a_minute(workflow):
    me = limited(workflow, 3)
    assert statuses(me, *[chat.create()] * 5) == [200, 200, 200, 429, 429]
    answer = me.answer(chat.create())
    assert answer.json()["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60
    assert ChatThread.objects.count() == 3


def test_unset_means_ten_as_at_openai(workflow):
    assert statuses(limited(workflow, None), *[chat.create()] * 11) == [200] * 10 + [429]


def test_a_new_session_is_no_new_minute(workflow):
    assert statuses(limited(workflow, 1), chat.create(), chat.create()) == [200, 429]
    assert statuses(limited(workflow, 1), chat.create()) == [429]


def test_users_and_workflows_are_counted_each_for_themselves(workflow):
    assert statuses(limited(workflow, 1), chat.create(), chat.create()) == [200, 429]
    assert statuses(limited(workflow, 1, "user-2"), chat.create()) == [200]
    other = Workflow.objects.create(slug="sales", name="Sales", backend="self_hosted", agent="echo")
    assert statuses(limited(other, 1, url="/chatkit/chat/sales/"), chat.create()) == [200]


def test_what_makes_an_agent_work_counts_and_reading_does_not(preset, workflow):
    thread = (begun := preset().ask(chat.create("widget"))).thread_id
    item = begun.done[1].id
    free = (
        chat.threads(),
        chat.get(thread),
        chat.items(thread),
        chat.rename(thread, "New"),
        chat.feedback(thread, item),
        chat.get("thr_0"),
    )
    costly = (
        chat.create(),
        chat.add(thread),
        chat.retry(thread, begun.done[0].id),
        chat.act(thread),
        chat.act_in_sync(thread),
        chat.tool_output(thread, 1),
        chat.answers(thread, item),
        chat.dictate(),
    )
    cache.clear()
    me = limited(workflow, 1)
    assert statuses(me, *free, *free)[:5] == [200] * 5
    assert statuses(me, chat.create()) == [200]
    assert statuses(me, *costly) == [429] * len(costly)
    assert statuses(me, *free)[:5] == [200] * 5


def test_what_is_refused_does_not_count(workflow):
    me = limited(workflow, 1)
    assert statuses(me, b"{", chat.retry("thr_0", "msg_0"), chat.create("Hi", ("atc_0",))) == [400, 404, 403]
    assert statuses(me, chat.create()) == [200]


def test_the_window_begins_with_its_first_request(workflow, monkeypatch):
    """And not with the clock's minute, where twice as many could come at once."""
    monkeypatch.setattr(limits, "WINDOW", 1)
    me = limited(workflow, 2)
    for _ in range(2):
        begun = time.monotonic()
        assert statuses(me, *[chat.create()] * 2) == [200, 200]
        late = statuses(me, chat.create())
        assert late == [429] or time.monotonic() - begun > 0.9
        time.sleep(1.1)


REDIS = {
    "BACKEND": "django.core.cache.backends.redis.RedisCache",
    "LOCATION": os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
}
CACHES = {
    "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "limits"},
    "redis": REDIS,
}


@pytest.mark.parametrize("kind", CACHES.values(), ids=CACHES)
def test_all_at_once_exactly_so_many_get_through(settings, kind):
    settings.CACHES = {"default": {**kind, "KEY_PREFIX": secrets.token_hex()}}
    for each in range(5):
        waits = at_once(lambda key=f"key-{each}": limits._seconds_to_wait(key, 10), 40)
        assert sorted(map(bool, waits)) == [False] * 10 + [True] * 30


class Forgetful:
    """A cache whose counting loses some: two who count at once are told the same number."""

    def __init__(self, inner):
        self.inner, self.touch = inner, inner.touch

    def incr(self, key):
        number = self.inner.incr(key)
        if number % 3 == 0:
            self.inner.decr(key)
        return number

    def add(self, *args, **kwargs):
        return self.inner.add(*args, **kwargs)


def test_nobody_gets_a_place_twice_where_counting_is_not_exact():
    forgetful = Forgetful(cache)
    taken = [take_place(forgetful, "places", 4, 60) for _ in range(10)]
    assert taken.count(True) <= 4
    assert taken[:2] == [True, True]


def count_in(settings, backend, location, workflow):
    settings.CACHES = {
        "default": {"BACKEND": f"django.core.cache.backends.{backend}", "LOCATION": location, "TIMEOUT": 1}
    }
    me = limited(workflow, 2)
    assert statuses(me, *[chat.create()] * 3) == [200, 200, 429]
    time.sleep(1.1)  # longer than this cache keeps what it is not told to keep
    assert statuses(me, chat.create()) == [429]


def test_a_cache_in_files_counts_too(settings, tmp_path, workflow):
    count_in(settings, "filebased.FileBasedCache", str(tmp_path), workflow)


@pytest.fixture
def cache_table(transactional_db):
    """Not within a transaction: making a table would commit it in MariaDB."""
    call_command("createcachetable", "chatkit_cache", verbosity=0)
    yield "chatkit_cache"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE chatkit_cache")


def test_a_cache_in_the_database_counts_too(settings, cache_table, workflow):
    count_in(settings, "db.DatabaseCache", cache_table, workflow)


def test_a_cache_that_forgets_at_once_stops_nobody(settings, workflow):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    assert statuses(limited(workflow, 1), *[chat.create()] * 3) == [200] * 3


def test_a_cache_that_fails_lets_nobody_through(settings, workflow, caplog):
    me = limited(workflow, 5)
    settings.CACHES = {"default": {**REDIS, "LOCATION": "redis://:hunter2@127.0.0.1:1"}}
    assert me.refused(chat.create()) == (503, "misconfigured")
    (record,) = [record for record in caplog.records if record.name == "django_chatkit"]
    assert (record.status, record.code, record.levelno) == (503, "misconfigured", logging.ERROR)
    assert "cache" in record.getMessage()
    assert "hunter2" not in record.getMessage()
    assert me.ask(chat.threads())["data"] == []  # reading needs no counting
    assert not ChatThread.objects.exists()


def test_counting_starts_over_when_the_counter_is_evicted():
    class Evicting:
        def add(self, *args, **kwargs):
            return False

        def incr(self, key):
            raise ValueError

    assert count(Evicting(), "key", 60) == 1
    assert take_place(Evicting(), "key", 3, 60) is False
