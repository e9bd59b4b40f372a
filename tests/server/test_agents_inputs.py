"""What an agent is told of a thread, files and all."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import (
    Attachment,
    FileAttachment,
    HiddenContextItem,
    ImageAttachment,
    InferenceOptions,
    UserMessageItem,
    UserMessageTagContent,
    UserMessageTextContent,
)
from django.core.files.base import ContentFile
from pydantic import AnyUrl

from django_chatkit.models import ChatAttachment
from django_chatkit.server import files
from django_chatkit.server.agents import AgentInputs
from django_chatkit.server.context import ChatKitContext

NOW = datetime(2026, 1, 2)  # noqa: DTZ001


@pytest.fixture(autouse=True)
def in_memory(settings: Any) -> None:
    settings.STORAGES = {**settings.STORAGES, "chatkit": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}


def put(context: ChatKitContext, name: str, mime_type: str, content: bytes | None, **fields: Any) -> Attachment:
    """An attachment whose file has arrived, unless ``content`` is ``None``."""
    attachment_id = f"atc_{name}"
    file = files.storage().save(name, ContentFile(content)) if content is not None else ""
    row = {"user_key": context.user_key, "workflow": context.workflow, "file": file, "size": len(content or b"")}
    ChatAttachment.objects.create(attachment_id=attachment_id, payload="{}", **{**row, **fields})
    if mime_type.startswith("image/"):
        preview = AnyUrl("https://example.com/preview")
        return ImageAttachment(id=attachment_id, name=name, mime_type=mime_type, preview_url=preview)
    return FileAttachment(id=attachment_id, name=name, mime_type=mime_type)


def sent(*attachments: Attachment, text: str = "Look", tags: tuple[Any, ...] = (), item_id: str = "msg_1") -> Any:
    return UserMessageItem(
        id=item_id,
        thread_id="thr_1",
        created_at=NOW,
        content=[UserMessageTextContent(text=text), *tags],
        attachments=list(attachments),
        inference_options=InferenceOptions(model="gpt-expensive"),
    )


def contents(context: ChatKitContext, *items: Any, inputs: type[AgentInputs] = AgentInputs) -> list[dict[str, Any]]:
    """The parts of the messages that the agent gets, in one list."""
    messages: Any = async_to_sync(inputs(context).to_agent_input)(list(items))
    return [part for message in messages for part in message["content"]]


def url(mime_type: str, content: bytes) -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"


@pytest.mark.parametrize("mime_type", ["image/png", "image/jpeg", "image/gif", "image/webp"])
def test_images_are_shown(mime_type: str, inline: None, context: ChatKitContext) -> None:
    picture = put(context, "a.picture", mime_type, b"\x89PNG\x00\xff")

    assert contents(context, sent(picture)) == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", "detail": "auto", "image_url": url(mime_type, b"\x89PNG\x00\xff")},
    ]


def test_a_pdf_is_handed_over(inline: None, context: ChatKitContext) -> None:
    letter = put(context, "letter.pdf", "application/pdf", b"%PDF-1.7")

    assert contents(context, sent(letter))[1] == {
        "type": "input_file",
        "filename": "letter.pdf",
        "file_data": url("application/pdf", b"%PDF-1.7"),
    }


@pytest.mark.parametrize("mime_type", ["text/plain", "text/csv", "application/json"])
def test_text_is_read_out(mime_type: str, inline: None, context: ChatKitContext) -> None:
    """Every model reads text; files of text only some of them take."""
    notes = put(context, "notes.txt", mime_type, "Grüße\xff".encode() + b"\xff")

    [part] = contents(context, sent(notes))[1:]

    assert part == {
        "type": "input_text",
        "text": "[The user attached the file 'notes.txt':]\nGrüße\xff\N{REPLACEMENT CHARACTER}",
    }


def test_of_a_long_text_the_beginning_is_read_out(inline: None, context: ChatKitContext) -> None:
    class Brief(AgentInputs):
        MAX_TEXT = 5

    notes = put(context, "notes.txt", "text/plain", b"123456")

    [part] = contents(context, sent(notes), inputs=Brief)[1:]

    assert part["text"] == "[The user attached the file 'notes.txt', of which this is the beginning:]\n12345"


def note(name: str, mime_type: str) -> dict[str, str]:
    text = f"[The user attached the file {name!r} ({mime_type}). Not readable here.]"
    return {"type": "input_text", "text": text}


def test_of_everything_else_the_name_is_told(inline: None, context: ChatKitContext) -> None:
    attachments = [
        put(context, "a.zip", "application/zip", b"PK"),
        put(context, "a.svg", "image/svg+xml", b"<svg/>"),
        put(context, "late.txt", "text/plain", None),
    ]

    assert contents(context, sent(*attachments))[1:] == [
        note("a.zip", "application/zip"),
        note("a.svg", "image/svg+xml"),
        note("late.txt", "text/plain"),
    ]


def test_files_of_others_are_not_read(inline: None, context: ChatKitContext) -> None:
    stolen = put(context, "a.txt", "text/plain", b"secret", user_key="f" * 64)

    assert contents(context, sent(stolen))[1:] == [note("a.txt", "text/plain")]


def test_a_file_that_the_storage_lost(inline: None, context: ChatKitContext, caplog: pytest.LogCaptureFixture) -> None:
    lost = put(context, "a.txt", "text/plain", b"text")
    files.storage().delete(ChatAttachment.objects.get().file)

    assert contents(context, sent(lost))[1:] == [note("a.txt", "text/plain")]
    assert "A file of a conversation cannot be read (FileNotFoundError)." in caplog.text


def test_the_newest_files_come_first_when_there_are_too_many(inline: None, context: ChatKitContext) -> None:
    class Few(AgentInputs):
        MAX_BYTES = 10

    old = put(context, "old.txt", "text/plain", b"12345")
    large = put(context, "large.txt", "text/plain", b"12345678901")
    new = put(context, "new.txt", "text/plain", b"123456")

    parts = contents(context, sent(old, item_id="msg_1"), sent(large, new, item_id="msg_2"), inputs=Few)

    told = [part["text"].partition("]")[0] for part in parts]
    assert told == [
        "Look",
        "[The user attached the file 'old.txt' (text/plain). Not readable here.",
        "Look",
        "[The user attached the file 'large.txt' (text/plain). Not readable here.",
        "[The user attached the file 'new.txt':",
    ]


def test_tags_come_with_their_data(inline: None, context: ChatKitContext) -> None:
    tag = UserMessageTagContent(id="o17", text="Order 17", data={"größe": 3})

    parts = contents(context, sent(text="About ", tags=(tag,)))

    assert parts[0]["text"] == "About @Order 17"
    assert parts[-1]["text"] == '@Order 17 (id o17): {"größe": 3}'


@pytest.mark.parametrize(
    ("content", "told"), [("The basket is empty.", "The basket is empty."), ({"basket": []}, '{"basket": []}')]
)
def test_hidden_context_is_told(content: Any, told: str, inline: None, context: ChatKitContext) -> None:
    hidden = HiddenContextItem(id="hid_1", thread_id="thr_1", created_at=NOW, content=content)

    [part] = contents(context, hidden)

    assert f"<HiddenContext>\n{told}\n</HiddenContext>" in part["text"]


def test_one_item_is_taken_as_well(inline: None, context: ChatKitContext) -> None:
    [message] = async_to_sync(AgentInputs(context).to_agent_input)(sent())

    assert message["content"] == [{"type": "input_text", "text": "Look"}]  # type: ignore[typeddict-item]
