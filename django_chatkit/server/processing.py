"""One request of the component, from the bytes of its body to the answer of OpenAI's SDK."""

from __future__ import annotations

from chatkit.server import ChatKitServer, NonStreamingResult, StreamingResult
from chatkit.store import NotFoundError
from chatkit.types import ChatKitReq, ItemsFeedbackReq, is_streaming_req
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _

from .. import signals
from ..exceptions import ChatKitNotConfigured
from ..models import ChatThread
from . import limits
from .agents import server_for
from .agents.failures import log_failure
from .attachments import DjangoAttachmentStore
from .context import ChatKitContext
from .database import in_database
from .parsing import MAX_REASON, parsed
from .refusals import Refusal
from .store import DjangoStore
from .streaming import streamed


async def process(context: ChatKitContext, body: bytes) -> HttpResponseBase:
    """The answer to whoever presented the session's secret.

    Raises ``Refusal`` for what cannot be or may not be done, and ``ChatKitNotConfigured``.
    """
    wanted = parsed(body)
    if is_streaming_req(wanted) and not isinstance(context.request, ASGIRequest):
        raise ChatKitNotConfigured(
            "Self-hosted chats are streamed, which needs an ASGI server: run this site with uvicorn or daphne."
        )
    try:
        return await _processed(wanted, body, context)
    except NotFoundError:
        raise Refusal(404, "not_found", _("There is no such thread, item or attachment.")) from None
    except ValueError as error:
        if type(error) is not ValueError:  # of the subclasses, some are the database's
            raise
        raise Refusal(400, "invalid", str(error)[:MAX_REASON]) from None
    except NotImplementedError as error:
        raise ChatKitNotConfigured(f"The agent cannot answer {wanted.type}: {error}") from error


async def _processed(wanted: ChatKitReq, body: bytes, context: ChatKitContext) -> HttpResponseBase:
    store = DjangoStore()
    await limits.check(wanted, store, context)
    server = await in_database(_counted_server, wanted, store, context)
    if isinstance(wanted, ItemsFeedbackReq):
        await _keep_feedback(wanted, store, context)
    result = await _result(server, wanted, body, context)
    if isinstance(result, StreamingResult):
        return await streamed(result.json_events, store)
    return HttpResponse(result.json, content_type="application/json")


def _counted_server(wanted: ChatKitReq, store: DjangoStore, context: ChatKitContext) -> ChatKitServer[ChatKitContext]:
    """The server for one more request. Both may take their time: a cache, and the import of the site's code."""
    limits.count(wanted, context)
    return server_for(context.session, store, DjangoAttachmentStore())


async def _result(
    server: ChatKitServer[ChatKitContext], wanted: ChatKitReq, body: bytes, context: ChatKitContext
) -> StreamingResult | NonStreamingResult:
    """What fails in the site's own code is neither the visitor's fault nor, with its words, a matter for a log."""
    try:
        return await server.process(body, context)
    except (NotFoundError, NotImplementedError):
        raise
    except Exception as error:
        if not limits.runs_own_code(wanted):
            raise
        log_failure(context.session.workflow_id, error)
        raise Refusal(500, "error", _("Something went wrong. Try again later.")) from None


async def _keep_feedback(wanted: ItemsFeedbackReq, store: DjangoStore, context: ChatKitContext) -> None:
    """Whatever the agent does about it: nobody has to write a line for feedback to be kept."""
    params = wanted.params
    thread = await store.save_feedback(params.thread_id, params.item_ids, params.kind, context)
    await in_database(
        signals.feedback_given.send_robust,
        ChatThread,
        thread=thread,
        item_ids=params.item_ids,
        kind=params.kind,
        session=context.session,
    )
