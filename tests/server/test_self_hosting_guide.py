"""The code of docs/self-hosting.md does what the guide says."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import threading
import unittest
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from agents import Agent
from asgiref.sync import async_to_sync
from chatkit.types import AudioInput, ProgressUpdateEvent, ThreadUpdatedEvent, TranscriptionResult, WidgetItem
from django.core.files.storage import storages
from django.core.management import get_commands
from django.db.utils import ConnectionHandler
from django.test import RequestFactory

from django_chatkit import sessions
from django_chatkit.conf import conf
from django_chatkit.models import Workflow
from django_chatkit.server.agents import kind_problem, server_for, titles
from django_chatkit.server.asgi import BodyLimit
from django_chatkit.server.attachments import DjangoAttachmentStore
from django_chatkit.server.context import ChatKitContext
from django_chatkit.server.store import DjangoStore
from django_chatkit.signals import feedback_given

from .chat import Caller, act, add, create, feedback
from .issued import Issued, issue
from .local_model import Input, LocalModel, call
from .talk import ask, stored

GUIDE = (Path(__file__).parents[2] / "docs" / "self-hosting.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^( *)```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Every block of Python: the file that its first line names, and the code."""
    found = [re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE) for match in BLOCK.finditer(GUIDE)]
    return [(code.partition("\n")[0].removeprefix("# "), code) for code in found]


@pytest.fixture
def mysite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package that a reader of the guide would have."""
    package = tmp_path / "mysite"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, code in blocks():
        if name.startswith("mysite/"):
            (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    yield package
    for name in [each for each in sys.modules if each.partition(".")[0] == "mysite"]:
        del sys.modules[name]


@pytest.fixture
def guide_settings(settings: Any) -> dict[str, Any]:
    """All that the guide has for settings.py; ``AGENTS`` is in force."""
    values: dict[str, Any] = {}
    for name, code in blocks():
        if name == "settings.py":
            exec(code, values)
    settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, **values["DJANGO_CHATKIT"]}
    return values


@pytest.fixture
def context_of(mysite: Path, guide_settings: Any, inline: None, django_user_model: Any, db: None) -> Any:
    """The context of a user's session with the agent of this name."""

    def made(agent: str) -> ChatKitContext:
        user = django_user_model.objects.create_user("zoe")
        workflow = Workflow.objects.create(
            slug="help", name="Help", backend="self_hosted", agent=agent, state_variables={"plan": "gold"}
        )
        session = issue(workflow, "user-1").session
        session.user = user
        return ChatKitContext.of(RequestFactory().post("/"), session)

    return made


def give(agent: Agent[Any], say: Any) -> LocalModel:
    """A model without a network for an agent of the guide."""
    agent.model = model = LocalModel(say)
    return model


def test_every_block_is_python_and_has_a_place() -> None:
    names = [name for name, _ in blocks()]

    for _, code in blocks():
        ast.parse(code)
    assert all(name == "settings.py" or re.fullmatch(r"mysite/\w+\.py", name) for name in names)
    assert len(names) == len(re.findall(r"```python", GUIDE))


@pytest.mark.parametrize("name", ["support", "orders", "team", "tools"])
def test_every_agent_of_the_guide_can_be_one(name: str, mysite: Path, guide_settings: Any) -> None:
    assert set(conf.AGENTS) == {"support", "orders", "team", "tools"}
    assert kind_problem(conf.agent(name)) is None


def test_an_agent(context_of: Any) -> None:
    context = context_of("support")
    model = give(importlib.import_module("mysite.agents").support, lambda *_: "Hello Zoe")

    events = ask("Hello", context)

    assert events.text == "Hello Zoe"
    assert "You answer questions about our shop. Be brief." in {instructions for instructions, _ in model.asked}
    assert [event.thread.title for event in events.of(ThreadUpdatedEvent)] == ["Hello Zoe"]


def test_a_generator(context_of: Any) -> None:
    context = context_of("orders")

    first = ask("Hello", context)
    second = ask(add(first.thread_id), context)

    assert first.text == second.text == "You have 0 orders."
    assert first.done[-1].id == "answer"
    assert second.done[-1].id.startswith("msg_")
    assert [event.text for event in first.of(ProgressUpdateEvent)] == ["Looking…"]


@pytest.mark.parametrize(("sort", "answer"), [("sales", "Buy tea"), ("help", "I will help")])
def test_a_server(sort: str, answer: str, context_of: Any) -> None:
    context = context_of("team")
    chat = importlib.import_module("mysite.chat")
    give(chat.sorter, lambda *_: sort)
    give(chat.sales, lambda *_: "Buy tea")
    give(chat.help_desk, lambda *_: "I will help")

    events = ask("Hello", context)
    acted = ask(act(events.thread_id), context)

    assert events.text == answer
    assert [event.thread.title for event in events.of(ThreadUpdatedEvent)] == ["Question of zoe"]
    assert [event.text for event in acted.of(ProgressUpdateEvent)] == ["You pressed press"]


class Transcriptions(BaseHTTPRequestHandler):
    """OpenAI's endpoint, which always hears the same."""

    heard: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"text": "Hello"}')

    def log_message(self, *_: Any) -> None: ...


def test_dictation(context_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with HTTPServer(("127.0.0.1", 0), Transcriptions) as openai:
        threading.Thread(target=openai.handle_request, daemon=True).start()
        monkeypatch.setenv("OPENAI_API_KEY", "sk-tests")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{openai.server_port}/v1")
        context = context_of("team")
        server = server_for(context.session, DjangoStore(), DjangoAttachmentStore())
        audio = AudioInput(data=b"some sound", mime_type="audio/webm;codecs=opus")

        assert async_to_sync(server.transcribe)(audio, context) == TranscriptionResult(text="Hello")

    [sent] = Transcriptions.heard
    assert b"gpt-4o-transcribe" in sent
    assert b"some sound" in sent
    assert b"Content-Type: audio/webm\r\n" in sent


def test_tools_and_state_variables(context_of: Any) -> None:
    def say(instructions: str, given: Input) -> Any:
        if instructions == titles.INSTRUCTIONS:
            return "Membership"
        return "You are a member" if "function_call_output" in str(given) else call("my_groups")

    context = context_of("tools")
    context.user.groups.create(name="Members")
    model = give(importlib.import_module("mysite.tools").assistant, say)

    events = ask("Who am I?", context)

    told = "You answer questions about our shop. The visitor's plan: gold."
    assert told in {instructions for instructions, _ in model.asked}
    assert events.text == "You are a member"
    [widget] = [item for item in stored(events.thread_id) if isinstance(item, WidgetItem)]
    assert '"Members"' in widget.widget.model_dump_json()


def test_asgi(mysite: Path) -> None:
    assert isinstance(importlib.import_module("mysite.asgi").application, BodyLimit)


def test_feedback(context_of: Any, capsys: pytest.CaptureFixture[str]) -> None:
    context = context_of("orders")
    issued = sessions.create_session(context.workflow, user=context.user)
    caller = Caller(Issued(issued.session, str(issued.client_secret)))
    note = importlib.import_module("mysite.receivers").note
    try:
        events = caller.ask(create())
        caller.ask(feedback(events.thread_id, "answer"))
    finally:
        feedback_given.disconnect(note)

    assert capsys.readouterr().out == f"positive: 1 items of {events.thread_id}\n"


def test_the_test(mysite: Path, guide_settings: Any, db: None) -> None:
    tests = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module("mysite.tests"))

    result = tests.run(unittest.TestResult())

    assert (result.testsRun, result.errors, result.failures) == (1, [], [])


def test_settings_of_the_guide(db: None, guide_settings: Any, settings: Any, tmp_path: Path) -> None:
    """The storage of its own, and a database that Django can open."""
    guide_settings["STORAGES"]["chatkit"]["OPTIONS"]["location"] = str(tmp_path)
    settings.STORAGES = guide_settings["STORAGES"]
    guide_settings["DATABASES"]["default"]["NAME"] = str(tmp_path / "db.sqlite3")
    connection = ConnectionHandler(guide_settings["DATABASES"])["default"]

    assert storages["chatkit"].path("a") == str(tmp_path / "a")
    with connection.temporary_connection() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
    connection.close()


def test_commands_and_links_exist() -> None:
    commands = {name for name, app in get_commands().items() if app == "django_chatkit"}
    named = set(re.findall(r"(\w+_chatkit_\w+)", GUIDE))
    anchors = re.findall(r"\]\(#([\w-]+)\)", GUIDE)
    headings = [title.lower().replace(" ", "-") for title in re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)]

    assert named <= commands
    assert named
    assert set(anchors) <= set(headings)
