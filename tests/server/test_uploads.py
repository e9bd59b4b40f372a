"""Files that were announced in the chat, on their way in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import AttachmentCreateParams
from django.core import signing
from django.core.files.storage import storages
from django.db import connection
from django.http import UnreadablePostError

from django_chatkit.models import ChatAttachment, Workflow
from django_chatkit.server import addresses, files, receiving
from django_chatkit.server.attachments import DjangoAttachmentStore
from django_chatkit.server.context import ChatKitContext

from .files import MEMORY, PNG, TEXT, content_of, names_in
from .sending import Sender, form, raw

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture(autouse=True, params=["memory", "disk"])
def storage(request: pytest.FixtureRequest, settings: Any, tmp_path: Any) -> Any:
    disk = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "kept"}}
    settings.STORAGES = {**settings.STORAGES, "default": MEMORY if request.param == "memory" else disk}
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 64  # most of these files go through a temporary one
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    return storages["default"]


@pytest.fixture(autouse=True)
def allowed(context: ChatKitContext) -> dict[str, Any]:
    limits = context.session.chatkit_configuration["file_upload"]
    limits.update(enabled=True, max_file_size=1, max_files=2)
    return limits


def announce(
    context: ChatKitContext, content: bytes = TEXT, name: str = "order.txt", mime_type: str = "text/plain"
) -> Any:
    params = AttachmentCreateParams(name=name, size=len(content), mime_type=mime_type)
    return async_to_sync(DjangoAttachmentStore().create_attachment)(params, context)


def row_of(attachment: Any) -> ChatAttachment:
    return ChatAttachment.objects.get(attachment_id=attachment.id)


def refused(response: Any, status: int, code: str, storage: Any) -> None:
    """Says so in JSON that every page may read, and has kept nothing."""
    assert (response.status_code, json.loads(response.body)["code"]) == (status, code)
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cache-Control"] == "no-store"
    assert names_in(storage) == []


class TestTaken:
    @pytest.mark.parametrize("method", ["POST", "PUT"])
    @pytest.mark.parametrize("how", [form, raw])
    def test_taken(self, send: Sender, context: ChatKitContext, storage: Any, method: str, how: Any) -> None:
        content = TEXT * 100
        attachment = announce(context, content)
        response = send(method, attachment.upload_descriptor.url, **how(content))

        assert response.status_code == 200, response.body
        assert json.loads(response.body) == {
            "id": attachment.id, "type": "file", "name": "order.txt", "mime_type": "text/plain",
        }  # fmt: skip
        assert response["Access-Control-Allow-Origin"] == "*"
        row = row_of(attachment)
        assert names_in(storage) == [row.file]
        assert content_of(storage, row.file) == content
        assert row.size == len(content)
        assert json.loads(row.payload)["upload_descriptor"] is None

    def test_name_in_the_storage_is_not_the_visitors(self, send: Sender, context: ChatKitContext) -> None:
        attachment = announce(context, name="page.html", mime_type="text/html")
        send("POST", attachment.upload_descriptor.url, **form(TEXT, name="page.html"))
        name = row_of(attachment).file
        assert "page" not in name and "." not in name and attachment.id not in name

    @pytest.mark.parametrize(
        ("mime_type", "content"),
        [
            ("image/png", PNG),
            ("image/jpeg", b"\xff\xd8\xff\xe0" + bytes(20)),
            ("image/gif", b"GIF89a" + bytes(20)),
            ("image/webp", b"RIFF\x00\x00\x00\x00WEBPVP8 "),
        ],
    )
    def test_images(self, send: Sender, context: ChatKitContext, mime_type: str, content: bytes) -> None:
        attachment = announce(context, content, mime_type=mime_type)
        response = send("POST", attachment.upload_descriptor.url, **form(content))
        assert response.status_code == 200
        assert send("GET", json.loads(response.body)["preview_url"]).body == content

    def test_other_fields_are_skipped(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        attachment = announce(context)
        both = form(b"other", field="preview")["data"].replace(b"--BoUnDaRyStRiNg--\r\n", b"")
        again = form(b"second").pop("data")
        body = both + form(TEXT)["data"].replace(b"--BoUnDaRyStRiNg--\r\n", b"") + again
        response = send("POST", attachment.upload_descriptor.url, **{**form(b""), "data": body})
        assert response.status_code == 200, response.body
        assert content_of(storage, row_of(attachment).file) == TEXT

    @pytest.mark.parametrize("how", [form, raw])
    def test_with_two_lengths(self, context: ChatKitContext, how: Any) -> None:
        """Which servers should refuse. What counts is what comes."""
        attachment = announce(context)
        response = Sender("asgi")(
            "POST", attachment.upload_descriptor.url, **how(TEXT), headers={"Content-Length": "5"}
        )
        assert response.status_code == 200, response.body

    def test_form_that_a_middleware_has_read(self, send: Sender, context: ChatKitContext, settings: Any) -> None:
        settings.MIDDLEWARE = ["tests.server.test_uploads.curious", *settings.MIDDLEWARE]
        attachment = announce(context)
        assert send("POST", attachment.upload_descriptor.url, **form(TEXT)).status_code == 200
        late = announce(context)
        assert send("POST", late.upload_descriptor.url, **form(TEXT, field="other")).status_code == 400

    def test_whatever_the_project_demands(
        self, send: Sender, context: ChatKitContext, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A login, a CSRF token (``Sender`` has them checked), a transaction around every view."""
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        attachment = announce(context)
        assert send("POST", attachment.upload_descriptor.url, **form(TEXT)).status_code == 200


def curious(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        assert request.POST is not None
        return get_response(request)

    return middleware


class TestPreflight:
    def test_allows_what_is_needed(self, send: Sender, context: ChatKitContext) -> None:
        response = send("OPTIONS", announce(context).upload_descriptor.url)
        assert response.status_code == 204
        assert response["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response
        assert response["Access-Control-Allow-Methods"] == "GET, HEAD, POST, PUT, OPTIONS"
        assert response["Access-Control-Allow-Headers"] == "*, Authorization"

    def test_other_methods(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        response = send("DELETE", announce(context).upload_descriptor.url)
        refused(response, 405, "method_not_allowed", storage)
        assert response["Allow"] == "GET, HEAD, POST, PUT, OPTIONS"


class TestAddress:
    """Shows who may send what, for ten minutes, once."""

    def test_once(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        attachment = announce(context)
        assert send("POST", attachment.upload_descriptor.url, **form(TEXT)).status_code == 200
        response = send("POST", attachment.upload_descriptor.url, **form(TEXT.upper()))
        assert (response.status_code, json.loads(response.body)["code"]) == (403, "permission_denied")
        assert names_in(storage) == [row_of(attachment).file]
        assert content_of(storage, row_of(attachment).file) == TEXT

    def test_of_another_attachment(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        first, second = announce(context), announce(context)
        crossed = str(first.upload_descriptor.url).replace(first.id, second.id)
        refused(send("POST", crossed, **form(TEXT)), 403, "permission_denied", storage)

    def test_of_another_workflow(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        Workflow.objects.create(slug="other", name="Other", backend=Workflow.Backend.SELF_HOSTED, agent="echo")
        crossed = str(announce(context).upload_descriptor.url).replace("/help/", "/other/")
        refused(send("POST", crossed, **form(TEXT)), 403, "permission_denied", storage)

    def test_of_somebody_else(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        """Cannot be made without the site's key; with it, it leads to nothing."""
        attachment = announce(context)
        token = signing.dumps(["help", attachment.id, "0" * 64, len(TEXT)], salt=addresses._UPLOAD)
        url = f"/chatkit/chat/help/attachments/{attachment.id}/?token={token}"
        refused(send("POST", url, **form(TEXT)), 404, "not_found", storage)

    @pytest.mark.parametrize("token", ["", "?token=", "?token=x", "?token=WyJoZWxwIl0:1:x", "?token=%00"])
    def test_forged(self, send: Sender, context: ChatKitContext, storage: Any, token: str) -> None:
        url = f"/chatkit/chat/help/attachments/{announce(context).id}/{token}"
        refused(send("POST", url, **form(TEXT)), 403, "permission_denied", storage)

    def test_preview_takes_no_file(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        attachment = announce(context, PNG, mime_type="image/png")
        refused(send("POST", attachment.preview_url, **form(PNG)), 403, "permission_denied", storage)

    def test_expired(
        self, send: Sender, context: ChatKitContext, storage: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attachment = announce(context)
        monkeypatch.setattr(addresses, "UPLOAD_SECONDS", -1)
        refused(send("POST", attachment.upload_descriptor.url, **form(TEXT)), 403, "permission_denied", storage)

    @pytest.mark.parametrize("change", [{"is_active": False}, {"backend": "hosted", "workflow_id": "wf_1"}])
    def test_workflow_that_has_gone(
        self, send: Sender, context: ChatKitContext, storage: Any, change: dict[str, Any]
    ) -> None:
        attachment = announce(context)
        Workflow.objects.update(**change)
        refused(send("POST", attachment.upload_descriptor.url, **form(TEXT)), 404, "not_found", storage)

    def test_deleted_attachment(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        attachment = announce(context)
        async_to_sync(DjangoAttachmentStore().delete_attachment)(attachment.id, context)
        refused(send("POST", attachment.upload_descriptor.url, **form(TEXT)), 403, "permission_denied", storage)
        ChatAttachment.objects.all().delete()
        refused(send("POST", attachment.upload_descriptor.url, **form(TEXT)), 404, "not_found", storage)


class TestContent:
    def test_larger_by_its_length(self, send: Sender, context: ChatKitContext, storage: Any) -> None:
        """Nothing is read."""
        url = announce(context).upload_descriptor.url
        body = bytes(len(TEXT) + receiving.FORM_OVERHEAD + 1)
        response = send("POST", url, data=body, content_type="multipart/form-data; boundary=x")
        refused(response, 413, "too_large", storage)

    @pytest.mark.parametrize("how", [form, raw])
    def test_larger_than_announced(
        self, send: Sender, context: ChatKitContext, storage: Any, how: Any, tmp_path: Any
    ) -> None:
        url = announce(context).upload_descriptor.url
        refused(send("POST", url, **how(TEXT + b"!")), 413, "too_large", storage)
        assert send("POST", url, **how(TEXT)).status_code == 200  # the address still works

    @pytest.mark.parametrize("how", [form, raw])
    @pytest.mark.parametrize("content", [TEXT[:-1], b""])
    def test_smaller(self, send: Sender, context: ChatKitContext, storage: Any, how: Any, content: bytes) -> None:
        url = announce(context).upload_descriptor.url
        refused(send("POST", url, **how(content)), 400, "invalid", storage)

    @pytest.mark.parametrize(
        "body",
        [
            {"data": b"", "content_type": "multipart/form-data; boundary=x"},
            {"data": b"x" * 18, "content_type": "multipart/form-data; boundary=x"},
            {"data": b"x" * 18, "content_type": "multipart/form-data"},
            form(TEXT, field="other"),
            {"data": b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nno file\r\n--x--\r\n",
             "content_type": "multipart/form-data; boundary=x"},
            {**form(TEXT), "data": form(TEXT)["data"][:-25]},
            {**form(TEXT), "data": form(TEXT)["data"].replace(b"order.txt", b"..")},
        ],
    )  # fmt: skip
    def test_broken_form(self, send: Sender, context: ChatKitContext, storage: Any, body: dict[str, Any]) -> None:
        url = announce(context).upload_descriptor.url
        refused(send("POST", url, **body), 400, "invalid", storage)

    def test_form_of_long_texts(self, send: Sender, context: ChatKitContext, storage: Any, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
        url = announce(context).upload_descriptor.url
        body = b"--x\r\nContent-Disposition: form-data; name=note\r\n\r\n" + b"long" * 9 + b"\r\n--x--\r\n"
        response = send("POST", url, data=body, content_type="multipart/form-data; boundary=x")
        refused(response, 413, "too_large", storage)

    @pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"\xff\xd8\xff" + PNG, PNG[:7]])
    def test_not_the_image_it_should_be(
        self, send: Sender, context: ChatKitContext, storage: Any, content: bytes
    ) -> None:
        url = announce(context, content, mime_type="image/png").upload_descriptor.url
        refused(send("POST", url, **form(content, mime_type="image/png")), 400, "invalid", storage)

    def test_broken_off(self, context: ChatKitContext, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """The browser goes away while a WSGI server reads."""
        from django.core.handlers.wsgi import WSGIRequest

        def read(self: Any, *args: Any) -> bytes:
            raise UnreadablePostError("connection reset")

        url = announce(context).upload_descriptor.url
        with monkeypatch.context() as patched:
            patched.setattr(WSGIRequest, "read", read)
            refused(Sender("wsgi")("PUT", url, **raw(TEXT)), 400, "invalid", storage)
        assert Sender("wsgi")("PUT", url, **raw(TEXT)).status_code == 200

    def test_what_nobody_foresaw(
        self,
        send: Sender,
        context: ChatKitContext,
        storage: Any,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(receiving, "_read_body", lambda request, incoming: 1 / 0)
        response = send("PUT", announce(context).upload_descriptor.url, **raw(TEXT))
        refused(response, 500, "error", storage)
        (record,) = (record for record in caplog.records if record.name == "django_chatkit")
        assert record.exc_info and record.exc_info[0] is ZeroDivisionError
        assert "division" not in response.body.decode()


class TestStorage:
    def test_fails(
        self, send: Sender, context: ChatKitContext, settings: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        good = settings.STORAGES
        full = {"BACKEND": "tests.server.files.FullDisk", "OPTIONS": {"location": tmp_path / "full"}}
        settings.STORAGES = {"default": full}
        attachment = announce(context)

        response = send("POST", attachment.upload_descriptor.url, **form(TEXT))

        refused(response, 503, "storage_failed", files.storage())
        assert "No space left" in caplog.text and "cups" not in caplog.text
        settings.STORAGES = good
        assert send("POST", attachment.upload_descriptor.url, **form(TEXT)).status_code == 200

    def test_two_at_once(self, context: ChatKitContext, storage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both are stored before either is recorded."""
        attachment = announce(context)
        both = asyncio.Barrier(2)
        in_storage = files.in_storage

        async def together(work: Any, *args: Any) -> Any:
            result = await in_storage(work, *args)
            if work is files.store:
                await both.wait()
            return result

        monkeypatch.setattr("django_chatkit.server.uploads.in_storage", together)

        async def race() -> list[Any]:
            sender, url = Sender("asgi"), attachment.upload_descriptor.url
            return await asyncio.gather(*(sender.ask("POST", url, **form(TEXT)) for _ in range(2)))

        answers = async_to_sync(race)()

        assert sorted(answer.status_code for answer in answers) == [200, 403]
        assert names_in(storage) == [row_of(attachment).file]

    def test_browser_leaves_while_it_is_stored(
        self, context: ChatKitContext, storage: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attachment = announce(context)
        stored, recorded = asyncio.Event(), asyncio.Event()
        in_storage = files.in_storage

        async def slowly(work: Any, *args: Any) -> Any:
            result = await in_storage(work, *args)
            if work is files.store:
                stored.set()
                await asyncio.sleep(0.05)
            if getattr(work, "__name__", "") == "close":
                recorded.set()
            return result

        monkeypatch.setattr("django_chatkit.server.uploads.in_storage", slowly)

        async def leave() -> None:
            request = asyncio.ensure_future(Sender("asgi").ask("POST", attachment.upload_descriptor.url, **form(TEXT)))
            await stored.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            await asyncio.wait_for(recorded.wait(), 5)

        async_to_sync(leave)()

        assert names_in(storage) == [row_of(attachment).file]


def test_without_the_sdk(
    send: Sender,
    context: ChatKitContext,
    storage: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = announce(context).upload_descriptor.url
    monkeypatch.setattr("django_chatkit.sessions.backends.find_spec", lambda name: None)
    refused(send("POST", url, **form(TEXT)), 503, "misconfigured", storage)
    assert "pip install" in caplog.text
