"""Threads and items to put into a store, and the store as synchronous tests use it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from asgiref.sync import async_to_sync
from chatkit.actions import ActionConfig
from chatkit.types import (
    Annotation,
    AssistantMessageContent,
    AssistantMessageItem,
    AttachmentUploadDescriptor,
    ClientToolCallItem,
    CustomSummary,
    CustomTask,
    DurationSummary,
    EndOfTurnItem,
    EntitySource,
    FileAttachment,
    FileSource,
    FileTask,
    GeneratedImage,
    GeneratedImageItem,
    HiddenContextItem,
    ImageAttachment,
    ImageTask,
    InferenceOptions,
    SDKHiddenContextItem,
    SearchTask,
    StructuredInputAnswer,
    StructuredInputFreeform,
    StructuredInputItem,
    StructuredInputMultipleChoice,
    StructuredInputMultipleChoiceOption,
    TaskItem,
    ThoughtTask,
    ThreadItem,
    ThreadMetadata,
    ToolChoice,
    URLSource,
    UserMessageItem,
    UserMessageTagContent,
    UserMessageTextContent,
    WidgetItem,
    Workflow,
    WorkflowItem,
)
from chatkit.widgets import BasicRoot, Button, Card, Col, DynamicWidgetRoot, ListView, ListViewItem, Text
from pydantic import AnyUrl

from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore

#: Naive, as the SDK's own times are.
NOW = datetime.now()  # noqa: DTZ005

#: What databases, JSON and encodings stumble over.
HARD_TEXT = "naïve “quotes” \0 \x1f \\ 🫖 \u2028 </script> ' OR 1=1 --"


def a_thread(thread_id: str = "thr_1", *, seconds: float = 0, **fields: Any) -> ThreadMetadata:
    """Of ``seconds`` after ``NOW``."""
    return ThreadMetadata(id=thread_id, **{"created_at": NOW + timedelta(seconds=seconds), **fields})


def an_item(of_type: type[Any], item_id: str, *, seconds: float = 0, **fields: Any) -> Any:
    given = {"id": item_id, "thread_id": "thr_1", "created_at": NOW + timedelta(seconds=seconds), **fields}
    return of_type(**given)


def said(text: str, item_id: str = "msg_1", **fields: Any) -> UserMessageItem:
    """A visitor's message."""
    content = [UserMessageTextContent(text=text)]
    item: UserMessageItem = an_item(
        UserMessageItem, item_id, **{"content": content, "inference_options": InferenceOptions(), **fields}
    )
    return item


def answered(text: str, item_id: str = "msg_2", **fields: Any) -> AssistantMessageItem:
    """An agent's message."""
    item: AssistantMessageItem = an_item(
        AssistantMessageItem, item_id, **{"content": [AssistantMessageContent(text=text)], **fields}
    )
    return item


def a_file(attachment_id: str = "atc_1", **fields: Any) -> FileAttachment:
    return FileAttachment(id=attachment_id, **{"name": "notes.txt", "mime_type": "text/plain", **fields})


def a_picture(attachment_id: str = "atc_2", **fields: Any) -> ImageAttachment:
    """Its preview is somewhere else than on this site."""
    given = {"name": "pot.png", "mime_type": "image/png", "preview_url": AnyUrl("https://example.com/pot.png")}
    return ImageAttachment(id=attachment_id, **{**given, **fields})


def awaited(attachment_id: str = "atc_3", **fields: Any) -> FileAttachment:
    """Its file has not arrived."""
    upload = AttachmentUploadDescriptor(url=AnyUrl("https://example.com/up"), method="PUT", headers={"X-Key": "1"})
    return a_file(attachment_id, upload_descriptor=upload, **fields)


def every_item() -> list[ThreadItem]:
    """Items of every type that the SDK knows, with every kind of content, and nothing left at its default."""
    source = URLSource(
        title="T", description="D", timestamp="2026", group="G", url="https://example.com", attribution="A"
    )
    file = FileSource(title="T", filename="f.txt")
    entity = EntitySource(
        title="T", id="e", icon="agent", label="L", inline_label="I", interactive=True, data={"a": [1]}
    )
    tag = UserMessageTagContent(id="t", text="tag", data={"deep": {"n": None}}, group="g", interactive=True)
    options = InferenceOptions(tool_choice=ToolChoice(id="search"), model="small")
    annotations = [Annotation(source=each, index=index) for index, each in enumerate((source, file, entity))]
    tasks = [
        CustomTask(title="C", icon="agent", content="c", status_indicator="loading"),
        SearchTask(title="S", title_query="q", queries=["q"], sources=[source]),
        ThoughtTask(title="T", content="hm", status_indicator="complete"),
        FileTask(title="F", sources=[file]),
        ImageTask(title="I"),
    ]
    choice = StructuredInputMultipleChoice(
        id="q1",
        question="Which?",
        multiple=True,
        options=[StructuredInputMultipleChoiceOption(value="pot")],
        answer=StructuredInputAnswer(values=["pot"]),
    )
    freeform = StructuredInputFreeform(
        id="q2", question="Why?", description="d", answer=StructuredInputAnswer(skipped=True)
    )
    button = Button(label="Buy", onClickAction=ActionConfig(type="buy", payload={"pot": 1}, handler="client"))
    widgets = [
        Card(children=[Col(padding={"x": 4}, border={"bottom": 1}, children=[Text(value=HARD_TEXT), button])]),
        ListView(children=[ListViewItem(children=[Text(value="a")], onClickAction=ActionConfig(type="open"))]),
        BasicRoot(children=[]),
        *(
            DynamicWidgetRoot.model_validate(
                {"type": name, "children": [{"type": "Text", "value": "x", "new": {"a": [1]}}]}
            )
            for name in ("Card", "ListView", "Basic")
        ),
    ]
    things: list[tuple[type[Any], dict[str, Any]]] = [
        (
            UserMessageItem,
            {
                "content": [UserMessageTextContent(text=HARD_TEXT), tag],
                "inference_options": options,
                "attachments": [a_file(metadata={"k": 1}), a_picture(), awaited()],
                "quoted_text": "so",
            },
        ),
        (AssistantMessageItem, {"content": [AssistantMessageContent(text=HARD_TEXT, annotations=annotations)]}),
        (AssistantMessageItem, {"content": []}),
        (
            ClientToolCallItem,
            {"call_id": "c", "name": "n", "arguments": {"a": 1.5}, "status": "completed", "output": [None]},
        ),
        (GeneratedImageItem, {"image": GeneratedImage(id="g", url="data:,")}),
        (GeneratedImageItem, {}),
        (StructuredInputItem, {"status": "answered", "inputs": [choice, freeform]}),
        *((TaskItem, {"task": task}) for task in tasks),
        (
            WorkflowItem,
            {
                "workflow": Workflow(
                    type="custom", tasks=tasks, summary=CustomSummary(title="S", icon="agent"), expanded=True
                )
            },
        ),
        (WorkflowItem, {"workflow": Workflow(type="reasoning", tasks=[], summary=DurationSummary(duration=3))}),
        (HiddenContextItem, {"content": {"any": [1, None, HARD_TEXT]}}),
        (SDKHiddenContextItem, {"content": HARD_TEXT}),
        (EndOfTurnItem, {}),
        *((WidgetItem, {"widget": widget, "copy_text": "copy"}) for widget in widgets),
    ]
    return [an_item(of_type, f"item_{number}", **fields) for number, (of_type, fields) in enumerate(things)]


class Kept:
    """A store and a context: every method of the store without ``async`` and without the last argument."""

    def __init__(self, context: ChatKitContext) -> None:
        self.store = DjangoStore()
        self.context = context

    def __getattr__(self, name: str) -> Any:
        method = async_to_sync(getattr(self.store, name))
        return lambda *args, **kwargs: method(*args, **kwargs, context=self.context)

    def fill(self, *items: ThreadItem, thread_id: str = "thr_1") -> None:
        """A thread with these items."""
        self.save_thread(a_thread(thread_id))
        for item in items:
            self.add_thread_item(thread_id, item)

    def item_ids(self, thread_id: str = "thr_1", order: str = "asc") -> list[str]:
        return [item.id for item in self.load_thread_items(thread_id, None, 100, order).data]

    def thread_ids(self, order: str = "asc") -> list[str]:
        return [thread.id for thread in self.load_threads(100, None, order).data]


class ReadsElsewhere:
    """A router to a replica that does not exist."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"
