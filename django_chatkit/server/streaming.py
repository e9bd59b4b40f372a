"""Streams of events: written as they come, and the agent stopped as soon as nobody reads them any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from chatkit.errors import ErrorCode
from chatkit.types import ErrorEvent
from django.http import StreamingHttpResponse

logger = logging.getLogger("django_chatkit")

#: The SDK logs, with its traceback, whatever ends a stream: also an unknown thread, which anybody may ask for. Here all
#: of it is either answered or logged.
logging.getLogger("chatkit").addFilter(lambda record: record.msg != "Error while generating streamed response")

#: Events that wait for a slow browser before the agent has to. (daphne takes everything at once, so behind it the
#: agent never waits; what piles up there is one answer at most.)
QUEUED = 16
#: Seconds of silence after which a comment is sent: proxies cut silent connections, and only who writes finds out
#: that a browser is gone.
PING = 15.0
#: Seconds that a browser may take to read an event, before it counts as gone.
STALLED = 300.0
#: Seconds that an agent has to stop and the store to save what there is.
STOPPING = 10.0

HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",  # Django's gzip would pack each event by itself: browsers read only the first
}

_KEEP_ALIVE = b": ping\n\n"
_ERROR = ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)
_ERROR_CHUNK = b"data: " + _ERROR.model_dump_json(exclude_none=True).encode() + b"\n\n"

#: The event loop keeps weak references only, and a stream whose browser is gone has nobody else.
_running: set[asyncio.Task[None]] = set()


class Cancellable(Protocol):
    """The store, which is told that nobody waits any more: what is saved from then on may be there already."""

    is_cancelled: bool


async def streamed(events: AsyncIterator[bytes], store: Cancellable) -> StreamingHttpResponse:
    """A response that streams ``events``. Raises what is raised in place of the first one."""
    stream = EventStream(events, store)
    await stream.begin()
    return StreamingHttpResponse(stream, content_type="text/event-stream", headers=HEADERS)


class EventStream:
    """``events``, produced in a task: that can be cancelled, while closing the SDK's generator would lose the answer.

    When iterating is cancelled, or ``close`` is called, the agent is stopped and the SDK saves the part of the answer
    that there is. A cancelled iteration waits for that, so that a server that shuts down does too.
    """

    def __init__(self, events: AsyncIterator[bytes], store: Cancellable) -> None:
        self._store = store
        self._stopped = False
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(QUEUED)
        self._taken: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._produce(events))
        self._task.add_done_callback(self._end)
        _running.add(self._task)

    async def begin(self) -> None:
        """Wait for the first event. Raises what was raised in its place."""
        first = await self._next()
        if isinstance(first, Exception):
            raise first
        if first is not None:
            self._taken.append(first)

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> bytes:
        if self._taken:
            return self._taken.pop()
        try:
            chunk = await self._next(patience=PING)
        except TimeoutError:
            return _KEEP_ALIVE
        if not isinstance(chunk, bytes):
            raise StopAsyncIteration
        return chunk

    async def _next(self, patience: float | None = None) -> bytes | Exception | None:
        try:
            async with asyncio.timeout(patience):
                chunk = await self._queue.get()
        except asyncio.CancelledError:
            self._stop()
            await asyncio.wait([self._task])
            raise
        if chunk is None:
            self._queue.put_nowait(None)  # who asks again gets the same answer
        self._room.release()
        return chunk

    def close(self) -> None:
        """The response is closed. Django calls this in some thread, whether or not it has read to the end."""
        if not self._task.done():
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        if self._stopped or self._task.done():
            return
        self._stopped = self._store.is_cancelled = True
        self._task.cancel()
        self._loop.call_later(STOPPING, self._insist)

    def _insist(self) -> None:
        if not self._task.done():
            text = "An agent goes on though nobody listens any more: it suppresses asyncio.CancelledError."
            logger.error(text, extra={"code": "error"})
            self._task.cancel()

    async def _produce(self, events: AsyncIterator[bytes]) -> None:
        begun = False
        try:
            async for chunk in events:
                await self._offer(chunk)
                begun = True
        except asyncio.CancelledError as error:
            if not self._stopped:  # the server is being stopped, or the agent gave up
                _log(error)
            self._queue.put_nowait(_ERROR_CHUNK)
            raise
        except Exception as error:
            if begun or self._stopped:
                _log(error)
            self._queue.put_nowait(_ERROR_CHUNK if begun else error)

    async def _offer(self, chunk: bytes) -> None:
        """Hand an event over, when there is room for it."""
        if self._stopped:
            return
        try:
            async with asyncio.timeout(STALLED):
                await self._room.acquire()
        except (TimeoutError, asyncio.CancelledError):
            # Not here, between two events, must the SDK be cancelled, but wherever it waits next: there it notices.
            self._stop()
            self._task.cancel()
        else:
            self._queue.put_nowait(chunk)

    def _end(self, task: asyncio.Task[None]) -> None:
        _running.discard(task)
        self._queue.put_nowait(None)


def _log(error: BaseException) -> None:
    logger.error(
        "A stream broke off: %s.", type(error).__name__, exc_info=error, extra={"status": 200, "code": "error"}
    )
