"""``DjangoAttachmentStore``: announces, completes and deletes attachments, as the session's preset allows."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from chatkit.store import AttachmentStore, NotFoundError
from chatkit.types import (
    Attachment,
    AttachmentCreateParams,
    AttachmentUploadDescriptor,
    FileAttachment,
    ImageAttachment,
)
from django.db import router, transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pydantic import AnyUrl

from ..conf import conf
from ..models import ChatAttachment, ChatSession
from .addresses import Upload, is_preview_address, preview_address, upload_address
from .context import ChatKitContext
from .database import in_database
from .files import SAFE_IMAGES, UploadRefused, delete_files, safe_name, safe_type, storage
from .payloads import attachment_of, record_of_attachment
from .receiving import too_large

__all__ = ["DjangoAttachmentStore", "UploadRefused", "delete_files", "signed_preview", "storage"]

#: As in the browser module: presets count in megabytes.
BYTES_PER_MEGABYTE = 1024 * 1024
#: The API's maximum, for a preset that sets none. Megabytes.
MAX_FILE_SIZE = 512
#: How many messages' worth of files an owner may have announced or sent without attaching them to a message.
UNSENT_MESSAGES = 3
#: After this, the unsent make room for new ones. Until then somebody may have a message half written.
ABANDONED = timedelta(hours=1)


class DjangoAttachmentStore(AttachmentStore[ChatKitContext]):
    """Files in Django's storage: see ``storage``. Made for one request."""

    def generate_attachment_id(self, mime_type: str, context: ChatKitContext) -> str:
        """An id of 128 random bits: the SDK's own has 32."""
        return new_id()

    async def create_attachment(self, input: AttachmentCreateParams, context: ChatKitContext) -> Attachment:  # noqa: A002
        """The record of a file that is about to be sent, and where to send it. Raises ``UploadRefused``."""
        attachment_id = self.generate_attachment_id(input.mime_type, context)
        return await in_database(announced, attachment_id, input, context)

    async def delete_attachment(self, attachment_id: str, context: ChatKitContext) -> None:
        """Delete the file; nothing can be sent to it any more. The SDK lets the store delete the record afterwards.

        Raises ``NotFoundError``, also for an attachment of somebody else.
        """
        await in_database(_discard, attachment_id, context)


def new_id() -> str:
    """A new attachment's id."""
    return f"atc_{secrets.token_hex(16)}"


def limit_of(session: ChatSession) -> int:
    """Bytes that a file of this session may have. Raises ``UploadRefused`` if it may have no files."""
    upload = session.chatkit_configuration["file_upload"]
    if not upload["enabled"]:
        raise UploadRefused(_("This chat takes no files."), "permission_denied")
    return int(upload["max_file_size"] or MAX_FILE_SIZE) * BYTES_PER_MEGABYTE


def announced(attachment_id: str, params: AttachmentCreateParams, context: ChatKitContext) -> Attachment:
    """Record an attachment whose file is yet to come, with the address to send it to. Raises ``UploadRefused``."""
    attachment = _described(attachment_id, params, context)
    allowed = Upload(context.session.session_id, params.size)
    url = upload_address(context.request, context.workflow.slug, attachment_id, allowed)
    descriptor = AttachmentUploadDescriptor(url=AnyUrl(url), method="POST", headers={})
    attachment = attachment.model_copy(update={"upload_descriptor": descriptor})
    _record(attachment, params.size, context)
    return attachment


def taken(attachment_id: str, params: AttachmentCreateParams, context: ChatKitContext) -> ChatAttachment:
    """Record an attachment whose file has been sent along and is about to be stored. Raises ``UploadRefused``."""
    return _record(_described(attachment_id, params, context), params.size, context)


def arrived(row: ChatAttachment, file: str, size: int) -> Attachment | None:
    """Record that the file of ``row`` is in the storage: ``size`` bytes, as ``file``.

    ``None``, and the file deleted again, if another request was faster, or the attachment has been deleted since
    ``row`` was read. Decided by one UPDATE, so that no lock is held while the file is on its way.
    """
    attachment = _complete(row)
    has_won = 0
    try:
        same = _attachments().filter(pk=row.pk, file="", payload=row.payload)
        has_won = same.update(file=file, size=size, payload=_dumped(attachment))
    finally:
        if not has_won:
            delete_files([file])
    return attachment if has_won else None


def waiting(row: ChatAttachment) -> Attachment | None:
    """The attachment that this is the record of, if its file may still be sent."""
    attachment = attachment_of(row.payload)
    return attachment if not row.file and attachment.upload_descriptor else None


def as_json(attachment: Attachment) -> bytes:
    """What a browser is told of an attachment: as the SDK says it, without its metadata."""
    return attachment.model_dump_json(by_alias=True, exclude_none=True, context={"exclude_metadata": True}).encode()


def signed_preview(attachment: Attachment, context: ChatKitContext) -> Attachment:
    """The same attachment with its preview signed anew, if the preview is one of ours."""
    if not isinstance(attachment, ImageAttachment) or not is_preview_address(
        str(attachment.preview_url), attachment.id
    ):
        return attachment
    return attachment.model_copy(update={"preview_url": _preview_url(attachment.id, context)})


def _preview_url(attachment_id: str, context: ChatKitContext) -> AnyUrl:
    return AnyUrl(preview_address(context.request, context.workflow.slug, attachment_id, context.session.session_id))


def _described(attachment_id: str, params: AttachmentCreateParams, context: ChatKitContext) -> Attachment:
    if params.size > limit_of(context.session):
        raise too_large()
    if params.size <= 0:
        raise UploadRefused(_("The file is empty."), "invalid")
    name, mime_type = safe_name(params.name), safe_type(params.mime_type)
    if mime_type in SAFE_IMAGES:
        preview_url = _preview_url(attachment_id, context)
        return ImageAttachment(id=attachment_id, name=name, mime_type=mime_type, preview_url=preview_url)
    return FileAttachment(id=attachment_id, name=name, mime_type=mime_type)


def _record(attachment: Attachment, size: int, context: ChatKitContext) -> ChatAttachment:
    """Insert first, count then: whoever comes last sees all others, so parallel requests never exceed the limit."""
    row: ChatAttachment = _attachments().create(
        attachment_id=attachment.id,
        workflow=context.workflow,
        user_key=context.user_key,
        payload=_dumped(attachment),
        size=size,
    )
    if _too_much(context):
        _make_room(context)
        if reason := _too_much(context):
            row.delete()
            raise UploadRefused(reason, "permission_denied")
    return row


def _too_much(context: ChatKitContext) -> Any:
    """What to tell the owner of too many files, or of too large ones; nothing if all is well."""
    limit: int = context.session.chatkit_configuration["file_upload"]["max_files"] * UNSENT_MESSAGES
    if _own(context).filter(thread=None).count() > limit:
        return _("Too many files wait to be sent. Remove some, or send them with a message.")
    quota = conf.UPLOAD_QUOTA
    if quota is not None and _own(context).aggregate(size=Sum("size"))["size"] > quota * BYTES_PER_MEGABYTE:
        return _("Your files take up too much space. Delete conversations that have files.")
    return None


def _make_room(context: ChatKitContext) -> None:
    """Delete what has been abandoned. Each only if it still is as it was read: it may just be sent."""
    old = _own(context).filter(thread=None, created_at__lt=timezone.now() - ABANDONED)
    for pk, file in list(old.values_list("pk", "file")):
        if _attachments().filter(pk=pk, file=file, thread=None).delete()[0]:
            _delete_on_commit([file])


def _discard(attachment_id: str, context: ChatKitContext) -> None:
    row = _own(context).filter(attachment_id=attachment_id).first()
    if row is None or row.attachment_id != attachment_id:  # MariaDB finds "ATC_1" for "atc_1"
        raise NotFoundError(f"Attachment {attachment_id} not found")
    same = _attachments().filter(pk=row.pk)
    same.update(payload=_dumped(_complete(row)))  # from here on no upload is recorded: see ``arrived``
    files = list(same.values_list("file", flat=True))
    same.update(file="")
    _delete_on_commit(files)


def _delete_on_commit(files: Iterable[str]) -> None:
    transaction.on_commit(partial(delete_files, list(files)), using=router.db_for_write(ChatAttachment))


def _attachments() -> QuerySet[ChatAttachment]:
    """Of everybody, in the database that is written to: a replica may not know of them yet."""
    return ChatAttachment.objects.using(router.db_for_write(ChatAttachment))


def _own(context: ChatKitContext) -> QuerySet[ChatAttachment]:
    return _attachments().filter(user_key=context.user_key, workflow=context.workflow)


def _complete(row: ChatAttachment) -> Attachment:
    return attachment_of(row.payload).model_copy(update={"upload_descriptor": None})


def _dumped(attachment: Attachment) -> str:
    return record_of_attachment(attachment).payload
