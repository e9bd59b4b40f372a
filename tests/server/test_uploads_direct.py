"""Files that are sent without being announced, with the client secret as bearer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import Attachment
from django.core.files.storage import storages
from pydantic import TypeAdapter

from django_chatkit.models import ChatAttachment, ChatKitConfiguration, Workflow
from django_chatkit.server import attachments
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore

from .files import PNG, TEXT, content_of, names_in
from .issued import Issued, issue
from .sending import Sender, form, raw

pytestmark = pytest.mark.usefixtures("inline", "storage")

URL = "/chatkit/chat/help/attachments/"


@pytest.fixture
def workflow(workflow: Workflow) -> Workflow:
    """Takes files of 1 MB, two with each message."""
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(
        name="files", file_upload_enabled=True, file_upload_max_file_size=1, file_upload_max_files=2
    )
    workflow.save()
    return workflow


def refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, json.loads(response.body)["code"]) == (status, code)
    assert response["Access-Control-Allow-Origin"] == "*"
    assert not ChatAttachment.objects.exists()
    assert names_in(storages["default"]) == []


@pytest.mark.parametrize(("mime_type", "content"), [("text/plain", TEXT), ("image/png", PNG)])
def test_taken(
    send: Sender, issued: Issued, context: ChatKitContext, storage: Any, mime_type: str, content: bytes
) -> None:
    response = send("POST", URL, **form(content, "../order\u202e.txt", mime_type), headers=issued.headers)

    assert response.status_code == 201, response.body
    assert response["Cache-Control"] == "no-store"
    answer = json.loads(response.body)
    assert "metadata" not in answer and "upload_descriptor" not in answer
    attachment: Any = TypeAdapter(Attachment).validate_python(answer)
    assert (attachment.name, attachment.mime_type) == ("order.txt", mime_type)
    loaded = async_to_sync(DjangoStore().load_attachment)(attachment.id, context)
    assert (loaded.id, loaded.type, loaded.upload_descriptor) == (attachment.id, attachment.type, None)
    row = ChatAttachment.objects.get()
    assert (row.user_key, row.workflow, row.size) == (context.user_key, context.workflow, len(content))
    assert names_in(storage) == [row.file]
    assert content_of(storage, row.file) == content


def test_is_not_waiting_for_its_file(issued: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    taken = attachments.taken
    monkeypatch.setattr(attachments, "taken", lambda *args: rows.append(taken(*args)) or rows[0])
    assert Sender("wsgi")("POST", URL, **form(TEXT), headers=issued.headers).status_code == 201
    assert attachments.waiting(rows[0]) is None


class TestRefused:
    @pytest.mark.parametrize(
        "header", [None, "Bearer", "Bearer wrong", "Basic {secret}", "{secret}", "Bearer {secret}x"]
    )
    def test_secret(self, send: Sender, issued: Issued, header: str | None) -> None:
        headers = {"Authorization": header.format(secret=issued.client_secret)} if header else {}
        response = send("POST", URL, **form(TEXT), headers=headers)
        refused(response, 401, "authentication_failed")
        assert response["WWW-Authenticate"] == "Bearer"

    def test_secret_of_another_workflow(self, send: Sender, issued: Issued) -> None:
        Workflow.objects.create(slug="other", name="Other", backend=Workflow.Backend.SELF_HOSTED, agent="echo")
        response = send("POST", URL.replace("help", "other"), **form(TEXT), headers=issued.headers)
        refused(response, 401, "authentication_failed")

    def test_cancelled_session(self, send: Sender, issued: Issued) -> None:
        issued.session.status = "cancelled"
        issued.session.save()
        refused(send("POST", URL, **form(TEXT), headers=issued.headers), 401, "authentication_failed")

    def test_uploads_off(self, send: Sender, workflow: Workflow) -> None:
        assert workflow.chatkit_configuration is not None
        workflow.chatkit_configuration.file_upload_enabled = False
        headers = issue(workflow, "user-1").headers
        refused(send("POST", URL, **form(TEXT), headers=headers), 403, "permission_denied")

    def test_too_large(self, send: Sender, issued: Issued) -> None:
        refused(send("POST", URL, **form(bytes(2**20 + 1)), headers=issued.headers), 413, "too_large")

    @pytest.mark.parametrize(
        "body",
        [
            form(b""),
            form(TEXT, name="\u202e"),
            form(TEXT, mime_type="text"),
            form(TEXT, mime_type="image/png"),
            form(TEXT, mime_type="IMAGE/PNG"),
            form(TEXT, field="document"),
            raw(TEXT),
        ],
    )
    def test_invalid(self, send: Sender, issued: Issued, body: dict[str, Any]) -> None:
        refused(send("POST", URL, **body, headers=issued.headers), 400, "invalid")

    def test_too_many(self, send: Sender, issued: Issued, storage: Any) -> None:
        for _ in range(6):
            assert send("POST", URL, **form(TEXT), headers=issued.headers).status_code == 201
        response = send("POST", URL, **form(TEXT), headers=issued.headers)
        assert (response.status_code, json.loads(response.body)["code"]) == (403, "permission_denied")
        assert len(names_in(storage)) == ChatAttachment.objects.count() == 6

    def test_storage_fails(self, send: Sender, issued: Issued, settings: Any, tmp_path: Any) -> None:
        full = {"BACKEND": "tests.server.files.FullDisk", "OPTIONS": {"location": tmp_path}}
        settings.STORAGES = {"default": full}
        refused(send("POST", URL, **form(TEXT), headers=issued.headers), 503, "storage_failed")

    def test_method(self, send: Sender, issued: Issued) -> None:
        response = send("GET", URL, headers=issued.headers)
        refused(response, 405, "method_not_allowed")
        assert response["Allow"] == "POST, OPTIONS"

    def test_without_the_sdk(self, send: Sender, issued: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django_chatkit.sessions.backends.find_spec", lambda name: None)
        refused(send("POST", URL, **form(TEXT), headers=issued.headers), 503, "misconfigured")


def test_preflight(send: Sender, workflow: Workflow) -> None:
    response = send("OPTIONS", URL, headers={"Access-Control-Request-Headers": "authorization"})
    assert response.status_code == 204
    assert response["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert "Authorization" in response["Access-Control-Allow-Headers"]
