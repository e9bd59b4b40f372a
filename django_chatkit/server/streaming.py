"""Streams of events: written as they come, and the agent stopped as soon as nobody reads them any more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from chatkit.errors import ErrorCode
from chatkit.types import ErrorEvent
from django.http import StreamingHttpResponse

from .database import without_connections_of_the_request

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

    Whatever has been produced since the last chunk was read is the next one. When iterating is cancelled, or ``close``
    is called, the agent is stopped and the SDK saves the part of the answer that there is. A cancelled iteration waits
    for that, so that a server that shuts down does too.
    """

    def __init__(self, events: AsyncIterator[bytes], store: Cancellable) -> None:
        self._store = store
        self._stopped = False
        self._waiting: list[bytes] = []
        self._failure: Exception | None = None
        self._readable = asyncio.Event()
        self._taken = asyncio.Event()
        self._taken_at = 0.0
        self._reads = 0
        self._ping: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._produce(events))
        self._task.add_done_callback(self._end)
        _running.add(self._task)

    async def begin(self) -> None:
        """Wait for the first event. Raises what was raised in its place."""
        await self._until_readable()
        if self._failure is not None:
            raise self._failure
        self._taken_at = self._loop.time()
        self._break_silence()

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> bytes:
        if self._reads == 1 or not self._readable.is_set():
            await self._until_readable()
        if not self._waiting:
            raise StopAsyncIteration
        return self._take()

    async def _until_readable(self) -> None:
        """Until there is something to read, or the end. Once the first chunk is on its way, middleware is done."""
        try:
            if self._reads == 1:
                await without_connections_of_the_request()
            await self._readable.wait()
        except asyncio.CancelledError:
            self._stop()
            await asyncio.wait([self._task])
            raise

    def _take(self) -> bytes:
        chunk = b"".join(self._waiting)
        self._waiting.clear()
        self._reads += 1
        self._taken.set()
        self._taken_at = self._loop.time()
        if not self._task.done():
            self._readable.clear()
        return chunk

    def _break_silence(self) -> None:
        """One timer for the stream, not one for each event: it looks when something was read last."""
        if self._task.done():
            return
        now = self._loop.time()
        if now - self._taken_at >= PING:
            self._taken_at = now
            self._waiting = self._waiting or [_KEEP_ALIVE]  # a browser that reads nothing needs no more to read
            self._readable.set()
        self._ping = self._loop.call_at(self._taken_at + PING, self._break_silence)

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
                begun = True
                if self._stopped:
                    continue
                if len(self._waiting) >= QUEUED:
                    await self._until_taken()
                self._hand_over(chunk)
        except asyncio.CancelledError as error:
            if not self._stopped:  # the server is being stopped, or the agent gave up
                _log(error)
            self._hand_over(_ERROR_CHUNK)
            raise
        except Exception as error:
            if begun or self._stopped:
                _log(error)
            if begun:
                self._hand_over(_ERROR_CHUNK)
            else:
                self._failure = error

    async def _until_taken(self) -> None:
        """Until there is room again, or nobody reads any more."""
        self._taken.clear()
        try:
            async with asyncio.timeout(STALLED):
                await self._taken.wait()
        except (TimeoutError, asyncio.CancelledError):
            # Not here, between two events, must the SDK be cancelled, but wherever it waits next: there it notices.
            self._stop()
            self._task.cancel()

    def _hand_over(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._readable.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        _running.discard(task)
        self._readable.set()
        if self._ping is not None:
            self._ping.cancel()


def _log(error: BaseException) -> None:
    logger.error(
        "A stream broke off: %s.", type(error).__name__, exc_info=error, extra={"status": 200, "code": "error"}
    )
