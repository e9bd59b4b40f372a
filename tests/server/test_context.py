"""Who an agent is told that it talks to."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from chatkit.types import ProgressUpdateEvent
from django.test import AsyncClient

from django_chatkit import sessions
from django_chatkit.models import Workflow

from ..callers import a_user
from . import chat

pytestmark = pytest.mark.usefixtures("inline")


async def look(thread, item, context):
    seen = [context.user, context.request.user, await context.request.auser()]
    yield ProgressUpdateEvent(text=", ".join(f"{type(user).__name__} {user}" for user in seen))


def ask(issued, login):
    """What the agent sees of a browser whose cookies are of ``login``."""
    client = AsyncClient()
    client.force_login(login)

    async def talk():
        headers = {"Authorization": f"Bearer {issued.client_secret}"}
        response = await client.post(chat.CHAT, chat.body(chat.create()), "application/json", headers=headers)
        return chat.events_of(b"".join([chunk async for chunk in response]))

    return async_to_sync(talk)().of(ProgressUpdateEvent)[0].text


def test_it_is_whom_the_session_was_issued_to_and_not_who_has_logged_in_since(workflow, agents):
    agents["echo"] = look
    ada, bob = a_user("ada"), a_user("bob")
    assert ask(sessions.create_session(workflow, user=ada), bob) == "User ada, User ada, User ada"
    Workflow.objects.update(allow_anonymous=True)
    visitor = sessions.create_session(workflow, user_identifier="visitor-1")
    assert ask(visitor, bob) == "NoneType None, AnonymousUser AnonymousUser, AnonymousUser AnonymousUser"
