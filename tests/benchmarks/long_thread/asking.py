"""All that is asked about a thread, through the real views: the component's requests, and the administrator's page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents import Agent
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import AsyncClient, Client

from django_chatkit.server import database
from tests.server import chat
from tests.server.local_model import LocalModel
from tests.server.test_store_plans import plans, reads_all

from .filling import AGENT, TABLES, Conversations, LongThread

AGENTS = {AGENT: Agent(name="Assistant", instructions="Help.", model=LocalModel(lambda *_: "It comes tomorrow."))}
SETTINGS: dict[str, Any] = {"DJANGO_CHATKIT": {"AGENTS": AGENTS}, "ROOT_URLCONF": "tests.urls"}
#: What the browser asks for at once.
PAGE = 20

Call = Callable[[], bytes]


@dataclass(frozen=True)
class Answer:
    """``size`` in bytes."""

    queries: int
    size: int
    reads_whole_tables: int


class Asker:
    """The owner of the conversations, and an administrator who may read them."""

    def __init__(self, conversations: Conversations) -> None:
        self._headers = conversations.issued.headers
        self._admin = Client()
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(Permission.objects.get(codename="read_conversations"))
        self._admin.force_login(reader)

    def calls(self, thread: LongThread) -> dict[str, Call]:
        """In this order: after the last two, the thread has other items at its end."""
        pages = partial(chat.items, thread.id, limit=PAGE)
        wanted = {
            "open a thread": chat.get(thread.id),
            "its first page": pages(order="asc"),
            "a page from its middle": pages(order="desc", after=thread.item_id(thread.size // 2)),
            "its last page": pages(order="asc", after=thread.item_id(max(thread.size - PAGE - 1, 0))),
            "list threads": chat.threads(limit=PAGE),
            "try the last answer again": chat.retry(thread.id, thread.last_question),
            "send a message": chat.add(thread.id, "And where is it now?"),
        }
        page = f"/admin/django_chatkit/chatthread/{thread.row.pk}/change/?newest"
        asked = {what: partial(self.ask, each) for what, each in wanted.items()}
        return {"look at it in the admin": partial(self._look, page), **asked}

    def ask(self, wanted: Any) -> bytes:
        return async_to_sync(self._asked)(chat.body(wanted))

    async def _asked(self, body: bytes) -> bytes:
        response = await AsyncClient().post(chat.CHAT, body, content_type="application/json", headers=self._headers)
        assert response.status_code == 200, response.content
        if response.streaming:
            return b"".join([part async for part in aiter(response)])
        return bytes(response.content)

    def _look(self, url: str) -> bytes:
        response = self._admin.get(url)
        assert response.status_code == 200
        return response.content


def counted(call: Call) -> Answer:
    """Called twice: for the number of its queries, and for their plans."""
    with queries() as statements:
        answer = call()
    with _in_this_thread(), plans() as found:
        call()
    return Answer(len(statements), len(answer), sum(map(_reads_a_whole_table, found)))


@contextmanager
def queries() -> Iterator[list[str]]:
    """The statements of all that is asked meanwhile."""
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    with _in_this_thread(), connection.execute_wrapper(note):
        yield statements


@contextmanager
def _in_this_thread() -> Iterator[None]:
    """The app's own threads have connections of their own, which nobody here could watch."""
    database.in_this_thread = True
    try:
        yield
    finally:
        database.in_this_thread = False


def _reads_a_whole_table(plan: str) -> bool:
    """One of the large ones: what has a handful of rows is best read so."""
    statement, *steps = plan.splitlines()
    large = [step for step in steps if any(model._meta.db_table in step for model in TABLES)]
    return reads_all("\n".join([statement, *large]))
