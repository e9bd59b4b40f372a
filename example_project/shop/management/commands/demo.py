"""``manage.py demo``: migrate, load the demo's users and workflow, and serve."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser, call_command

from django_chatkit.conf import conf
from shop.demo_data import LOGINS, current_workflow_id, load_users, load_workflow

HOST = "127.0.0.1"


class Command(BaseCommand):
    """Everything the example needs, in one command that can be repeated."""

    help = "Sets the example up and serves it on this machine only."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.CHATKIT_DEMO_PORT, help="The port to serve on.")
        parser.add_argument("--workflow-id", help="OpenAI's id of your workflow (wf_…), with CHATKIT_DEMO_LIVE=1.")
        parser.add_argument("--no-serve", action="store_false", dest="serve", help="Only set it up.")

    def handle(self, *, port: int, workflow_id: str | None, serve: bool, **options: Any) -> None:
        if serve:
            require_free(port)
        if settings.CHATKIT_DEMO_LIVE:
            require_key()
        elif workflow_id:
            raise CommandError("--workflow-id is for CHATKIT_DEMO_LIVE=1: the stand-in has a workflow of its own.")
        call_command("migrate", verbosity=0)
        self.load(workflow_id or wanted_workflow_id())
        self.stdout.write(welcome(port))
        if serve:
            run_server(port)

    def load(self, workflow_id: str) -> None:
        load_users()
        try:
            load_workflow(workflow_id)
        except ValidationError as err:
            raise CommandError("\n".join(err.messages)) from err


def require_free(port: int) -> None:
    """Raise ``CommandError`` if the server could not listen on ``port``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as err:
            raise CommandError(f"Cannot listen on port {port} ({err}). Choose another one: demo --port 8001") from err


def require_key() -> None:
    """Raise ``CommandError`` if there is no key to talk to OpenAI with."""
    if conf.API_KEY is None:
        raise CommandError("CHATKIT_DEMO_LIVE=1 needs an OpenAI API key in CHATKIT_OPENAI_API_KEY or OPENAI_API_KEY.")


def wanted_workflow_id() -> str:
    """The stand-in's workflow; live: the one of last time, or what the person at the terminal types."""
    if not settings.CHATKIT_DEMO_LIVE:
        return str(settings.CHATKIT_DEMO_WORKFLOW_ID)
    known = current_workflow_id()
    if known == settings.CHATKIT_DEMO_WORKFLOW_ID:
        known = None
    wanted = (ask_for_workflow_id(known) if sys.stdin.isatty() else "") or known
    if not wanted:
        raise CommandError("Which workflow? Name it with: demo --workflow-id wf_…")
    return wanted


def ask_for_workflow_id(known: str | None) -> str:
    """What the person at the terminal types, which may be nothing."""
    sys.stdout.write(f"Workflow id from OpenAI's Agent Builder (wf_…){f' [{known}]' if known else ''}: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip()


def welcome(port: int) -> str:
    """What the person who started the demo needs to know."""
    who = "\n".join(f"{'':14}{f'{login.name} / {login.name}':15}{login.who}" for login in LOGINS).lstrip()
    answers = (
        "OpenAI, with your key and at your cost."
        if settings.CHATKIT_DEMO_LIVE
        else "a stand-in inside this server. No account, no key, nothing leaves this machine."
    )
    return (
        "\nKettle & Moss, the example of django-openai-chatkit\n\n"
        f"  Open        http://{HOST}:{port}/\n"
        f"  Log in      {who}\n"
        f"  Admin       http://{HOST}:{port}/admin/\n"
        f"  Answers by  {answers}\n"
    )


def run_server(port: int) -> None:
    """Become ``runserver``: a new program, because the settings have already read the port of the stand-in."""
    # A proxy in the environment must not be asked for the stand-in.
    direct = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), HOST]))
    environment = {**os.environ, "CHATKIT_DEMO_PORT": str(port), "NO_PROXY": direct, "no_proxy": direct}
    manage = str(settings.BASE_DIR / "manage.py")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, manage, "runserver", "--noreload", f"{HOST}:{port}"], environment)  # noqa: S606
