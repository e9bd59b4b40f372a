from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from asgiref.sync import async_to_sync
from chatkit.store import NotFoundError
from chatkit.types import AttachmentCreateParams, FileAttachment, ImageAttachment
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.utils import timezone
from pydantic import AnyUrl

from django_chatkit.models import ChatAttachment, ChatThread
from django_chatkit.server import addresses, attachments, files
from django_chatkit.server.attachments import DjangoAttachmentStore, UploadRefused, signed_preview
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore

from .files import MEMORY, TEXT, names_in
from .issued import issue

pytestmark = pytest.mark.usefixtures("inline")

MB = 1024 * 1024


@pytest.fixture(autouse=True)
def allowed(context: ChatKitContext, settings: Any) -> dict[str, Any]:
    """The session's upload limits: 1 MB, two files."""
    settings.STORAGES = {**settings.STORAGES, "default": MEMORY}
    limits = context.session.chatkit_configuration["file_upload"]
    limits.update(enabled=True, max_file_size=1, max_files=2)
    return limits


def create(context: ChatKitContext, name: str = "order.txt", size: int = 18, mime_type: str = "text/plain") -> Any:
    params = AttachmentCreateParams(name=name, size=size, mime_type=mime_type)
    return async_to_sync(DjangoAttachmentStore().create_attachment)(params, context)


def delete(context: ChatKitContext, attachment_id: str) -> None:
    async_to_sync(DjangoAttachmentStore().delete_attachment)(attachment_id, context)


def row_of(attachment: Any) -> ChatAttachment:
    return ChatAttachment.objects.get(attachment_id=attachment.id)


def stored(attachment: Any, content: bytes = TEXT) -> str:
    """Its file, as an upload leaves it."""
    name = files.store(ContentFile(content).file)
    assert attachments.arrived(row_of(attachment), name, len(content)) is not None
    return name


class TestCreate:
    def test_file(self, context: ChatKitContext) -> None:
        attachment = create(context)

        assert isinstance(attachment, FileAttachment)
        assert (attachment.name, attachment.mime_type, attachment.thread_id) == ("order.txt", "text/plain", None)
        descriptor = attachment.upload_descriptor
        assert descriptor is not None and descriptor.method == "POST"
        url = urlsplit(str(descriptor.url))
        assert (url.scheme, url.netloc) == ("http", "testserver")
        assert url.path == f"/chatkit/chat/help/attachments/{attachment.id}/"
        row = row_of(attachment)
        assert (row.user_key, row.workflow, row.size, row.file, row.thread) == (
            context.user_key, context.workflow, 18, "", None,
        )  # fmt: skip
        assert attachments.waiting(row) == attachment

    @pytest.mark.parametrize("mime_type", ["image/png", "image/JPEG", "image/gif", "image/webp"])
    def test_image(self, context: ChatKitContext, mime_type: str) -> None:
        attachment = create(context, "cup", mime_type=mime_type)

        assert isinstance(attachment, ImageAttachment)
        url = urlsplit(str(attachment.preview_url))
        assert url.path == f"/chatkit/chat/help/attachments/{attachment.id}/"
        token = parse_qs(url.query)["token"][0]
        assert addresses.preview_allowed(token, "help", attachment.id) == context.session.session_id
        assert addresses.upload_allowed(token, "help", attachment.id) is None

    @pytest.mark.parametrize("mime_type", ["image/svg+xml", "image/heic", "text/html"])
    def test_what_is_never_shown_has_no_preview(self, context: ChatKitContext, mime_type: str) -> None:
        assert isinstance(create(context, mime_type=mime_type), FileAttachment)

    def test_sdk_saves_it_too(self, context: ChatKitContext) -> None:
        attachment = create(context, mime_type="image/png")
        async_to_sync(DjangoStore().save_attachment)(attachment, context)

        row = row_of(attachment)
        assert row.size == 18
        assert attachments.waiting(row) == attachment

    def test_ids_have_128_random_bits(self, context: ChatKitContext) -> None:
        ids = {create(context).id for _ in range(3)}
        assert len(ids) == 3
        assert all(len(attachment_id.removeprefix("atc_")) == 32 for attachment_id in ids)

    @pytest.mark.parametrize("root", ["/site", ""])
    def test_address_is_below_the_script_prefix(self, context: ChatKitContext, root: str) -> None:
        from django.urls import set_script_prefix

        set_script_prefix(f"{root}/")
        try:
            url = str(create(context).upload_descriptor.url)
        finally:
            set_script_prefix("/")
        assert url.startswith(f"http://testserver{root}/chatkit/chat/help/")


class TestRefused:
    def test_uploads_off(self, context: ChatKitContext, allowed: dict[str, Any]) -> None:
        allowed["enabled"] = False
        with pytest.raises(UploadRefused) as refused:
            create(context)
        assert (refused.value.status, refused.value.code) == (403, "permission_denied")
        assert not ChatAttachment.objects.exists()

    def test_the_session_decides_not_the_preset_of_now(self, context: ChatKitContext) -> None:
        assert context.workflow.chatkit_configuration is None  # off by OpenAI's defaults
        assert create(context).id

    @pytest.mark.parametrize(("size", "status"), [(MB + 1, 413), (0, 400), (-1, 400)])
    def test_size(self, context: ChatKitContext, size: int, status: int) -> None:
        with pytest.raises(UploadRefused) as refused:
            create(context, size=size)
        assert refused.value.status == status
        assert not ChatAttachment.objects.exists()

    def test_limit_itself_is_allowed(self, context: ChatKitContext, allowed: dict[str, Any]) -> None:
        assert create(context, size=MB).id
        allowed["max_file_size"] = None
        assert create(context, size=512 * MB).id
        with pytest.raises(UploadRefused):
            create(context, size=512 * MB + 1)

    @pytest.mark.parametrize(
        "mime_type",
        [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain; charset=utf-8",
            "text/pl ain",
            "text/plain\r\nX: 1",
            "text/plain/x",
            "te\u202ext/plain",
            "a/" + "b" * 128,
        ],
    )
    def test_content_type(self, context: ChatKitContext, mime_type: str) -> None:
        with pytest.raises(UploadRefused, match="type/subtype"):
            create(context, mime_type=mime_type)

    @pytest.mark.parametrize("name", ["", " ", ".", "..", "../..", "a/", "\u202e", "\0\x1f", "\u2028", "\ud800"])
    def test_name(self, context: ChatKitContext, name: str) -> None:
        with pytest.raises(UploadRefused, match="file name"):
            create(context, name)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("order.txt", "order.txt"),
        ("Größe 大.pdf", "Größe 大.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\order.txt", "order.txt"),
        (".htaccess", "htaccess"),
        ("order.txt. ", "order.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u2066b\u200fc\0d\x1be\x7f.txt", "abcde.txt"),
        ("  two \t\u00a0 words\n.txt", "two words.txt"),
        ('a<b>c:d"e|f?g*.txt', "a_b_c_d_e_f_g_.txt"),
        ("e\u0301.txt", "é.txt"),
        ("x" * 300 + ".jpeg", "x" * 145 + ".jpeg"),
        ("x" * 300, "x" * 150),
        ("x." + "y" * 300, "x." + "y" * 148),
        ("x" * 144 + "   " + "y" * 100 + ".txt", "x" * 144 + " y.txt"),
    ],
)
def test_safe_name(name: str, safe: str) -> None:
    assert files.safe_name(name) == safe


class TestUnsent:
    """Files that belong to no message: three messages' worth of them."""

    def fill(self, context: ChatKitContext) -> list[Any]:
        return [create(context) for _ in range(6)]

    def test_bounded(self, context: ChatKitContext) -> None:
        self.fill(context)
        with pytest.raises(UploadRefused, match="Too many files") as refused:
            create(context)
        assert refused.value.status == 403
        assert ChatAttachment.objects.count() == 6

    def test_others_do_not_count(self, context: ChatKitContext) -> None:
        self.fill(context)
        other = ChatKitContext.of(context.request, issue(context.workflow, "user-2").session)
        other.session.chatkit_configuration = context.session.chatkit_configuration
        assert create(other).id

    def test_sent_ones_do_not_count(self, context: ChatKitContext) -> None:
        thread = ChatThread.objects.create(thread_id="thr_1", workflow=context.workflow, user_key=context.user_key)
        row = row_of(self.fill(context)[0])
        row.thread = thread
        row.save()
        assert create(context).id

    def test_deleted_ones_do_not_count(self, context: ChatKitContext) -> None:
        first = self.fill(context)[0]
        delete(context, first.id)
        async_to_sync(DjangoStore().delete_attachment)(first.id, context)
        assert create(context).id

    def test_abandoned_ones_make_room(self, context: ChatKitContext, django_capture_on_commit_callbacks: Any) -> None:
        first, second, *_rest = self.fill(context)
        name, kept = stored(first), stored(second)
        long_ago = timezone.now() - attachments.ABANDONED - timedelta(seconds=1)
        ChatAttachment.objects.filter(attachment_id=first.id).update(created_at=long_ago)

        with django_capture_on_commit_callbacks(execute=True):
            create(context)

        assert not ChatAttachment.objects.filter(attachment_id=first.id).exists()
        assert not files.storage().exists(name)
        assert files.storage().exists(kept)

    def test_abandoned_but_just_sent_stays(self, context: ChatKitContext, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [row_of(each) for each in self.fill(context)]
        ChatAttachment.objects.update(created_at=timezone.now() - timedelta(days=1))
        thread = ChatThread.objects.create(thread_id="thr_1", workflow=context.workflow, user_key=context.user_key)
        own = attachments._own

        def sent_meanwhile(context: ChatKitContext) -> Any:
            found = own(context)
            found.filter = lambda **kwargs: _Late(type(found).filter(found, **kwargs))  # type: ignore[method-assign]
            return found

        class _Late:
            """The list of the abandoned; the first of them is sent before it is used."""

            def __init__(self, found: Any) -> None:
                self.found = found

            def count(self) -> int:
                return int(self.found.count())

            def values_list(self, *fields: str) -> list[Any]:
                listed = list(self.found.values_list(*fields))
                ChatAttachment.objects.filter(pk=rows[0].pk).update(thread=thread)
                return listed

        monkeypatch.setattr(attachments, "_own", sent_meanwhile)
        create(context)
        assert set(ChatAttachment.objects.filter(pk__in=[row.pk for row in rows])) == {rows[0]}


class TestDelete:
    def test_file_goes_on_commit(self, context: ChatKitContext, django_capture_on_commit_callbacks: Any) -> None:
        attachment = create(context)
        name = stored(attachment)

        with django_capture_on_commit_callbacks(execute=True):
            delete(context, attachment.id)
            assert files.storage().exists(name)

        assert not files.storage().exists(name)
        assert row_of(attachment).file == ""

    def test_nothing_arrives_any_more(self, context: ChatKitContext) -> None:
        attachment = create(context)
        row = row_of(attachment)
        delete(context, attachment.id)

        late = files.store(ContentFile(TEXT).file)
        assert attachments.waiting(row_of(attachment)) is None
        assert attachments.arrived(row, late, len(TEXT)) is None
        assert not files.storage().exists(late)
        assert row_of(attachment).file == ""

    def test_somebody_elses(self, context: ChatKitContext) -> None:
        attachment = create(context)
        name = stored(attachment)
        other = ChatKitContext.of(context.request, issue(context.workflow, "user-2").session)
        for who, attachment_id in ((other, attachment.id), (context, "atc_unknown"), (context, attachment.id.upper())):
            with pytest.raises(NotFoundError, match="not found"):
                delete(who, attachment_id)
        assert row_of(attachment).file == name


class TestArrived:
    def test_recorded(self, context: ChatKitContext) -> None:
        attachment = create(context, size=99)
        name = stored(attachment)

        row = row_of(attachment)
        assert (row.file, row.size) == (name, len(TEXT))
        loaded = async_to_sync(DjangoStore().load_attachment)(attachment.id, context)
        assert loaded == attachment.model_copy(update={"upload_descriptor": None})

    def test_one_of_two_wins(self, context: ChatKitContext) -> None:
        attachment = create(context)
        row = row_of(attachment)
        first, second = (files.store(ContentFile(TEXT).file) for _ in range(2))

        assert attachments.arrived(row, first, 18) is not None
        assert attachments.arrived(row, second, 18) is None

        assert row_of(attachment).file == first
        assert names_in(files.storage()) == [first]


class TestPreview:
    def test_signed_anew(self, context: ChatKitContext, monkeypatch: pytest.MonkeyPatch) -> None:
        attachment = create(context, mime_type="image/png")
        monkeypatch.setattr("time.time", lambda: timezone.now().timestamp() + 2 * addresses.PREVIEW_SECONDS)
        old = parse_qs(attachment.preview_url.query)["token"][0]
        assert addresses.preview_allowed(old, "help", attachment.id) is None

        again = signed_preview(attachment, context)

        token = parse_qs(again.preview_url.query)["token"][0]  # type: ignore[union-attr]
        assert addresses.preview_allowed(token, "help", attachment.id) == context.session.session_id
        assert again.model_copy(update={"preview_url": attachment.preview_url}) == attachment

    def test_of_a_renamed_workflow(self, context: ChatKitContext) -> None:
        attachment = create(context, mime_type="image/png")
        context.workflow.slug = "assistant"
        assert "/chat/assistant/" in str(signed_preview(attachment, context).preview_url)  # type: ignore[union-attr]

    @pytest.mark.parametrize("url", ["https://cdn.example/cup.png?token=1", "https://cdn.example/cup.png"])
    def test_of_another_store_stays(self, context: ChatKitContext, url: str) -> None:
        attachment = ImageAttachment(id="atc_1", name="cup", mime_type="image/png", preview_url=AnyUrl(url))
        assert signed_preview(attachment, context) is attachment

    def test_of_another_attachment_stays(self, context: ChatKitContext) -> None:
        attachment = create(context, mime_type="image/png").model_copy(update={"id": "atc_1"})
        assert signed_preview(attachment, context) is attachment

    def test_files_have_none(self, context: ChatKitContext) -> None:
        attachment = create(context)
        assert signed_preview(attachment, context) is attachment


def test_alias_of_our_own_comes_first(settings: Any, tmp_path: Any) -> None:
    own = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "chatkit": own}

    name = files.store(ContentFile(TEXT).file)

    assert isinstance(attachments.storage(), FileSystemStorage)
    assert names_in(attachments.storage()) == [name]
    assert (tmp_path / name).read_bytes() == TEXT
    attachments.delete_files([name, "", "chatkit/never-there"])
    assert names_in(attachments.storage()) == []


def test_part_of_a_failed_file_does_not_stay(settings: Any, tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.STORAGES = {"default": {"BACKEND": "tests.server.files.FullDisk", "OPTIONS": {"location": tmp_path}}}
    with pytest.raises(files.StorageFailed):
        files.store(ContentFile(TEXT).file)
    assert names_in(files.storage()) == []
    assert caplog.messages == ["An attachment could not be stored: OSError, No space left on device."]


def test_log_repeats_nothing_of_the_storage(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.STORAGES = {"default": {"BACKEND": "tests.server.files.DeadService"}}
    with pytest.raises(files.StorageFailed) as failed:
        files.store(ContentFile(TEXT).file)
    with pytest.raises(files.StorageFailed):
        files.opened("chatkit/x")
    files.delete_files(["chatkit/x"])
    assert len(caplog.records) == 4
    assert "canary" not in caplog.text + str(failed.value)
    assert "chatkit/x" in caplog.messages[-1]
