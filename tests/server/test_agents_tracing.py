"""Traces go to OpenAI, whoever's model it is: only where the workflow says so."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from agents import Agent, set_trace_processors
from agents.tracing import get_trace_provider
from agents.tracing.processors import BackendSpanExporter, BatchTraceProcessor, default_processor
from django.test import RequestFactory

from django_chatkit.models import Workflow
from django_chatkit.server.context import ChatKitContext

from .issued import issue
from .local_model import LocalModel
from .talk import ask


class Ingest(HTTPServer):
    """Where traces arrive."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces/ingest"


class Handler(BaseHTTPRequestHandler):
    server: Ingest

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received += body["data"]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    server = Ingest()
    exporter = BackendSpanExporter(api_key="sk-tests", endpoint=server.url)
    processor = BatchTraceProcessor(exporter, schedule_delay=0.01)
    set_trace_processors([processor])
    yield server
    set_trace_processors([default_processor()])
    processor.shutdown()
    exporter.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that anybody in this process wants to reach."""
    hosts: list[str] = []

    def getaddrinfo(host: Any, *_: Any, **__: Any) -> Any:
        hosts.append(str(host))
        raise socket.gaierror(socket.EAI_NONAME, "no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return hosts


def context_of(workflow: Workflow, *, tracing: bool | None) -> ChatKitContext:
    workflow.tracing_enabled = tracing
    workflow.save()
    return ChatKitContext.of(RequestFactory().post("/"), issue(workflow, "zoe@example.com").session)


@pytest.mark.parametrize("tracing", [None, False])
def test_nothing_is_traced_unless_the_workflow_says_so(
    *,
    tracing: bool | None,
    inline: None,
    workflow: Workflow,
    agents: dict[str, Any],
    ingest: Ingest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not even with a key in the environment, which is all that the agents SDK waits for."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-tests-environment")
    agents["echo"] = Agent(name="Help", model=LocalModel(lambda *_: "Hello"))
    context = context_of(workflow, tracing=tracing)

    events = ask("Hello", context)
    get_trace_provider().force_flush()

    assert context.session.tracing_enabled is False
    assert events.text == "Hello"
    assert ingest.received == []


def test_a_model_of_ones_own_needs_no_network(
    inline: None,
    context: ChatKitContext,
    agents: dict[str, Any],
    lookups: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The agents SDK as it is: with its own exporter, and a key that it would use."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-tests-environment")
    agents["echo"] = Agent(name="Help", model=LocalModel(lambda *_: "Hello"))

    events = ask("Hello", context)
    get_trace_provider().force_flush()

    assert events.text == "Hello"
    assert lookups == []


def test_what_a_trace_tells(inline: None, workflow: Workflow, agents: dict[str, Any], ingest: Ingest) -> None:
    """Which agent, which workflow, which thread; not whose."""
    agents["echo"] = Agent(name="Help", model=LocalModel(lambda *_: "Hello"))
    context = context_of(workflow, tracing=True)

    thread_id = ask("Hello", context).thread_id
    get_trace_provider().force_flush()

    traces = [each for each in ingest.received if each["object"] == "trace"]
    assert {(each["workflow_name"], each["group_id"]) for each in traces} == {("echo", thread_id)}
    assert {json.dumps(each["metadata"]) for each in traces} == {'{"workflow": "help"}'}
    assert [each for each in ingest.received if each["object"] == "trace.span"] != []
    assert "zoe@example.com" not in json.dumps(ingest.received)
    assert context.user_key not in json.dumps(ingest.received)
