"""Files on their way in and out: the views. What they take and give is decided in ``attachments`` and ``delivery``.

Neither counts cookies: an address is signed, or the client secret comes in a header. So they are exempt from CSRF and
from ``LoginRequiredMiddleware``, and pages of every origin may call them: the component runs in OpenAI's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from ..models import ChatAttachment
from ..sessions import session_of_address
from ..sessions.backends import require_server
from ..transactions import outside_transactions
from .addresses import Upload, upload_allowed
from .context import ChatKitContext
from .database import in_database
from .delivery import deliver, not_found, presented_session, record_of
from .files import UploadRefused, in_storage, safe_type, store
from .receiving import Incoming, receive
from .refusals import Refusal, failure

if TYPE_CHECKING:
    from chatkit.types import Attachment

T = TypeVar("T")
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]

#: Of every answer. Browsers send no cookies where the allowed origin is ``*``, and none are needed.
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
#: In a preflight ``*`` stands for every header but this one.
PREFLIGHT = {"Access-Control-Allow-Headers": "*, Authorization", "Access-Control-Max-Age": "86400"}

#: The event loop keeps weak references only.
_running: set[asyncio.Future[Any]] = set()


def _endpoint(*methods: str) -> Callable[[View], View]:
    """A view for these methods: any page may call it, it is in no transaction, and a ``Refusal`` becomes its answer."""

    def decorate(view: View) -> View:
        async def endpoint(request: HttpRequest, **kwargs: str) -> HttpResponseBase:
            response = await _response(request, methods, view, kwargs)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        endpoint.__name__, endpoint.__doc__ = view.__name__, view.__doc__
        return outside_transactions(csrf_exempt(login_not_required(endpoint)))

    return decorate


async def _response(
    request: HttpRequest, methods: tuple[str, ...], view: View, kwargs: dict[str, str]
) -> HttpResponseBase:
    allowed = ", ".join((*methods, "OPTIONS"))
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers={"Access-Control-Allow-Methods": allowed, **PREFLIGHT})
    try:
        if request.method not in methods:
            raise Refusal(405, "method_not_allowed", _("This method is not allowed here."), Allow=allowed)
        require_server()
        return await view(request, **kwargs)
    except Refusal as refusal:
        return refusal.response()
    except Exception as error:
        return failure(error)


@_endpoint("POST")
async def direct_upload(request: HttpRequest, slug: str) -> HttpResponseBase:
    """``POST chat/{slug}/attachments/``: a form with the field ``file`` and the client secret as bearer.

    201 and the attachment as the SDK describes it.
    """
    session = await in_database(presented_session, request, slug)
    if session is None:
        detail = _("The client secret is wrong, or its session has ended.")
        raise Refusal(401, "authentication_failed", detail, WWW_Authenticate="Bearer")
    await _load_sdk()
    return await _to_the_end(_take_new(request, ChatKitContext.of(request, session)))


@_endpoint("GET", "HEAD", "POST", "PUT")
async def attachment(request: HttpRequest, slug: str, attachment_id: str) -> HttpResponseBase:
    """``chat/{slug}/attachments/{attachment_id}/``: POST or PUT the announced file, GET it back.

    The query's ``token`` allows one of both; the owner's bearer allows GET.
    """
    if request.method in ("GET", "HEAD"):
        return await deliver(request, slug, attachment_id)
    allowed = upload_allowed(request.GET.get("token", ""), slug, attachment_id)
    if allowed is None:
        raise UploadRefused(_("This address is not valid, or not any more."), "permission_denied")
    await _load_sdk()
    return await _to_the_end(_take_announced(request, slug, attachment_id, allowed))


async def _load_sdk() -> None:
    """The first time takes a while, during which other requests should go on."""
    await in_storage(import_module, "django_chatkit.server.attachments")


async def _take_announced(request: HttpRequest, slug: str, attachment_id: str, allowed: Upload) -> HttpResponse:
    from .attachments import waiting

    row = await in_database(_announced, slug, attachment_id, allowed)
    if row is None:
        raise not_found()
    expected = waiting(row)
    if expected is None:
        raise _used()
    incoming = await _received(request, allowed.size)
    try:
        await in_storage(incoming.check, expected.mime_type, allowed.size)
        return _described(await _keep(row, incoming))
    finally:
        await in_storage(incoming.close)


def _announced(slug: str, attachment_id: str, allowed: Upload) -> ChatAttachment | None:
    session = session_of_address(allowed.session_id, slug)
    return record_of(session, attachment_id) if session else None


async def _take_new(request: HttpRequest, context: ChatKitContext) -> HttpResponse:
    from chatkit.types import AttachmentCreateParams

    from .attachments import limit_of, new_id, taken

    incoming = await _received(request, limit_of(context.session))
    try:
        params = AttachmentCreateParams(name=incoming.name, size=incoming.size, mime_type=incoming.mime_type)
        await in_storage(incoming.check, safe_type(incoming.mime_type))
        row = await in_database(taken, new_id(), params, context)
        try:
            return _described(await _keep(row, incoming), status=201)
        except Refusal:
            await in_database(row.delete)
            raise
    finally:
        await in_storage(incoming.close)


async def _received(request: HttpRequest, limit: int) -> Incoming:
    """Under WSGI in the request's own thread, which a slow browser may hold up; under ASGI all has come already."""
    if isinstance(request, ASGIRequest):
        return await in_storage(receive, request, limit)
    return await sync_to_async(receive)(request, limit)


async def _keep(row: ChatAttachment, incoming: Incoming) -> Attachment:
    from .attachments import arrived

    file = await in_storage(store, incoming.content)
    found = await in_database(arrived, row, file, incoming.size)
    if found is None:
        raise _used()
    return found


def _used() -> UploadRefused:
    return UploadRefused(_("The file of this attachment has been sent already."), "permission_denied")


def _described(attachment: Attachment, status: int = 200) -> HttpResponse:
    from .attachments import as_json

    return HttpResponse(as_json(attachment), status=status, content_type="application/json")


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """``work``, even if the browser goes away meanwhile: half done, it would leave a file that nobody knows of."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return await asyncio.shield(task)
