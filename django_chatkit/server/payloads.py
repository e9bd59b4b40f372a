"""Between the SDK's objects and what the tables keep of them: what comes out equals what went in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chatkit.types import Attachment, ThreadItem, ThreadMetadata, WidgetItem
from chatkit.widgets import DynamicWidgetRoot
from django.conf import settings
from django.utils import timezone
from pydantic import TypeAdapter, ValidationError

_THREAD: TypeAdapter[ThreadMetadata] = TypeAdapter(ThreadMetadata)
_ITEM: TypeAdapter[Any] = TypeAdapter(ThreadItem)
_ATTACHMENT: TypeAdapter[Any] = TypeAdapter(Attachment)

#: Marks a widget that was built from a template: read as JSON alone it would become a ``Card``, without the fields
#: that this version of the SDK does not know.
_DYNAMIC = "dynamic_widget"

MAX_ID = 255


class UnreadablePayloadError(Exception):
    """A row holds what this version of the SDK does not know. No fault of the request, as its ``ValidationError``
    would say, and no place to repeat what people wrote, as that one does."""


@dataclass(frozen=True)
class Record:
    """What goes into a row: the SDK's id, the time to order by, and the JSON text."""

    id: str
    created_at: datetime
    payload: str


def is_id(text: object) -> bool:
    """Whether a database can hold this as an id, and so whether looking for it makes sense."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= MAX_ID
        and "\0" not in text
        and not any("\ud800" <= letter <= "\udfff" for letter in text)
    )


def record_of_thread(thread: ThreadMetadata) -> Record:
    """Without its items, which the SDK sometimes hands over with it: they have rows of their own."""
    return Record(_id(thread), moment(thread.created_at), _THREAD.dump_json(thread).decode())


def record_of_item(item: ThreadItem) -> Record:
    return Record(_id(item), moment(item.created_at), _dumped(item))


def record_of_attachment(attachment: Attachment) -> Record:
    """The SDK's attachments have no time of their own."""
    return Record(_id(attachment), timezone.now(), _ATTACHMENT.dump_json(attachment).decode())


def thread_of(payload: str) -> ThreadMetadata:
    thread: ThreadMetadata = _read(_THREAD, payload)
    return thread


def item_of(payload: str) -> ThreadItem:
    item: ThreadItem = _read(_ITEM, payload)
    if isinstance(item, WidgetItem):
        fields = json.loads(payload)
        if _DYNAMIC in fields:
            item.widget = DynamicWidgetRoot.model_validate(fields["widget"])
    return item


def attachment_of(payload: str) -> Attachment:
    attachment: Attachment = _read(_ATTACHMENT, payload)
    return attachment


def moment(created_at: datetime) -> datetime:
    """The instant to order by, as the database wants it. The SDK's own times are naive: this machine's local time.

    Of an hour that the clock shows twice it is the second one, unless that has yet to come: or else the answer could
    come before the question.
    """
    aware = created_at if created_at.tzinfo else _local(created_at)
    return aware if settings.USE_TZ else timezone.make_naive(aware, timezone.get_default_timezone())


def _local(naive: datetime) -> datetime:
    first, second = (naive.replace(fold=fold).astimezone() for fold in (0, 1))
    return second if second <= datetime.now(UTC) else first


def _dumped(item: ThreadItem) -> str:
    payload = _ITEM.dump_json(item).decode()
    if isinstance(item, WidgetItem) and isinstance(item.widget, DynamicWidgetRoot):
        return f'{payload[:-1]},"{_DYNAMIC}":true}}'
    return payload


def _read(adapter: TypeAdapter[Any], payload: str) -> Any:
    try:
        return adapter.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "type"
        raise UnreadablePayloadError(
            f"The installed SDK cannot read what was stored: {where}, {first['type']}"
        ) from None


def _id(thing: Any) -> str:
    if not is_id(thing.id):
        raise ValueError(f"An id has 1 to {MAX_ID} characters, none of them NUL or half of one: {thing.id!a:.100}")
    return str(thing.id)
