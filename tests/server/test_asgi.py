"""``BodyLimit``, called as an ASGI server calls it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import AttachmentCreateParams
from django.conf.urls.i18n import i18n_patterns
from django.core.asgi import get_asgi_application
from django.core.files.storage import storages
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory
from django.urls import include, path

from django_chatkit.models import ChatAttachment
from django_chatkit.server import addresses
from django_chatkit.server.asgi import BodyLimit
from django_chatkit.server.attachments import DjangoAttachmentStore
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.receiving import FORM_OVERHEAD
from tests.urls import urlpatterns as project_urls

from .files import MEMORY, TEXT, content_of, names_in
from .sending import form

MB = 1024 * 1024
CHAT = "/chatkit/chat/help/"
DIRECT = "/chatkit/chat/help/attachments/"

urlpatterns = [
    *project_urls,
    path("<slug:slug>/attachments/", lambda request, slug: None, name="attachment-list"),
    *i18n_patterns(path("kit/", include("django_chatkit.urls"))),
]


class Call:
    """One request in chunks, what the application took of it, and what was answered."""

    def __init__(self, url: str, chunks: list[bytes], method: str = "POST", **scope: Any) -> None:
        self.chunks = chunks
        self.taken = 0
        self.sent: list[Any] = []
        headers = scope.pop("headers", {})
        self.scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": urlsplit(url).path,
            "query_string": urlsplit(url).query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "server": ("testserver", 80),
            **scope,
        }

    def __call__(self, application: Any) -> Call:
        async_to_sync(application)(self.scope, self.receive, self.send)
        return self

    async def receive(self) -> Any:
        if self.taken == len(self.chunks):
            while not self.sent or self.sent[-1].get("more_body") or self.sent[-1]["type"] == "http.response.start":
                await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}
        self.taken += 1
        more = self.taken < len(self.chunks)
        return {"type": "http.request", "body": self.chunks[self.taken - 1], "more_body": more}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        starts = [message["status"] for message in self.sent if message["type"] == "http.response.start"]
        assert len(starts) == 1
        return int(starts[0])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class Taker:
    """An application that reads everything, and then answers, even to a browser that has left."""

    def __init__(self) -> None:
        self.read = 0
        self.calls = 0
        self.was_disconnected = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        message = {"more_body": True}
        while message.get("more_body"):
            message = await receive()
            self.read += len(message.get("body", b""))
        self.was_disconnected = message["type"] == "http.disconnect"
        if self.was_disconnected:
            await receive()  # once more: perhaps it is back
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def taker() -> Taker:
    return Taker()


@pytest.fixture
def limits(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000


def upload_url(size: int) -> str:
    request = RequestFactory().get("/")
    return addresses.upload_address(request, "help", "atc_1", addresses.Upload("0" * 64, size))


@pytest.mark.usefixtures("limits")
class TestChat:
    def test_as_much_as_allowed(self, taker: Taker) -> None:
        call = Call(CHAT, [bytes(600), bytes(400)])(BodyLimit(taker))
        assert (call.status, call.body, taker.read) == (200, b"ok", 1000)

    def test_stops_as_soon_as_it_is_too_much(self, taker: Taker) -> None:
        call = Call(CHAT, [bytes(600)] * 100)(BodyLimit(taker))

        assert call.status == 413
        assert json.loads(call.body)["code"] == "too_large"
        assert call.headers[b"connection"] == b"close"
        assert int(call.headers[b"content-length"]) == len(call.body)
        assert call.taken <= 3
        assert taker.read == 600 and taker.was_disconnected

    def test_announced_length(self, taker: Taker) -> None:
        call = Call(CHAT, [bytes(1001)], headers={"Content-Length": "1001"})(BodyLimit(taker))
        assert (call.status, call.taken, taker.calls) == (413, 0, 0)

    @pytest.mark.parametrize("length", ["1000", "0", "many", "-5"])
    def test_length_that_says_nothing(self, taker: Taker, length: str) -> None:
        call = Call(CHAT, [bytes(1001)], headers={"Content-Length": length})(BodyLimit(taker))
        assert (call.status, call.taken, taker.read) == (413, 1, 0)

    def test_no_limit(self, taker: Taker, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
        assert Call(CHAT, [bytes(MB)])(BodyLimit(taker)).status == 200

    def test_http_2_has_no_connections_to_close(self, taker: Taker) -> None:
        call = Call(CHAT, [bytes(1001)], http_version="2")(BodyLimit(taker))
        assert call.status == 413 and b"connection" not in call.headers

    @pytest.mark.parametrize("headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "5"}])
    def test_get_with_a_body(self, taker: Taker, headers: dict[str, str]) -> None:
        assert Call(CHAT, [bytes(1001)], "GET", headers=headers)(BodyLimit(taker)).status == 413

    @pytest.mark.parametrize("prefix", ["root_path", "FORCE_SCRIPT_NAME"])
    def test_below_a_prefix(self, taker: Taker, settings: Any, prefix: str) -> None:
        scope: dict[str, str] = {}
        if prefix == "root_path":
            scope["root_path"] = "/site"
        else:
            settings.FORCE_SCRIPT_NAME = "/site"
        assert Call("/site" + CHAT, [bytes(1001)], **scope)(BodyLimit(taker)).status == 413

    @pytest.mark.parametrize("language", ["en", "de", "pt-br"])
    def test_below_a_language(self, taker: Taker, settings: Any, language: str) -> None:
        settings.ROOT_URLCONF = __name__
        assert Call(f"/{language}/kit/chat/help/", [bytes(1001)])(BodyLimit(taker)).status == 413


@pytest.mark.usefixtures("limits")
class TestSessions:
    def test_much_more_than_any_request(self, taker: Taker) -> None:
        """What is between this and the 64 KB that it may have, the view refuses."""
        assert Call("/chatkit/sessions/", [bytes(1000)])(BodyLimit(taker)).status == 200
        assert Call("/chatkit/sessions/", [bytes(1001)])(BodyLimit(taker)).status == 413


class TestTime:
    def test_body_that_does_not_come(self, taker: Taker, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django_chatkit.server.asgi.SECONDS", 0.02)
        call = Call(CHAT, [bytes(5), b""])
        receive = call.receive

        async def slowly() -> Any:
            return await (receive() if not call.taken else asyncio.Event().wait())

        call.receive = slowly  # type: ignore[method-assign]
        call(BodyLimit(taker))
        assert (call.status, json.loads(call.body)["code"]) == (408, "too_slow")
        assert call.headers[b"connection"] == b"close"
        assert taker.read == 5 and taker.was_disconnected

    def test_who_has_sent_all_may_wait_for_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django_chatkit.server.asgi.SECONDS", 0.05)

        async def patient(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            gone = asyncio.ensure_future(receive())
            await asyncio.sleep(0.1)
            assert not gone.done()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            assert (await gone)["type"] == "http.disconnect"

        assert Call(CHAT, [b"x"])(BodyLimit(patient)).status == 200


class TestFullDisk:
    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError()])
    def test_before_the_view(self, error: OSError, caplog: pytest.LogCaptureFixture) -> None:
        async def full(scope: Any, receive: Any, send: Any) -> None:
            raise error

        call = Call(CHAT, [b"x"])(BodyLimit(full))
        assert (call.status, json.loads(call.body)["code"]) == (503, "storage_failed")
        assert (error.strerror or "OSError") in caplog.text

    def test_later_errors_are_the_servers(self) -> None:
        async def leaving(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise OSError

        with pytest.raises(OSError):
            Call(CHAT, [b"x"])(BodyLimit(leaving))


@pytest.mark.usefixtures("limits")
class TestFiles:
    def test_announced(self, taker: Taker) -> None:
        allowed = 5000 + FORM_OVERHEAD
        assert Call(upload_url(5000), [bytes(allowed)])(BodyLimit(taker)).status == 200
        assert Call(upload_url(5000), [bytes(allowed), b"!"], "PUT")(BodyLimit(taker)).status == 413

    def test_refusal_can_be_read_by_the_component(self, taker: Taker) -> None:
        call = Call(upload_url(1), [bytes(MB)])(BodyLimit(taker))
        assert call.headers[b"access-control-allow-origin"] == b"*"

    @pytest.mark.parametrize("path", ["/chatkit/sessions/", CHAT])
    def test_no_other_refusal_can_be_read_by_other_sites(self, path: str, taker: Taker, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
        call = Call(path, [bytes(MB)])(BodyLimit(taker))
        assert (call.status, b"access-control-allow-origin" in call.headers) == (413, False)

    @pytest.mark.parametrize("query", ["", "?token=", "?token=forged", "?token=%ff&token=x", "?\xff"])
    def test_without_a_good_token(self, taker: Taker, query: str) -> None:
        """What is small enough not to matter reaches the view, which says what is wrong."""
        url = f"{DIRECT}atc_1/{query}"
        assert Call(url, [b"x"])(BodyLimit(taker)).status == 200
        assert Call(url, [bytes(FORM_OVERHEAD + 1)])(BodyLimit(taker)).status == 413

    def test_direct(self, taker: Taker) -> None:
        assert Call(DIRECT, [bytes(MB)])(BodyLimit(taker)).status == 200
        most = 512 * MB + FORM_OVERHEAD
        assert Call(DIRECT, [b""], headers={"Content-Length": str(most)})(BodyLimit(taker)).status == 200
        assert Call(DIRECT, [b""], headers={"Content-Length": str(most + 1)})(BodyLimit(taker)).status == 413


@pytest.mark.usefixtures("limits")
class TestOthers:
    @pytest.mark.parametrize("url", ["/", "/admin/login/", "/chatkit/chat/", "/shop/attachments/"])
    def test_other_addresses(self, taker: Taker, settings: Any, url: str) -> None:
        settings.ROOT_URLCONF = __name__
        assert Call(url, [bytes(MB)])(BodyLimit(taker)).status == 200
        assert taker.read == MB

    @pytest.mark.parametrize("kind", ["lifespan", "websocket"])
    def test_other_protocols(self, kind: str) -> None:
        seen: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            seen.extend((scope, receive, send))

        call = Call(CHAT, [])
        call.scope["type"] = kind
        call(BodyLimit(application))
        assert seen == [call.scope, call.receive, call.send]


@pytest.mark.usefixtures("inline")
class TestAroundDjango:
    @pytest.fixture(autouse=True)
    def connection_stays(self) -> Iterator[None]:
        """As Django's test client has it: the end of a request is not the end of the test's transaction."""
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        yield
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)

    @pytest.fixture
    def url(self, context: ChatKitContext, settings: Any) -> str:
        settings.STORAGES = {**settings.STORAGES, "default": MEMORY}
        context.session.chatkit_configuration["file_upload"]["enabled"] = True
        params = AttachmentCreateParams(name="order.txt", size=len(TEXT), mime_type="text/plain")
        attachment = async_to_sync(DjangoAttachmentStore().create_attachment)(params, context)
        return str(attachment.upload_descriptor.url)  # type: ignore[union-attr]

    def test_form_in_chunks_without_a_length(self, url: str) -> None:
        data, content_type = form(TEXT).values()
        chunks = [data[i : i + 7] for i in range(0, len(data), 7)]
        headers = {"Content-Type": content_type, "Transfer-Encoding": "chunked", "Host": "testserver"}

        call = Call(url, chunks, headers=headers)(BodyLimit(get_asgi_application()))

        assert call.status == 200, call.body
        assert content_of(storages["default"], ChatAttachment.objects.get().file) == TEXT

    def test_endless_body(self, url: str) -> None:
        chunks = [bytes(64 * 1024)] * 100
        headers = {"Content-Type": "text/plain", "Host": "testserver"}

        call = Call(url, chunks, "PUT", headers=headers)(BodyLimit(get_asgi_application()))

        assert (call.status, call.taken) == (413, 2)
        assert names_in(storages["default"]) == []


def test_can_be_imported_before_django_is_set_up() -> None:
    """``asgi.py`` imports before it calls ``get_asgi_application``; nothing of the SDK comes along."""
    code = "import sys, django_chatkit.server.asgi; assert not {'chatkit', 'agents', 'pydantic'} & set(sys.modules)"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_views_do_not_import_the_sdk() -> None:
    code = (
        "import sys, django; django.setup()\n"
        "import tests.urls, django_chatkit.server.uploads\n"
        "assert not {'chatkit', 'agents', 'pydantic'} & set(sys.modules)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
