"""An attack: everything that can be asked, with every id of somebody else's. Nothing is read, written or learnt."""

from __future__ import annotations

import re
import secrets
from itertools import cycle
from typing import Any

import pytest
from chatkit import types
from django.apps import apps

from django_chatkit.models import ChatAttachment, ChatKitConfiguration, Workflow
from django_chatkit.server.attachments import arrived
from django_chatkit.signals import feedback_given

from . import chat, full
from .chat import Caller
from .issued import issue

pytestmark = pytest.mark.usefixtures("inline")


@pytest.fixture
def shared(agents, workflow):
    """A workflow that may do everything, as often as one likes."""
    agents["full"] = full.FullServer
    workflow.chatkit_configuration = ChatKitConfiguration.objects.create(name="files", file_upload_enabled=True)
    return workflow_like(workflow, pk=workflow.pk)


def workflow_like(workflow: Workflow, **fields: Any) -> Workflow:
    common = {
        "name": "Help",
        "slug": "help",
        "backend": "self_hosted",
        "agent": "full",
        "max_requests_per_1_minute": 100_000,
        "chatkit_configuration": workflow.chatkit_configuration,
    }
    copy = Workflow(**{**common, **fields})
    copy.save()
    return copy


@pytest.fixture
def victim(shared):
    """Somebody with something of every kind, and the ids of it all: thread, items and attachments."""
    return Belongings(Caller(issue(shared, "victim")))


class Belongings:
    def __init__(self, owner: Caller) -> None:
        self.owner = owner
        begun = owner.ask(chat.create("Good morning"))
        self.thread = begun.thread_id
        self.items = [item.id for item in begun.done]
        for word in ("widget", "question", "tool"):
            self.items += [item.id for item in owner.ask(chat.add(self.thread, word)).done]
        self.files = [owner.ask(chat.announce())["id"] for _ in range(3)]
        for name in self.files[:2]:
            arrived(ChatAttachment.objects.get(attachment_id=name), f"chatkit/{name}", 3)
        self.items += [item.id for item in owner.ask(chat.add(self.thread, "tool", tuple(self.files[:1]))).done]
        owner.ask(chat.feedback(self.thread, self.items[1]))


ATTACKERS = {
    "another user": lambda shared: Caller(issue(shared, "attacker")),
    "the same user in another workflow": lambda shared: Caller(
        issue(workflow_like(shared, slug="sales"), "victim"), "/chatkit/chat/sales/"
    ),
    "a visitor": lambda shared: Caller(issue(shared, f"anonymous:{secrets.token_hex(16)}")),
    "a name that differs in case": lambda shared: Caller(issue(shared, "VICTIM")),
}


@pytest.fixture(params=ATTACKERS.values(), ids=ATTACKERS)
def attacker(request, shared, victim):
    """Somebody else, with a thread of their own."""
    attacker = request.param(shared)
    attacker.own = attacker.ask(chat.create("widget"))
    return attacker


def attacks(thread: str, item: str, file: str, own: chat.Events) -> list[Any]:
    """Every request that can name somebody else's thread, item or attachment, alone or mixed with one's own."""
    own_thread, own_item = own.thread_id, own.done[1].id
    return [
        chat.get(thread),
        chat.threads(after=thread),
        chat.items(thread),
        chat.items(thread, after=item),
        chat.items(own_thread, after=item),
        chat.items(thread, after=own_item),
        chat.create("Hello", (file,)),
        chat.add(thread, "Hello"),
        chat.add(thread, "Hello", (file,)),
        chat.add(own_thread, "Hello", (file,)),
        chat.retry(thread, item),
        chat.retry(own_thread, item),
        chat.retry(thread, own.done[0].id),
        chat.act(thread),
        chat.act(thread, item),
        chat.act(own_thread, item),
        chat.act(thread, own_item),
        chat.act_in_sync(thread),
        chat.act_in_sync(thread, item),
        chat.act_in_sync(own_thread, item),
        chat.act_in_sync(thread, own_item),
        chat.tool_output(thread, "mine"),
        chat.answers(thread, item, q1=["mine"]),
        chat.answers(own_thread, item, q1=["mine"]),
        chat.rename(thread, "Mine"),
        chat.delete(thread),
        chat.feedback(thread, item),
        chat.feedback(own_thread, item),
        chat.feedback(own_thread, own_item, item),
        chat.feedback(thread, own_item),
        chat.discard(file),
    ]


#: What names nothing of anybody's.
HARMLESS = {"attachments.create", "input.transcribe"}


def rows() -> dict[str, list[Any]]:
    """Everything that this app has stored."""
    models = apps.get_app_config("django_chatkit").get_models(include_auto_created=True)
    return {model.__name__: sorted(model.objects.values_list(), key=str) for model in models}


def answer(attacker: Caller, wanted: Any) -> tuple[Any, ...]:
    """All that the attacker learns, but for the ids that were sent."""
    response = attacker.answer(wanted)
    content = repr(response.events) if response.streaming else response.content.decode()
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return response.status_code, headers, content


def test_the_attack_is_complete():
    """Every request type that the SDK has, but for those that name nothing."""
    own = chat.Events()
    own.append(types.ThreadCreatedEvent(thread=types.Thread(id="t", created_at="2026-01-01", items=types.Page())))
    message = {"id": "i", "thread_id": "t", "created_at": "2026-01-01", "content": []}
    own += [types.ThreadItemDoneEvent(item=types.AssistantMessageItem(**message))] * 2
    known = {
        kind.model_fields["type"].default for kind in (*types.StreamingReq.__args__, *types.NonStreamingReq.__args__)
    }
    assert {wanted.type for wanted in attacks("thr_1", "msg_1", "atc_1", own)} | HARMLESS == known


def test_what_is_somebody_elses_is_as_if_it_did_not_exist(victim, attacker):
    """The same status, headers and words as for ids that never existed; and not a row of anybody's changes."""
    heard = []
    feedback_given.connect(hear := lambda **given: heard.append(given))
    before = rows()
    never = [re.sub("[0-9a-f]{32}$", "0" * 32, known) for known in (victim.thread, victim.items[0], victim.files[0])]
    try:
        expected = [answer(attacker, wanted) for wanted in attacks(*never, attacker.own)]
        for item, file in zip(victim.items, cycle(victim.files)):
            found = [answer(attacker, wanted) for wanted in attacks(victim.thread, item, file, attacker.own)]
            assert found == expected
    finally:
        feedback_given.disconnect(hear)
    assert rows() == before
    assert heard == []
    assert {status for status, *_ in expected} == {200, 404}
    assert sum(status == 200 for status, *_ in expected) == 1  # the empty page of a thread that is not there


def test_lists_hold_only_ones_own(victim, attacker):
    assert [thread["id"] for thread in attacker.ask(chat.threads())["data"]] == [attacker.own.thread_id]
    assert [thread["id"] for thread in victim.owner.ask(chat.threads())["data"]] == [victim.thread]


def test_the_victim_can_do_it_all(victim):
    """So that what is refused above is refused for its owner's sake, and not because it would never work."""
    owner, thread = victim.owner, victim.thread
    tool_done, (message, said, _, widget, _, question, *_) = chat.tool_output(thread, "mine"), victim.items
    for wanted in (
        chat.get(thread),
        chat.items(thread, after=message),
        tool_done,
        chat.answers(thread, question, q1=["seven"]),
        chat.act(thread, widget),
        chat.act_in_sync(thread, widget),
        chat.feedback(thread, said, widget),
        chat.add(thread, "Hello", (victim.files[1],)),
        chat.retry(thread, message),
        chat.rename(thread, "Mine"),
        chat.discard(victim.files[2]),
        chat.delete(thread),
    ):
        owner.ask(wanted)
