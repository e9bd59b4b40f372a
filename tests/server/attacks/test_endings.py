"""What ends while an answer is on its way: the answer goes on to its end, and nothing is answered any more after it.

Servers that are killed or shut down in the middle are in ``test_live``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group, User

from django_chatkit import sessions
from django_chatkit.models import ChatItem, ChatThread, Workflow
from django_chatkit.server.payloads import item_of

from .. import chat
from ..chat import Caller, events_of
from ..issued import Issued

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def issued(workflow: Workflow) -> Issued:
    user = User.objects.create_user("zoe")
    user.groups.add(Group.objects.create(name="buyers"))
    workflow.groups.set(user.groups.all())
    made = sessions.create_session(workflow, user=user)
    return Issued(made.session, str(made.client_secret))


def changed(model: Any, **fields: Any) -> Callable[[Issued], object]:
    return lambda issued: model.objects.update(**fields)


ENDS: dict[str, Callable[[Issued], object]] = {
    "user deactivated": changed(User, is_active=False),
    "user left the group": lambda issued: User.objects.get().groups.clear(),
    "session cancelled": lambda issued: sessions.cancel_session(issued.session),
    "workflow deactivated": changed(Workflow, is_active=False),
    "workflow run by OpenAI": changed(Workflow, backend="hosted", agent="", workflow_id="wf_1"),
}


def said_meanwhile(issued: Issued, end: Callable[[Issued], object]) -> Any:
    """All events of an answer; after the first ones ``end`` happens."""

    async def listen() -> bytes:
        response = await Caller(issued).post(chat.create("one two three"))
        chunks = aiter(response)
        heard: bytes = await anext(chunks)
        await sync_to_async(end)(issued)
        return heard + b"".join([chunk async for chunk in chunks])

    return events_of(async_to_sync(listen)())


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_answer_ends_and_is_the_last(issued: Issued, end: Callable[[Issued], object]) -> None:
    heard = said_meanwhile(issued, end)
    assert heard.text == "one two three "
    kept = [item_of(row.payload).type for row in ChatItem.objects.order_by("created_at", "pk")]
    assert kept == ["user_message", "assistant_message"]
    me = Caller(issued)
    for wanted in (chat.threads(), chat.get(heard.thread_id), chat.add(heard.thread_id), chat.announce()):
        assert me.refused(wanted) == (401, "authentication_failed")


def test_a_deleted_thread_stays_deleted(issued: Issued) -> None:
    """Nothing of the answer is kept."""
    said_meanwhile(issued, lambda issued: sessions.delete_threads(ChatThread.objects.all()))
    assert not ChatThread.objects.exists() and not ChatItem.objects.exists()
