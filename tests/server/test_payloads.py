"""What goes into the tables' text columns, and what comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from chatkit.types import Page, Thread, WidgetItem
from chatkit.widgets import DynamicWidgetRoot

from django_chatkit.server import payloads
from django_chatkit.server.payloads import (
    UnreadablePayloadError,
    attachment_of,
    is_id,
    item_of,
    moment,
    record_of_attachment,
    record_of_item,
    record_of_thread,
    thread_of,
)

from .conversation import HARD_TEXT, NOW, a_file, a_picture, a_thread, an_item, answered, awaited, every_item, said

MOMENTS = [
    NOW,
    NOW.replace(microsecond=0),
    NOW.astimezone(),
    NOW.astimezone(UTC),
    NOW.astimezone(timezone(timedelta(hours=-9, minutes=-30))),
    datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Lisbon")),
]


@pytest.mark.parametrize("created_at", MOMENTS)
def test_every_item_comes_out_as_it_went_in(created_at):
    for item in every_item():
        item.created_at = created_at
        out = item_of(record_of_item(item).payload)
        assert out == item
        assert type(out) is type(item)
        assert out.created_at.utcoffset() == created_at.utcoffset()


def test_every_type_is_among_them():
    known = payloads._ITEM.json_schema()["discriminator"]["mapping"]
    assert {item.type for item in every_item()} == set(known)


@pytest.mark.parametrize("created_at", MOMENTS)
def test_a_thread_comes_out_as_it_went_in(created_at):
    for status in ({"type": "active"}, {"type": "locked", "reason": HARD_TEXT}, {"type": "closed"}):
        thread = a_thread(
            title=HARD_TEXT, status=status, allowed_image_domains=["a.example"], metadata={"a": [1.5, None]}
        )
        thread.created_at = created_at
        assert thread_of(record_of_thread(thread).payload) == thread


def test_a_thread_is_stored_without_its_items():
    """The SDK hands over a whole thread now and then; its items have rows of their own."""
    whole = Thread(**a_thread(title="T").model_dump(), items=Page(data=[said("Hello")]))
    assert thread_of(record_of_thread(whole).payload) == a_thread(title="T")
    assert "items" not in json.loads(record_of_thread(whole).payload)


def test_attachments_come_out_as_they_went_in():
    for attachment in (a_file(metadata={"own": [1]}, thread_id="thr_1"), a_picture(), awaited()):
        assert attachment_of(record_of_attachment(attachment).payload) == attachment


def test_a_template_keeps_fields_that_the_sdk_does_not_know():
    """As a ``Card``, which the same JSON is too, it would lose them."""
    root = DynamicWidgetRoot.model_validate({"type": "Card", "glow": "blue", "children": [{"type": "Orb", "spin": 3}]})
    out = item_of(record_of_item(an_item(WidgetItem, "w", widget=root)).payload)
    assert isinstance(out, WidgetItem)
    assert out.widget == root
    assert out.widget.model_dump()["glow"] == "blue"


@pytest.mark.parametrize(
    ("read", "payload"),
    [
        (item_of, '{"type": "hologram", "text": "private"}'),
        (item_of, '{"type": "hidden_context_item", "content": "private"}'),
        (thread_of, '{"title": ["private"]}'),
        (attachment_of, '{"type": "file", "name": {"private": 1}}'),
        (thread_of, "private"),
    ],
)
def test_what_a_later_version_has_written_is_no_fault_of_the_request(read, payload):
    with pytest.raises(UnreadablePayloadError, match="The installed SDK cannot read") as caught:
        read(payload)
    assert not isinstance(caught.value, ValueError)
    assert "private" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("text", ["thr_1", "x" * 255, "ä 🫖", " "])
def test_ids(text):
    assert is_id(text)
    assert record_of_thread(a_thread(text)).id == text


@pytest.mark.parametrize("text", ["", "x" * 256, "a\0", "a\ud800", "\udfff"])
def test_no_ids(text):
    assert not is_id(text)
    with pytest.raises(ValueError, match="1 to 255 characters"):
        record_of_thread(a_thread("thr_1").model_copy(update={"id": text}))


@pytest.mark.parametrize("thing", [None, 1, b"thr_1"])
def test_things_that_are_no_ids(thing):
    assert not is_id(thing)


def test_naive_times_are_this_machines(settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    assert moment(datetime(2026, 1, 1, 9)) == datetime(2026, 1, 1, tzinfo=UTC)  # noqa: DTZ001
    assert moment(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_without_time_zones(settings):
    settings.USE_TZ, settings.TIME_ZONE = False, "Asia/Tokyo"
    nine = datetime(2026, 1, 1, 9)  # noqa: DTZ001
    assert moment(nine) == nine
    assert moment(datetime(2026, 1, 1, tzinfo=UTC)) == nine


@pytest.mark.parametrize(("now", "expected"), [("05:30", "05:29:59"), ("06:30", "06:29:59"), ("06:05", "05:29:59")])
def test_in_the_hour_that_comes_twice(settings, monkeypatch, now, expected):
    """New York, 1 November 2026: 01:29:59 is 05:29:59 UTC, and an hour later it is once more."""
    settings.TIME_ZONE = "America/New_York"

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromisoformat(f"2026-11-01T{now}:00+00:00").astimezone(tz)

    monkeypatch.setattr(payloads, "datetime", Frozen)
    item = answered("Late", created_at=datetime(2026, 11, 1, 1, 29, 59))  # noqa: DTZ001
    assert record_of_item(item).created_at == datetime.fromisoformat(f"2026-11-01T{expected}+00:00")
