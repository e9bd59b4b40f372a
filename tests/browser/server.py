"""The example project as a program of its own, on a free port, with a database of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MANAGE = ROOT / "example_project" / "manage.py"
STANDIN = ROOT / "example_project" / "openai_standin" / "static" / "openai_standin" / "chatkit.js"
OPENAI_SCRIPT = "https://cdn.platform.openai.com/deployments/chatkit/chatkit.js"
#: The demo runs "support" itself and gives it a look; most of these tests want OpenAI to, and ChatKit's own look.
PLAIN = """
UPDATE django_chatkit_workflow SET backend = 'hosted', chatkit_configuration_id = NULL, accent = '', radius = '',
title = '', greeting = '', prompts = '[]', placeholder = '', disclaimer = '', frame_title = '' WHERE slug = 'support'
"""


def make_database(path: Path) -> Path:
    """The demo's database with the workflows of these tests, to be copied for each server."""
    run("demo", "--no-serve", database=path)
    run("loaddata", str(Path(__file__).with_name("workflows.json")), database=path)
    execute(path, PLAIN)
    return path


def execute(database: Path, sql: str, *values: Any) -> None:
    """Change a database behind the site's back."""
    connection = sqlite3.connect(database, timeout=10)
    with connection:
        connection.execute(sql, values)
    connection.close()


def run(*arguments: str, database: Path) -> None:
    command = [sys.executable, str(MANAGE), *arguments]
    subprocess.run(command, env=environment(database, {}), check=True, capture_output=True)


def environment(database: Path, settings: dict[str, Any]) -> dict[str, str]:
    return {
        **os.environ,
        "CHATKIT_DEMO_DATABASE": str(database),
        "CHATKIT_DEMO_LIVE": "",
        "CHATKIT_TEST_SETTINGS": json.dumps(settings),
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "PYTHONPATH": str(ROOT),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """``with Server(…) as server``: ``server.url`` answers. ``settings`` override those of the example project."""

    def __init__(self, database: Path, directory: Path, settings: dict[str, Any]) -> None:
        self.database = Path(shutil.copy(database, directory / "server.sqlite3"))
        self.log = directory / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment(self.database, settings)

    def __enter__(self) -> Server:
        command = [sys.executable, str(MANAGE), "demo", "--port", str(self.port)]
        self.output = self.log.open("wb")
        self.process = subprocess.Popen(command, env=self.environment, stdout=self.output, stderr=subprocess.STDOUT)
        self._wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        self.output.close()

    def _wait(self) -> None:
        for _ in range(150):
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
            except urllib.error.URLError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.2)
            else:
                return
        raise AssertionError(self.log.read_text())

    def upstream_calls(self) -> int:
        """How many sessions the stand-in for OpenAI's API was asked for."""
        return len(re.findall(r'"POST /openai/v1/chatkit/sessions HTTP', self.log.read_text()))

    def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        connection = sqlite3.connect(self.database, timeout=10)
        rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def execute(self, sql: str, *values: Any) -> None:
        execute(self.database, sql, *values)
