"""Talking, in a test, to a workflow that this site runs: a request to the chat's address, its events read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.test import AsyncClient
from django.urls import reverse


class ChatRefused(AssertionError):  # noqa: N818 (a fact for tests, as Django's own are)
    """The chat did not answer: ``status`` and ``code`` are those of the error."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"The chat answered {status} {code}; the log of django_chatkit may say why.")
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Reply:
    """``text`` is what the assistant said, ``events`` all that the browser got, as JSON."""

    text: str
    events: list[dict[str, Any]]


class Conversation:
    """One thread of a user or visitor. ``FakeChatKit.conversation`` makes it, within the block only.

    The first message has a session issued, so that the workflow, its agent and the limits are the site's own.
    ``session`` is its record, ``thread_id`` the thread, both ``None`` before that.
    """

    def __init__(self, workflow: Any, user: Any) -> None:
        self.session: Any = None
        self.thread_id: str | None = None
        self._workflow = workflow
        self._user = user
        self._url = ""
        self._client_secret = ""

    def say(self, text: str) -> Reply:
        """Send a message and wait for the whole answer. Raises ``ChatRefused``, and what issuing a session raises."""
        return async_to_sync(self.asay)(text)

    async def asay(self, text: str) -> Reply:
        """``say``, for async tests."""
        if self.session is None:
            await sync_to_async(self._begin)()
        response: Any = await AsyncClient().post(
            self._url,
            self._message(text),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self._client_secret}"},
        )
        if not response.streaming:
            raise ChatRefused(response.status_code, response.json()["code"])
        return self._read([event async for event in _events(response)])

    def _begin(self) -> None:
        from .. import sessions
        from ..conf import conf
        from ..models import Workflow

        workflow = self._workflow
        if not isinstance(workflow, Workflow):
            workflow = Workflow.objects.embedded(workflow or conf.DEFAULT_WORKFLOW)
        whose = {"user": self._user} if self._user is not None else {"user_identifier": "visitor"}
        issued = sessions.create_session(workflow, **whose)
        self._url = reverse("django_chatkit:chat", args=[workflow.slug])
        self._client_secret = issued.client_secret
        self.session = issued.session

    def _message(self, text: str) -> dict[str, Any]:
        """What ChatKit sends; the first message makes the thread."""
        content = [{"type": "input_text", "text": text}]
        params: dict[str, Any] = {"input": {"content": content, "attachments": [], "inference_options": {}}}
        if self.thread_id is None:
            return {"type": "threads.create", "params": params}
        return {"type": "threads.add_user_message", "params": {"thread_id": self.thread_id, **params}}

    def _read(self, events: list[dict[str, Any]]) -> Reply:
        for event in events:
            if event["type"] == "thread.created":
                self.thread_id = event["thread"]["id"]
        items = [event["item"] for event in events if event["type"] == "thread.item.done"]
        said = [part["text"] for item in items if item["type"] == "assistant_message" for part in item["content"]]
        return Reply("".join(said), events)


async def _events(response: Any) -> AsyncIterator[dict[str, Any]]:
    body = b"".join([chunk async for chunk in response])
    for line in body.splitlines():
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def canned_agent(answer: str) -> Any:
    """An agent for ``AGENTS`` that always says the same, without a model. Needs the extra ``server``."""

    async def respond(thread: Any, item: Any, context: Any) -> AsyncIterator[Any]:
        from chatkit.types import AssistantMessageContent, AssistantMessageItem, ThreadItemDoneEvent

        content = [AssistantMessageContent(text=answer)]
        now = datetime.now()  # noqa: DTZ005 (as the SDK's own)
        yield ThreadItemDoneEvent(
            item=AssistantMessageItem(id="answer", thread_id=thread.id, created_at=now, content=content)
        )

    return respond
