"""What a session may do: as its preset says, request by request, and so often in a minute."""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Iterator
from typing import Any

from chatkit.store import NotFoundError
from chatkit.types import (
    AttachmentsCreateReq,
    ChatKitReq,
    InputTranscribeReq,
    ItemsFeedbackReq,
    ItemsListReq,
    ThreadsAddUserMessageReq,
    ThreadsCreateReq,
    ThreadsGetByIdReq,
    ThreadsRetryAfterItemReq,
    ThreadsSyncCustomActionReq,
    ThreadsUpdateReq,
    WidgetItem,
    is_streaming_req,
)
from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from ..exceptions import ChatKitNotConfigured
from ..sessions.backends import DEFAULT_MAX_REQUESTS
from ..throttling import take_place
from .context import ChatKitContext
from .refusals import Refusal
from .rows import MAX_IDS
from .store import DjangoStore

#: Seconds of the window that ``max_requests_per_1_minute`` counts in. It begins with its first request.
WINDOW = 60
#: Characters of a thread's title, and of any id.
MAX_TITLE = 255
MAX_ID = 255


async def check(wanted: ChatKitReq, store: DjangoStore, context: ChatKitContext) -> None:
    """Refuse what the preset forbids, and what the SDK would notice too late or not at all.

    Raises ``Refusal``, and whatever the store does.
    """
    preset = context.session.chatkit_configuration
    if not all(0 < len(known) <= MAX_ID and "\0" not in known for known in _ids(wanted.params)):
        raise NotFoundError
    match wanted:
        case AttachmentsCreateReq():
            _require_uploads(preset)
        case ThreadsCreateReq() | ThreadsAddUserMessageReq() if wanted.params.input.attachments:
            _require_uploads(preset)
            ids, most = wanted.params.input.attachments, preset["file_upload"]["max_files"]
            _require(len(ids) <= most, _("A message can have %d files at most.") % most)
            await store.require_attachments(ids, context, getattr(wanted.params, "thread_id", None))
        case ThreadsGetByIdReq() | ItemsListReq() if not preset["history"]["enabled"]:
            raise NotFoundError
        case ThreadsRetryAfterItemReq():  # the SDK would answer an empty stream
            await store.load_item(wanted.params.thread_id, wanted.params.item_id, context)
        case ThreadsSyncCustomActionReq() if wanted.params.item_id:
            item = await store.load_item(wanted.params.thread_id, wanted.params.item_id, context)
            _require(isinstance(item, WidgetItem), _("Only a widget can send an action."))
        case ItemsFeedbackReq():
            _require(len(wanted.params.item_ids) <= MAX_IDS, _("That is feedback on too many items at once."))
        case ThreadsUpdateReq():
            title = wanted.params.title
            _require(len(title) <= MAX_TITLE and "\0" not in title, _("This title is too long."))
        case InputTranscribeReq():
            _require(_is_base64(wanted.params.audio_base64), _("The sound is not Base64."))


def runs_own_code(wanted: ChatKitReq) -> bool:
    """Whether what the site's own server does for it can fail with an exception that is not about the request."""
    return isinstance(wanted, ThreadsSyncCustomActionReq | InputTranscribeReq | ItemsFeedbackReq)


def count(wanted: ChatKitReq, context: ChatKitContext) -> None:
    """Count what makes an agent work: reading is free. Raises ``Refusal`` when the minute's requests are used up.

    Users are counted per workflow, not per session: otherwise a new session would be a new minute. A cache that fails
    lets nobody through: ``ChatKitNotConfigured``.
    """
    if not is_streaming_req(wanted) and not isinstance(wanted, ThreadsSyncCustomActionReq | InputTranscribeReq):
        return
    session = context.session
    key = f"django_chatkit_chat_{session.workflow_pk}_{session.user_key}"
    wait = _seconds_to_wait(key, session.max_requests_per_1_minute or DEFAULT_MAX_REQUESTS)
    if wait:
        raise Refusal(429, "throttled", _("Too many messages. Try again in a moment."), Retry_After=str(wait))


def _seconds_to_wait(key: str, allowed: int) -> int:
    """Until the next window; nothing if there is a place in this one, which is then taken."""
    now = time.time()
    try:
        start = float(cache.get_or_set(key, now, WINDOW) or now)
        if start > now + WINDOW:  # the clock has been put back since: that window would last until it is there again
            cache.set(key, start := now, WINDOW)
        if take_place(cache, f"{key}_{start}", allowed, WINDOW):
            return 0
        return min(max(math.ceil(start + WINDOW - now), 1), WINDOW)
    except Exception as error:
        raise ChatKitNotConfigured(
            f"No request can be counted, so none is let through: the default cache fails ({type(error).__name__})."
        ) from error


def _ids(params: Any) -> Iterator[str]:
    for name in ("thread_id", "item_id", "attachment_id", "after"):
        known = getattr(params, name, None)
        if known is not None:
            yield known
    yield from getattr(params, "item_ids", ())
    yield from getattr(getattr(params, "input", None), "attachments", ())


def _require(fulfilled: bool, reason: Any) -> None:  # noqa: FBT001
    if not fulfilled:
        raise Refusal(400, "invalid", reason)


def _require_uploads(preset: dict[str, Any]) -> None:
    if not preset["file_upload"]["enabled"]:
        raise Refusal(403, "permission_denied", _("This chat takes no files."))


def _is_base64(text: str) -> bool:
    """As lenient as the SDK, which would fail with an error that looks like the agent's."""
    try:
        base64.b64decode(text)
    except ValueError:
        return False
    return True
