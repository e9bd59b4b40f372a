"""Files on their way back to their owner."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import AttachmentCreateParams
from django.core.files.base import ContentFile
from django.test import RequestFactory

from django_chatkit.models import ChatAttachment, ChatSession, ChatThread, Workflow
from django_chatkit.server import addresses, attachments, delivery, files
from django_chatkit.server.attachments import DjangoAttachmentStore
from django_chatkit.server.context import ChatKitContext

from .files import PNG, TEXT, Remote
from .issued import Issued, issue
from .sending import Sender, form

pytestmark = pytest.mark.usefixtures("inline", "storage")


@pytest.fixture
def keep(context: ChatKitContext) -> Any:
    """Puts a file in place, as an upload would, and gives its row."""
    context.session.chatkit_configuration["file_upload"]["enabled"] = True

    def kept(content: bytes = TEXT, name: str = "order.txt", mime_type: str = "text/plain") -> ChatAttachment:
        params = AttachmentCreateParams(name=name, size=len(content), mime_type=mime_type)
        attachment = async_to_sync(DjangoAttachmentStore().create_attachment)(params, context)
        row = ChatAttachment.objects.get(attachment_id=attachment.id)
        assert attachments.arrived(row, files.store(ContentFile(content).file), len(content))
        row.refresh_from_db()
        return row

    return kept


def url_of(row: ChatAttachment) -> str:
    request, session = RequestFactory().get("/"), ChatSession.objects.get(user_key=row.user_key)
    return addresses.preview_address(request, row.workflow.slug, row.attachment_id, session.session_id)


def path_of(row: ChatAttachment) -> str:
    return f"/chatkit/chat/help/attachments/{row.attachment_id}/"


class TestDelivered:
    def test_headers(self, send: Sender, keep: Any) -> None:
        response = send("GET", url_of(keep()))

        assert (response.status_code, response.body) == (200, TEXT)
        assert response["Content-Type"] == "text/plain"
        assert response["Content-Length"] == str(len(TEXT))
        assert response["Content-Disposition"] == 'attachment; filename="order.txt"'
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert response["Cache-Control"] == "private"
        assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert response["Access-Control-Allow-Origin"] == "*"
        assert not response.cookies

    def test_owners_bearer(self, send: Sender, keep: Any, issued: Issued) -> None:
        assert send("GET", path_of(keep()), headers=issued.headers).body == TEXT

    def test_another_session_of_the_owner(self, send: Sender, keep: Any, workflow: Workflow) -> None:
        assert send("GET", path_of(keep()), headers=issue(workflow, "user-1").headers).body == TEXT

    def test_head(self, send: Sender, keep: Any) -> None:
        response = send("HEAD", url_of(keep()))
        assert (response.status_code, response.body) == (200, b"")
        assert response["Content-Length"] == str(len(TEXT))

    def test_large_file_comes_in_pieces(self, send: Sender, keep: Any, storage: Any) -> None:
        content = bytes(range(256)) * 1024
        assert send("GET", url_of(keep(content))).body == content

    def test_name_in_any_script(self, send: Sender, keep: Any) -> None:
        disposition = send("GET", url_of(keep(name='Größe "大".txt')))["Content-Disposition"]
        assert disposition.startswith("attachment; filename*=utf-8''")
        assert unquote(disposition.partition("''")[2]) == "Größe _大_.txt"

    @pytest.mark.parametrize("mime_type", ["text/html", "image/svg+xml", "application/pdf", "text/javascript"])
    def test_never_inline(self, send: Sender, keep: Any, mime_type: str) -> None:
        response = send("GET", url_of(keep(b"<svg onload=alert(1)>", "page", mime_type)))
        assert response["Content-Disposition"].startswith("attachment")

    def test_images_are_shown(self, send: Sender, keep: Any) -> None:
        response = send("GET", url_of(keep(PNG, "cup.png", "image/png")))
        assert response["Content-Disposition"].startswith("inline")
        assert response["Content-Type"] == "image/png"

    def test_only_if_they_are_images(self, send: Sender, keep: Any) -> None:
        """Whoever put something else there."""
        response = send("GET", url_of(keep(b"<script>alert(1)</script>", "cup.png", "image/png")))
        assert response["Content-Disposition"].startswith("attachment")

    def test_file_is_closed(self, send: Sender, keep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = []
        monkeypatch.setattr(delivery._Stored, "close", lambda self: (self.stored.close(), closed.append(self)))
        send("GET", url_of(keep()))
        assert len(closed) == 1


class TestNotFound:
    """The same answer for whatever is not the caller's."""

    def check(self, response: Any) -> None:
        assert response.status_code == 404
        assert json.loads(response.body) == {"detail": "There is no such file.", "code": "not_found"}
        assert response["Cache-Control"] == "no-store"

    def test_somebody_elses(self, send: Sender, keep: Any, workflow: Workflow) -> None:
        row, thief = keep(), issue(workflow, "user-2")
        self.check(send("GET", path_of(row), headers=thief.headers))
        self.check(send("GET", f"/chatkit/chat/help/attachments/atc_{'0' * 32}/", headers=thief.headers))
        token = addresses.preview_address(
            RequestFactory().get("/"), "help", row.attachment_id, thief.session.session_id
        )
        self.check(send("GET", token))

    def test_without_anything(self, send: Sender, keep: Any) -> None:
        self.check(send("GET", path_of(keep())))

    @pytest.mark.parametrize("query", ["?token=", "?token=x", "?token=a:b:c", "?token=%00%ff"])
    def test_forged(self, send: Sender, keep: Any, query: str) -> None:
        self.check(send("GET", path_of(keep()) + query))

    def test_of_another_attachment(self, send: Sender, keep: Any) -> None:
        first, second = keep(), keep()
        self.check(send("GET", url_of(first).replace(first.attachment_id, second.attachment_id)))

    def test_upload_address(self, send: Sender, context: ChatKitContext, keep: Any) -> None:
        row = keep()
        allowed = addresses.Upload(context.session.session_id, row.size)
        self.check(send("GET", addresses.upload_address(context.request, "help", row.attachment_id, allowed)))

    def test_expired(self, send: Sender, keep: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        url = url_of(keep())
        monkeypatch.setattr(addresses, "PREVIEW_SECONDS", -1)
        self.check(send("GET", url))

    def test_another_workflow(self, send: Sender, keep: Any, agents: Any) -> None:
        other = Workflow.objects.create(slug="other", name="Other", backend=Workflow.Backend.SELF_HOSTED, agent="echo")
        row = keep()
        self.check(send("GET", path_of(row).replace("help", "other"), headers=issue(other, "user-1").headers))

    def test_other_spelling(self, send: Sender, keep: Any, context: ChatKitContext) -> None:
        """MariaDB would find it."""
        row = keep()
        spelt = addresses.preview_address(context.request, "HELP", row.attachment_id, context.session.session_id)
        self.check(send("GET", spelt))
        spelt = addresses.preview_address(
            context.request, "help", row.attachment_id.upper(), context.session.session_id
        )
        self.check(send("GET", spelt))

    def test_no_attachments_id(self, send: Sender, issued: Issued) -> None:
        """PostgreSQL would fail."""
        self.check(send("GET", "/chatkit/chat/help/attachments/%00/", headers=issued.headers))

    def test_not_arrived(self, send: Sender, keep: Any) -> None:
        row = keep()
        ChatAttachment.objects.update(file="")
        self.check(send("GET", url_of(row)))

    def test_lost_by_the_storage(self, send: Sender, keep: Any, storage: Any) -> None:
        row = keep()
        storage.delete(row.file)
        self.check(send("GET", url_of(row)))

    def test_deleted_with_its_thread(
        self, send: Sender, keep: Any, context: ChatKitContext, django_capture_on_commit_callbacks: Any
    ) -> None:
        from django_chatkit.server.store import DjangoStore

        row = keep()
        row.thread = ChatThread.objects.create(thread_id="thr", workflow=row.workflow, user_key=row.user_key)
        row.save()
        with django_capture_on_commit_callbacks(execute=True):
            async_to_sync(DjangoStore().delete_thread)("thr", context)
        self.check(send("GET", url_of(row)))
        assert not files.storage().exists(row.file)

    def test_workflow_that_has_gone(self, send: Sender, keep: Any) -> None:
        url = url_of(keep())
        Workflow.objects.update(is_active=False)
        self.check(send("GET", url))


class TestRemote:
    @pytest.fixture(autouse=True)
    def remote(self, storage: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.STORAGES = {"default": {"BACKEND": "tests.server.files.Remote"}}
        monkeypatch.setattr(Remote, "kept", {})

    def test_there_and_back(self, send: Sender, context: ChatKitContext) -> None:
        context.session.chatkit_configuration["file_upload"]["enabled"] = True
        content = bytes(200_000)
        params = AttachmentCreateParams(name="zeros", size=len(content), mime_type="text/plain")
        attachment = async_to_sync(DjangoAttachmentStore().create_attachment)(params, context)
        assert send("POST", attachment.upload_descriptor.url, **form(content)).status_code == 200
        row = ChatAttachment.objects.get()
        assert send("GET", url_of(row)).body == content
        assert "closed" in Remote.kept
        files.delete_files([row.file])
        assert set(Remote.kept) == {"closed"}
        assert send("GET", url_of(row)).status_code == 404

    def test_fails_at_once(
        self, send: Sender, keep: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(Remote, "reads", 0)
        assert send("GET", url_of(keep())).status_code == 503
        assert "closed" in Remote.kept
        assert "could not be read: RuntimeError" in caplog.text and "canary" not in caplog.text

    def test_fails_in_the_middle(
        self, send: Sender, keep: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(Remote, "reads", 1)
        with pytest.raises(files.StorageFailed):
            send("GET", url_of(keep(bytes(200_000))))
        assert "canary" not in caplog.text


def test_storage_fails(send: Sender, keep: Any, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    url = url_of(keep())
    settings.STORAGES = {"default": {"BACKEND": "tests.server.files.DeadService"}}
    response = send("GET", url)
    assert (response.status_code, json.loads(response.body)["code"]) == (503, "storage_failed")
    assert "canary" not in caplog.text + response.body.decode()
