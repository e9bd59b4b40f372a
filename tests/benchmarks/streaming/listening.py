"""What clients ask, and what they hear. They are in a process of their own: see ``hearing``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Conversation:
    """Each of ``bearers`` is a client with a connection of its own, and begins ``threads`` one after another."""

    port: int
    path: str
    bearers: list[str]
    text: str
    threads: int = 1

    def request(self, bearer: str) -> bytes:
        message = {
            "content": [{"type": "input_text", "text": self.text}],
            "attachments": [],
            "quoted_text": None,
            "inference_options": {},
        }
        body = json.dumps({"type": "threads.create", "params": {"input": message}})
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bearer}\r\n"
            f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@dataclass
class Heard:
    """``events`` in so many ``seconds`` altogether; the others have a time for each thread, in seconds as well."""

    events: int = 0
    seconds: float = 0.0
    first_event: list[float] = field(default_factory=list)
    first_word: list[float] = field(default_factory=list)


class Listeners:
    """The process that the clients are in."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def hear(self, conversation: Conversation) -> Heard:
        self._process.stdin.write(json.dumps(asdict(conversation)) + "\n")
        self._process.stdin.flush()
        return Heard(**json.loads(self._process.stdout.readline()))


@contextmanager
def listeners() -> Iterator[Listeners]:
    command = [sys.executable, "-m", "tests.benchmarks.streaming.hearing"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        yield Listeners(process)
