"""The two servers: one uvicorn worker each, in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psutil
from django.db import connections
from django.test import override_settings

from django_chatkit.models import Workflow
from tests.server.attacks.attacked import AttackedServer
from tests.server.issued import issue

BACKLOG = "2048"
SLUG = "crowd"
SETTINGS = {"DJANGO_CHATKIT": {"AGENTS": {"words": "tests.benchmarks.open_streams.agent.respond"}}}


class Contender(AttackedServer):
    """A worker, and who may talk to it: a path and a secret for each client."""

    path: str
    secrets: list[str]

    def __init__(self, database: str, folder: Path, **settings: Any) -> None:
        super().__init__("uvicorn", database, folder, "--backlog", BACKLOG, **settings)

    @property
    def threads(self) -> int:
        return psutil.Process(self._pid).num_threads()

    @property
    def cpu(self) -> float:
        """Seconds that it has used."""
        spent = psutil.Process(self._pid).cpu_times()
        return float(spent.user + spent.system)


class OurServer(Contender):
    """The app as the documentation recommends it, with ``BodyLimit``, and a session for each of so many users."""

    path = f"/chatkit/chat/{SLUG}/"

    def __init__(self, database: str, folder: Path, users: int) -> None:
        super().__init__(database, folder, **SETTINGS)
        workflow = Workflow.objects.create(
            slug=SLUG, name=SLUG, backend=Workflow.Backend.SELF_HOSTED, agent="words", max_requests_per_1_minute=1000
        )
        with override_settings(**SETTINGS):
            self.secrets = [issue(workflow, f"user-{number}").client_secret for number in range(users)]
        connections.close_all()  # or it would count as one of the server's


class FastAPIServer(Contender):
    path = "/chat/"
    secrets: list[str] = []  # noqa: RUF012 - it asks for none

    def _command(self) -> list[str]:
        command = super()._command()
        return [sys.executable, *command[1:-1], "tests.benchmarks.open_streams.rival:app"]
