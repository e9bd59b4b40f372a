"""``DjangoChatKitServer``: what every server of ours does besides answering."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from agents import InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered
from chatkit.actions import Action
from chatkit.errors import CustomStreamError, ErrorCode, StreamError
from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult
from chatkit.store import AttachmentStore, NotFoundError
from chatkit.types import (
    ErrorEvent,
    ThreadItem,
    ThreadMetadata,
    ThreadStreamEvent,
    UserMessageItem,
    WidgetItem,
    is_streaming_req,
)
from django.utils.translation import gettext as _

from ..context import ChatKitContext
from ..parsing import REQUEST
from ..store import DjangoStore
from .failures import log_failure
from .titles import first_words
from .turn import Turn

logger = logging.getLogger("django_chatkit")

#: Seconds that a title may take; it is written while the answer is.
TITLE_TIMEOUT = 20.0
#: Seconds that the end of an answer waits for the title at most.
TITLE_WAIT = 2.0

TRIPWIRES = (InputGuardrailTripwireTriggered, OutputGuardrailTripwireTriggered)

Stream = AsyncIterator[ThreadStreamEvent]


class DjangoChatKitServer(ChatKitServer[ChatKitContext]):
    """The base of a site's own server: write ``respond``, as OpenAI's SDK describes it, and whatever else you need.

    Whatever ``respond`` and ``action`` yield is watched: ids that the store could not take are replaced, the answer
    is saved every few seconds while it is being written, and an exception becomes an error that the visitor can read.
    A thread gets a title after its first exchange, if the preset says so. One server answers one request.
    """

    store: DjangoStore

    def __init__(self, store: DjangoStore, attachment_store: AttachmentStore[ChatKitContext] | None = None) -> None:
        super().__init__(store, attachment_store)
        # Here, and not in methods to be overridden, so that a site writes the two methods that the SDK documents.
        self.respond = self._watching_answers(self.respond)  # type: ignore[method-assign]
        self.action = self._watching_actions(self.action)  # type: ignore[method-assign]

    async def process(
        self, request: str | bytes | bytearray, context: ChatKitContext
    ) -> StreamingResult | NonStreamingResult:
        """As the SDK does it, but for building the validator anew for each request, which takes milliseconds."""
        wanted = REQUEST.validate_json(request)
        logging.getLogger("chatkit").info("Received request op: %s", wanted.type)
        if is_streaming_req(wanted):
            return StreamingResult(self._process_streaming(wanted, context))
        return NonStreamingResult(await self._process_non_streaming(wanted, context))

    async def title(self, thread: ThreadMetadata, item: UserMessageItem, context: ChatKitContext) -> str | None:
        """A title for a thread that begins with this message; ``None``: not yet. By default its first words."""
        return first_words(item)

    async def handle_stream_cancelled(
        self, thread: ThreadMetadata, pending_items: list[ThreadItem], context: ChatKitContext
    ) -> None:
        """Keep what there is of the answer, unless the thread has been deleted. What is stored already stays."""
        self.store.is_cancelled = True
        with suppress(NotFoundError):
            await super().handle_stream_cancelled(thread, pending_items, context)

    def _watching_answers(self, respond: Callable[..., Stream]) -> Callable[..., Stream]:
        def watched(
            thread: ThreadMetadata, input_user_message: UserMessageItem | None, context: ChatKitContext
        ) -> Stream:
            events = self._watched(lambda: respond(thread, input_user_message, context), thread, context)
            return self._titled(events, thread, input_user_message, context)

        return watched

    def _watching_actions(self, action: Callable[..., Stream]) -> Callable[..., Stream]:
        def watched(
            thread: ThreadMetadata, doing: Action[str, Any], sender: WidgetItem | None, context: ChatKitContext
        ) -> Stream:
            return self._watched(lambda: action(thread, doing, sender, context), thread, context)

        return watched

    async def _watched(self, begin: Callable[[], Stream], thread: ThreadMetadata, context: ChatKitContext) -> Stream:
        turn = Turn(self.store, thread, context)
        events: Stream | None = None
        try:
            events = begin()
            async for event in events:
                yield await turn.take(event)
        except (CustomStreamError, StreamError):
            raise  # what the site wants the visitor to read: the SDK sends it
        except TRIPWIRES as error:
            logger.info("The agent %r stopped at a guardrail (%s).", context.session.workflow_id, type(error).__name__)
            yield ErrorEvent(message=_("I cannot help with that."), allow_retry=False)
        except Exception as error:
            log_failure(context.session.workflow_id, error)
            yield ErrorEvent(code=ErrorCode.STREAM_ERROR, allow_retry=True)
        finally:
            await _closed(events)
            await turn.save_drafts()

    async def _titled(
        self, events: Stream, thread: ThreadMetadata, item: UserMessageItem | None, context: ChatKitContext
    ) -> Stream:
        wanted = context.session.chatkit_configuration["automatic_thread_titling"]["enabled"]
        if not wanted or item is None or thread.title:
            async for event in events:
                yield event
            return
        title = asyncio.create_task(self._set_title(thread, item, context))
        try:
            async for event in events:
                yield event
            await asyncio.wait({title}, timeout=TITLE_WAIT)
            if not title.done():
                await self._give_title(thread, first_words(item), context)
        finally:
            title.cancel()
            await _closed(events)

    async def _set_title(self, thread: ThreadMetadata, item: UserMessageItem, context: ChatKitContext) -> None:
        try:
            async with asyncio.timeout(TITLE_TIMEOUT):
                title = await self.title(thread, item, context)
        except Exception as error:
            logger.warning("The agent %r wrote no title (%s).", context.session.workflow_id, type(error).__name__)
            title = first_words(item)
        await self._give_title(thread, title, context)

    async def _give_title(self, thread: ThreadMetadata, title: str | None, context: ChatKitContext) -> None:
        """Unless the visitor has named the thread meanwhile. The SDK saves and sends what has changed, but with the
        next event only: until then it could take the place of a name that the visitor gives.
        """
        try:
            stored = await DjangoStore().load_thread(thread.id, context)
            thread.title = stored.title or title
            if thread.title:
                await self.store.save_thread(thread, context)
        except Exception as error:
            logger.warning("A thread of %r got no title (%s).", context.session.workflow_id, type(error).__name__)


async def _closed(events: Stream | None) -> None:
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()
