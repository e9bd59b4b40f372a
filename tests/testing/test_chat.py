"""Talking to a workflow that this site runs."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import TestCase

from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.models import ChatItem, Workflow
from django_chatkit.testing import ChatRefused, FakeChatKit, canned_agent, fake_chatkit

from ..callers import a_user, a_workflow

pytestmark = pytest.mark.services

AGENTS = {"echo": "tests.server.echo.respond", "canned": canned_agent("Two parcels are on their way.")}


def own(slug: str = "help", **fields: Any) -> Workflow:
    return a_workflow(slug, **{"backend": "self_hosted", "agent": "canned", "workflow_id": "", **fields})


@pytest.mark.django_db
def test_an_agent_that_always_says_the_same() -> None:
    own()
    with fake_chatkit(AGENTS=AGENTS) as chatkit:
        conversation = chatkit.conversation("help", user=a_user())
        first, second = conversation.say("Where is it?"), conversation.say("And now?")
    assert first.text == second.text == "Two parcels are on their way."
    assert first.events[0]["type"] == "thread.created"
    assert conversation.thread_id == first.events[0]["thread"]["id"]
    assert conversation.session.user.username == "ada"
    assert ChatItem.objects.filter(thread__thread_id=conversation.thread_id).count() == 4
    assert chatkit.requests == []


@pytest.mark.django_db
def test_the_sites_own_agent_and_a_visitor() -> None:
    workflow = own(agent="echo")
    with fake_chatkit(AGENTS=AGENTS) as chatkit:
        assert chatkit.conversation(workflow).say("Good morning").text == "Good morning "
        conversation = chatkit.conversation()
        assert conversation.say("Again").text == "Again "
    assert (conversation.session.user, conversation.session.workflow) == (None, workflow)


@pytest.mark.django_db
def test_a_chat_that_is_refused() -> None:
    user = a_user()
    own()
    with fake_chatkit(AGENTS=AGENTS) as chatkit:
        conversation = chatkit.conversation("help", user=user)
        conversation.say("Hello")
        user.is_active = False
        user.save()
        with pytest.raises(ChatRefused, match="401 authentication_failed") as caught:
            conversation.say("Still there?")
        own("gone", agent="nobody")
        with pytest.raises(ChatKitNotConfigured):
            chatkit.conversation("gone", user=user).say("Hello")
    assert (caught.value.status, caught.value.code) == (401, "authentication_failed")


@pytest.mark.django_db
def test_a_session_that_is_not_saved() -> None:
    own()
    with fake_chatkit(AGENTS=AGENTS) as chatkit:
        chatkit.fail("not_saved", times=1)
        with pytest.raises(Exception, match="could not be saved"):
            chatkit.conversation("help").say("Hello")
        assert chatkit.conversation("help").say("Hello").text


@pytest.mark.django_db
def test_every_block_has_its_own_requests_per_minute() -> None:
    own(max_requests_per_1_minute=2)
    for _ in range(2):
        with fake_chatkit(AGENTS=AGENTS) as chatkit:
            conversation = chatkit.conversation("help", user=None)
            conversation.say("One")
            conversation.say("Two")
            with pytest.raises(ChatRefused, match="429"):
                conversation.say("Three")


@pytest.mark.django_db(transaction=True)
def test_without_a_transaction() -> None:
    own()
    with fake_chatkit(AGENTS=AGENTS) as chatkit:
        assert chatkit.conversation("help").say("Hello").text


@fake_chatkit(AGENTS=AGENTS)
class AsyncTest(TestCase):
    chatkit: FakeChatKit

    @classmethod
    def setUpTestData(cls) -> None:
        own()

    async def test_async(self) -> None:
        conversation = self.chatkit.conversation("help")
        self.assertEqual((await conversation.asay("Hello")).text, "Two parcels are on their way.")

    def test_from_sync_code(self) -> None:
        self.assertTrue(async_to_sync(self.chatkit.conversation("help").asay)("Hello").text)
