"""The example's agent over OpenAI's API, which is played by a server of the test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from agents import Agent, RunConfig, Runner
from agents.models import get_default_model
from shop.local_model import events_of, message

from ..example import forget_admin


class ResponsesAPI(HTTPServer):
    """Streams "From far away." and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Message, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: ResponsesAPI

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers, body))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in events_of(message("From far away.")):
            self.wfile.write(f"event: {event.type}\ndata: {event.model_dump_json()}\n\n".encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Not to the terminal."""


@pytest.fixture
def api() -> Iterator[ResponsesAPI]:
    with ResponsesAPI() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def live(settings, api, monkeypatch):
    """The settings of the live demo, as far as the agent reads them."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "shop"]
    settings.CHATKIT_DEMO_LIVE = True
    settings.CHATKIT_DEMO_MODEL = None
    base_url = f"http://127.0.0.1:{api.server_port}/v1"
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-live", "BASE_URL": base_url, "ORGANIZATION": "org-1", "PROJECT": "proj-1"}
    yield settings
    forget_admin()


@pytest.mark.parametrize("name", [None, "gpt-some-other"])
def test_the_agents_model_is_asked_with_the_key_of_the_site(live, api, name):
    from shop.agent import assistant, model

    live.CHATKIT_DEMO_MODEL = name
    agent = Agent(name="Shop", instructions="Be kind.", model=model(), tools=assistant.tools)
    result = run(agent, "Where is my parcel?")
    assert result == "From far away."
    [(path, headers, body)] = api.asked
    assert path == "/v1/responses"
    assert headers["Authorization"] == "Bearer sk-live"
    assert (headers["OpenAI-Organization"], headers["OpenAI-Project"]) == ("org-1", "proj-1")
    assert body["model"] == (name or get_default_model())
    assert [tool["name"] for tool in body["tools"]] == ["show_order", "list_orders", "ask_to_cancel", "find_teas"]
    assert "user" not in json.dumps([tool["parameters"] for tool in body["tools"]])


def run(agent: Agent[Any], question: str) -> str:
    async def streamed() -> str:
        result = Runner.run_streamed(agent, question, run_config=RunConfig(tracing_disabled=True))
        async for _ in result.stream_events():
            pass
        await agent.model._client.close()
        return str(result.final_output)

    return asyncio.run(streamed())
