"""A visitor of the demo over HTTP: logs in as the pages do, and talks to the chat as OpenAI's component does."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import requests


class Shopper:
    """``Shopper(url, "demo")`` is logged in. ``Accept-Language`` is ``language``."""

    def __init__(self, url: str, name: str, language: str = "en") -> None:
        self.url = url
        self.browser = requests.Session()
        self.browser.trust_env = False
        self.browser.headers["Accept-Language"] = language
        self._log_in(name)

    def _log_in(self, name: str) -> None:
        page = self.browser.get(f"{self.url}/accounts/login/?next=/chat/", timeout=30)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found
        form = {"username": name, "password": name, "next": "/chat/", "csrfmiddlewaretoken": found[1]}
        self.page = self.browser.post(f"{self.url}/accounts/login/", form, timeout=30)
        assert self.page.url == f"{self.url}/chat/"

    def new_session(self) -> requests.Response:
        """The answer to the request that the page's tag makes."""
        return self.browser.post(
            f"{self.url}/chatkit/sessions/",
            json={"workflow": "support"},
            headers={"X-CSRFToken": self.browser.cookies["csrftoken"]},
            timeout=30,
        )

    def open_chat(self) -> Shopper:
        """Get a secret, and know where to send it."""
        response = self.new_session()
        assert response.status_code in (200, 201), response.text
        self.secret = response.json()["client_secret"]
        self.chat_url = self.url + response.headers["X-ChatKit-URL"]
        return self

    def post(self, kind: str, **params: Any) -> requests.Response:
        """One request of the component, which sends no cookie."""
        return requests.post(
            self.chat_url,
            json={"type": kind, "params": params},
            headers={"Authorization": f"Bearer {self.secret}"},
            proxies={"http": ""},
            stream=True,
            timeout=60,
        )

    def stream(self, kind: str, **params: Any) -> list[tuple[float, dict[str, Any]]]:
        """The events, each with the seconds since the first one."""
        with self.post(kind, **params) as response:
            assert response.headers["Content-Type"].startswith("text/event-stream"), response.text
            lines = ((time.monotonic(), line) for line in response.iter_lines() if line)
            events = [(at, json.loads(line.removeprefix(b"data: "))) for at, line in lines]
        return [(at - events[0][0], event) for at, event in events]

    def ask(self, text: str, *, thread_id: str | None = None, attachments: tuple[str, ...] = ()) -> Answer:
        """Write something, in a new thread or in this one."""
        content = [{"type": "input_text", "text": text}]
        message = {"content": content, "attachments": attachments, "quoted_text": None, "inference_options": {}}
        if thread_id is None:
            return Answer(self.stream("threads.create", input=message))
        return Answer(self.stream("threads.add_user_message", thread_id=thread_id, input=message))

    def press(self, button: dict[str, Any], *, thread_id: str, item_id: str | None = None) -> Answer:
        """Press a button: ``button`` is its action."""
        action = {"type": button["type"], "payload": button.get("payload")}
        return Answer(self.stream("threads.custom_action", thread_id=thread_id, item_id=item_id, action=action))


class Answer:
    """What came back, as events with their times."""

    def __init__(self, timed: list[tuple[float, dict[str, Any]]]) -> None:
        self.timed = timed
        self.events = [event for _, event in timed]
        assert "error" not in [event["type"] for event in self.events], self.events

    def items(self, kind: str, event: str = "thread.item.done") -> list[dict[str, Any]]:
        """The finished (or replaced) items of this kind."""
        found = [found["item"] for found in self.events if found["type"] == event]
        return [item for item in found if item["type"] == kind]

    @property
    def thread_id(self) -> str:
        """Of a new thread."""
        return str(self.events[0]["thread"]["id"])

    @property
    def title(self) -> str | None:
        titles = [event["thread"].get("title") for event in self.events if event["type"] == "thread.updated"]
        return titles[-1] if titles else None

    @property
    def text(self) -> str:
        """What the assistant says."""
        return "\n".join(item["content"][0]["text"] for item in self.items("assistant_message"))

    @property
    def widget(self) -> dict[str, Any]:
        """The only widget."""
        [item] = self.items("widget")
        return item

    @property
    def pieces(self) -> list[tuple[float, str]]:
        """The text as it came: seconds since the first event, and words."""
        updates = [(at, event["update"]) for at, event in self.timed if event["type"] == "thread.item.updated"]
        return [(at, update["delta"]) for at, update in updates if "delta" in update]


def actions_in(widget: Any) -> dict[str, dict[str, Any]]:
    """Every action of a widget, by the type of the action."""
    found = {}
    if isinstance(widget, dict):
        if "type" in widget and "handler" in widget:
            found[widget["type"]] = widget
        for value in widget.values():
            found |= actions_in(value)
    elif isinstance(widget, list):
        for value in widget:
            found |= actions_in(value)
    return found


def texts_in(widget: Any) -> list[str]:
    """Every text of a widget, in order."""
    if isinstance(widget, dict):
        own = [widget[name] for name in ("value", "label") if isinstance(widget.get(name), str)]
        return own + [text for value in widget.values() for text in texts_in(value)]
    return [text for value in widget for text in texts_in(value)] if isinstance(widget, list) else []
