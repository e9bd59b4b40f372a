"""Streams in this process: event by event, with an end, and stopped when nobody reads them."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
from functools import wraps

import pytest
from asgiref.sync import async_to_sync
from chatkit import types

from django_chatkit.models import ChatItem
from django_chatkit.server import streaming
from django_chatkit.server.payloads import item_of
from django_chatkit.server.streaming import EventStream, streamed

from . import chat, full
from .chat import Caller
from .issued import issue


class Listener:
    """Stands where the store does: it is told that nobody listens any more."""

    is_cancelled = False


def in_loop(test):
    """Run the coroutine ``test`` in an event loop; no stream may be left behind."""

    @wraps(test)
    def run(*args, **kwargs):
        async_to_sync(no_stream_is_left)(test(*args, **kwargs))

    return run


async def no_stream_is_left(test):
    await test
    await asyncio.sleep(0)
    assert not streaming._running


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.DEBUG)
    return lambda: [record for record in caplog.records if record.name == "django_chatkit"]


async def counting(number, before=None):
    for each in range(number):
        if before is not None:
            await before(each)
        yield b"data: %d\n\n" % each


async def never(_each=None):
    await asyncio.Event().wait()


async def begun(events, store=None):
    stream = EventStream(events, store or Listener())
    await stream.begin()
    return stream


async def everything(stream):
    return b"".join([chunk async for chunk in aiter(stream)])


async def soon(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("It never happened.")


# From the first event to the last


@in_loop
async def test_all_events_in_their_order():
    stream = await begun(counting(100))
    assert await everything(stream) == b"".join(b"data: %d\n\n" % each for each in range(100))
    assert [chunk async for chunk in stream] == []


@in_loop
async def test_a_stream_without_events():
    assert [chunk async for chunk in await begun(counting(0))] == []


@in_loop
async def test_an_event_is_read_before_the_next_exists():
    gates = [asyncio.Event() for _ in range(3)]
    stream = EventStream(counting(3, lambda each: gates[each].wait()), Listener())
    gates[0].set()
    await stream.begin()
    for each in range(3):
        gates[each].set()
        assert await anext(stream) == b"data: %d\n\n" % each
    assert [chunk async for chunk in stream] == []


@in_loop
async def test_a_slow_browser_holds_the_agent_back():
    made = []

    async def note(each):
        made.append(each)

    stream = await begun(counting(1000, note))
    await asyncio.sleep(0.05)
    assert len(made) <= streaming.QUEUED + 3
    assert (await everything(stream)).count(b"data: ") == 1000


@in_loop
async def test_events_that_wait_are_read_at_once():
    stream = await begun(counting(1000))
    await asyncio.sleep(0)
    chunks = [chunk async for chunk in stream]
    assert max(chunk.count(b"data: ") for chunk in chunks) == streaming.QUEUED


@in_loop
async def test_silence_is_broken_by_comments(monkeypatch):
    monkeypatch.setattr(streaming, "PING", 0.01)
    gate = asyncio.Event()
    stream = await begun(counting(2, lambda each: gate.wait() if each else asyncio.sleep(0)))
    assert await anext(stream) == b"data: 0\n\n"
    assert [await anext(stream) for _ in range(3)] == [b": ping\n\n"] * 3
    gate.set()
    await asyncio.sleep(0)
    assert [chunk async for chunk in stream][-1] == b"data: 1\n\n"


@in_loop
async def test_what_is_raised_instead_of_the_first_event_is_raised_before_there_is_a_response():
    async def nothing():
        raise KeyError("thr_1")
        yield b""

    with pytest.raises(KeyError):
        await streamed(nothing(), Listener())


@in_loop
async def test_what_is_raised_later_is_an_event_and_a_record(records):
    async def breaking():
        yield b"data: 0\n\n"
        raise KeyError("sk-secret")

    first, rest = (await everything(await begun(breaking()))).split(b"\n\n", 1)
    assert first == b"data: 0"
    (event,) = chat.events_of(rest)
    assert (event.type, event.code, event.allow_retry) == ("error", "stream.error", True)
    (record,) = records()
    assert (record.status, record.code) == (200, "error")
    assert record.exc_info[0] is KeyError
    assert "sk-secret" not in record.getMessage()


@in_loop
async def test_an_agent_that_cancels_itself_ends_its_stream(records):
    async def giving_up():
        yield b"data: 0\n\n"
        raise asyncio.CancelledError

    rest = (await everything(await begun(giving_up()))).removeprefix(b"data: 0\n\n")
    assert [event.type for event in chat.events_of(rest)] == ["error"]
    assert len(records()) == 1


# Nobody reads any more


class Agent:
    """Events of an agent; ``stopped`` tells where it was when it was cancelled."""

    def __init__(self, number=10**9, waits_at=None, *, deaf=False):
        self.number, self.waits_at, self.deaf = number, waits_at, deaf
        self.stopped = []
        self.ended = False

    async def events(self):
        try:
            for each in range(self.number):
                try:
                    await (never() if each == self.waits_at else asyncio.sleep(0))
                except asyncio.CancelledError:
                    self.stopped.append(each)
                    if not self.deaf:
                        await asyncio.sleep(0.01)  # what is there is saved
                        raise
                yield b"data: %d\n\n" % each
        finally:
            self.ended = True


async def read(stream, number):
    async for _chunk in stream:
        number -= 1
        if not number:
            await never()


async def cancelled(stream, number=1):
    """Read so many events, and be cancelled: while waiting for the next one if there is none."""
    reading = asyncio.create_task(read(stream, number) if number else _all(stream))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def _all(stream):
    return [chunk async for chunk in stream]


@in_loop
async def test_who_waits_for_the_next_event_and_goes_stops_the_agent():
    agent, store = Agent(waits_at=3), Listener()
    stream = await begun(agent.events(), store)
    await cancelled(stream, 0)
    assert (agent.stopped, agent.ended, store.is_cancelled) == ([3], True, True)


@in_loop
async def test_who_goes_before_the_first_event_stops_the_agent():
    agent, store = Agent(waits_at=0), Listener()
    waiting = asyncio.create_task(streamed(agent.events(), store))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (agent.stopped, agent.ended, store.is_cancelled) == ([0], True, True)


@in_loop
async def test_an_agent_that_waits_for_a_slow_browser_is_stopped_where_it_notices():
    """Cancelled between two events, the SDK would not save what it has."""
    agent, store = Agent(), Listener()
    response = await streamed(agent.events(), store)
    await asyncio.sleep(0.05)
    response.close()
    await soon(lambda: agent.ended)
    assert len(agent.stopped) == 1
    assert agent.stopped[0] <= streaming.QUEUED + 3
    assert store.is_cancelled


@in_loop
async def test_closing_in_another_thread_is_enough():
    agent, store = Agent(waits_at=2), Listener()
    response = await streamed(agent.events(), store)
    thread = threading.Thread(target=response.close)
    thread.start()
    await soon(lambda: agent.ended)
    thread.join()
    assert (agent.stopped, store.is_cancelled) == ([2], True)


@in_loop
async def test_closing_what_has_been_read_changes_nothing():
    agent, store = Agent(3), Listener()
    response = await streamed(agent.events(), store)
    assert (await everything(response)).count(b"data: ") == 3
    response.close()
    await asyncio.sleep(0.01)
    assert (agent.stopped, agent.ended, store.is_cancelled) == ([], True, False)


@in_loop
async def test_cancelled_and_closed_is_stopped_once():
    agent, store = Agent(waits_at=2), Listener()
    stream = await begun(agent.events(), store)
    reading = asyncio.create_task(_all(stream))
    await asyncio.sleep(0.02)
    reading.cancel()
    await asyncio.sleep(0)
    stream.close()
    reading.cancel()
    stream.close()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await soon(lambda: agent.ended)
    assert agent.stopped == [2]


@in_loop
async def test_a_browser_that_reads_no_more_counts_as_gone(monkeypatch):
    monkeypatch.setattr(streaming, "STALLED", 0.02)
    agent, store = Agent(), Listener()
    stream = await begun(agent.events(), store)
    await soon(lambda: agent.ended)
    assert len(agent.stopped) == 1
    assert store.is_cancelled
    assert b'{"type":"error"' in (await _all(stream))[-1]  # in case that it reads on


@in_loop
async def test_an_agent_that_will_not_stop_is_told_again(monkeypatch, records):
    monkeypatch.setattr(streaming, "STOPPING", 0.02)
    agent = Agent(waits_at=2, deaf=True, number=4)

    async def events():
        async for chunk in agent.events():
            yield chunk
        await never()

    stream = await begun(events())
    await cancelled(stream, 0)
    assert agent.stopped == [2]
    (record,) = records()
    assert "CancelledError" in record.getMessage()


@in_loop
async def test_an_agent_that_has_stopped_is_not_told_again(monkeypatch, records):
    monkeypatch.setattr(streaming, "STOPPING", 0.05)
    await cancelled(await begun(Agent(waits_at=2).events()), 0)
    await asyncio.sleep(0.1)
    assert records() == []


@in_loop
async def test_what_fails_while_stopping_is_recorded(records):
    async def failing():
        yield b"data: 0\n\n"
        try:
            await never()
        except asyncio.CancelledError:
            raise KeyError from None

    await cancelled(await begun(failing()), 0)
    (record,) = records()
    assert record.exc_info[0] is KeyError


# With the SDK, the store and Django's handler


@pytest.fixture
def me(inline, issued):
    return Caller(issued)


@pytest.fixture
def endless(inline, agents, workflow):
    agents["endless"] = full.endless
    full.stopped.clear()
    workflow.agent = "endless"
    workflow.save()
    return Caller(issue(workflow, "user-1"))


def test_headers(me):
    response = me.answer(chat.create())
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store, no-transform"
    assert response["X-Accel-Buffering"] == "no"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_compression_holds_nothing_back(me, settings):
    """Each event leaves as it is and when it is there; a short answer that is no stream is still compressed."""
    middleware = ("django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware")
    settings.MIDDLEWARE = [*middleware, *settings.MIDDLEWARE]
    me.headers["Accept-Encoding"] = "gzip, br"

    async def chunks():
        response = await me.post(chat.create("slowly now"))
        return [chunk async for chunk in aiter(response)]

    parts = async_to_sync(chunks)()
    assert all(chat.events_of(part) for part in parts)
    assert [part.count(b"thread.item.updated") for part in parts if b"thread.item.updated" in part] == [1, 1]
    listed = me.answer(chat.get(chat.events_of(parts[0]).thread_id))
    assert listed["Content-Encoding"] == "gzip"
    assert gzip.decompress(listed.content).startswith(b'{"title"')


def stored():
    return [item_of(row.payload) for row in ChatItem.objects.order_by("created_at", "id")]


async def heard(response, words):
    """Read until the assistant has said so many words, and then wait for the next one."""
    read = []

    async def listen():
        async for chunk in aiter(response):
            read.extend(chat.events_of(chunk))

    listening = asyncio.create_task(listen())
    await soon(lambda: sum(event.type == "thread.item.updated" for event in read) == words)
    return listening


def test_the_part_that_there_is_is_saved(endless):
    async def leave():
        listening = await heard(await endless.post(chat.create("one two three")), 3)
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening

    async_to_sync(no_stream_is_left)(leave())
    assert full.stopped == [True]
    question, answer, hidden = stored()
    assert answer.content[0].text == "one two three "
    assert isinstance(hidden, types.SDKHiddenContextItem)
    assert not ChatItem.objects.filter(is_draft=True).exists()
    thread = endless.ask(chat.get(question.thread_id))
    assert [item["type"] for item in thread["items"]["data"]] == ["user_message", "assistant_message"]


def test_nothing_is_left_open_in_a_loop_that_ends(endless):
    """As when a server is stopped: the loop cancels every task, ours among them."""

    async def abandon():
        await endless.post(chat.create("one two three"))
        await asyncio.sleep(0.05)

    async_to_sync(abandon)()
    assert not streaming._running
