"""Threads of many lengths of one owner, among those of many others."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from chatkit.types import ThreadItem
from django.db import connection

from django_chatkit.models import ChatAttachment, ChatItem, ChatSession, ChatThread, Workflow
from django_chatkit.server.payloads import moment, record_of_item, record_of_thread
from tests.server.conversation import a_thread, answered, said
from tests.server.issued import Issued, issue

AGENT = "assistant"
TABLES = (ChatThread, ChatItem, ChatAttachment)
QUESTION = "What about my order, the one from Tuesday? It has not come, and nobody answers the phone. "
ANSWER = "Your order has left our house on Wednesday, and the carrier says that it will be there tomorrow. " * 5
#: Other threads of the owner, items of each thread that is not measured, and threads of each other owner.
OWN, EACH, OF_OTHERS = 60, 4, 10
BATCH = 2_000


@dataclass(frozen=True)
class LongThread:
    """A thread of ``size`` items: a question, its answer, and so on."""

    row: ChatThread
    size: int

    @property
    def id(self) -> str:
        return self.row.thread_id

    def item_id(self, number: int) -> str:
        return f"msg_{number}"

    @property
    def last_question(self) -> str:
        return self.item_id(self.size - 2)

    def items(self) -> Iterator[ThreadItem]:
        for number in range(self.size):
            make, text = (answered, ANSWER) if number % 2 else (said, QUESTION)
            yield make(f"{text}({number})", self.item_id(number), thread_id=self.id, seconds=number - self.size)


@dataclass(frozen=True)
class Conversations:
    """The measured threads by their sizes, and a session of their owner's."""

    issued: Issued
    threads: dict[int, LongThread]


def fill(sizes: Iterable[int], *, others: int) -> Conversations:
    """``others`` is how many threads other people have."""
    workflow = Workflow.objects.create(
        slug="help", name="Help", backend=Workflow.Backend.SELF_HOSTED, agent=AGENT, max_requests_per_1_minute=10**6
    )
    issued = issue(workflow, "reader")
    keys = [issued.session.user_key] * OWN + [f"{number // OF_OTHERS:064}" for number in range(others)]
    known = new_threads(issued.session, keys)
    insert_items([LongThread(row, EACH) for row in known])
    _attach(known)
    threads = {size: new_thread(issued.session, size) for size in sizes}
    with connection.cursor() as cursor:
        for table in (model._meta.db_table for model in TABLES):
            cursor.execute(f"ANALYZE TABLE {table}" if connection.vendor == "mysql" else f"ANALYZE {table}")
    return Conversations(issued, threads)


_numbers = itertools.count()


def new_thread(session: ChatSession, size: int) -> LongThread:
    """A thread with its items, of the owner of this session."""
    thread = LongThread(new_threads(session, [session.user_key])[0], size)
    insert_items([thread])
    return thread


def new_threads(session: ChatSession, keys: list[str]) -> list[ChatThread]:
    """One for each of these owners, with a title."""
    records = [record_of_thread(a_thread(f"thr_{next(_numbers)}", title="My order")) for _ in keys]
    return ChatThread.objects.bulk_create(
        [
            ChatThread(
                thread_id=record.id,
                workflow=session.workflow,
                user_identifier="reader",
                user_key=key,
                payload=record.payload,
                created_at=record.created_at,
            )
            for key, record in zip(keys, records, strict=True)
        ],
        batch_size=BATCH,
    )


def insert_items(threads: list[LongThread]) -> None:
    rows = ((thread.row, record_of_item(item)) for thread in threads for item in thread.items())
    while batch := list(itertools.islice(rows, BATCH)):
        ChatItem.objects.bulk_create(
            ChatItem(thread=row, item_id=record.id, payload=record.payload, created_at=record.created_at)
            for row, record in batch
        )


def _attach(threads: list[ChatThread]) -> None:
    """A file in each thread, so that looking for files has something to look through."""
    payload = json.dumps({"id": "atc_1", "type": "file", "name": "a.txt", "mime_type": "text/plain"})
    given = {"payload": payload, "created_at": moment(datetime.now() - timedelta(days=1))}  # noqa: DTZ005
    ChatAttachment.objects.bulk_create(
        ChatAttachment(
            attachment_id="atc_1" + thread.thread_id,
            workflow=thread.workflow,
            user_key=thread.user_key,
            thread=thread,
            **given,
        )
        for thread in threads
    )
