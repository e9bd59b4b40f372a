"""``manage.py demo``: migrate, load the demo's data, and serve."""

from __future__ import annotations

import os
import socket
import sys
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser, call_command

from django_chatkit.conf import conf
from django_chatkit.models import Workflow
from shop.demo_data import LOGINS, current_workflow, load_shop, load_users, load_workflow

HOST = "127.0.0.1"
#: Seconds that streams which are still open get to end after Ctrl-C.
GRACE = 1


class Command(BaseCommand):
    """Everything the example needs, in one command that can be repeated."""

    help = "Sets the example up and serves it on this machine only."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.CHATKIT_DEMO_PORT, help="The port to serve on.")
        parser.add_argument(
            "--workflow-id",
            help="With CHATKIT_DEMO_LIVE=1: let OpenAI run this workflow of yours (wf_…), not this site its agent.",
        )
        parser.add_argument("--no-serve", action="store_false", dest="serve", help="Only set it up.")

    def handle(self, *, port: int, workflow_id: str | None, serve: bool, **options: Any) -> None:
        if serve:
            require_server()
            require_free(port)
        if settings.CHATKIT_DEMO_LIVE:
            require_key()
        elif workflow_id:
            raise CommandError("--workflow-id is for CHATKIT_DEMO_LIVE=1: the stand-in has a workflow of its own.")
        call_command("migrate", verbosity=0)
        workflow = load(workflow_id)
        self.stdout.write(welcome(port, workflow))
        if serve:
            run_server(port)


def require_server() -> None:
    """Raise ``CommandError`` if what serves the site is not installed."""
    if not (find_spec("uvicorn") and find_spec("chatkit")):
        raise CommandError(
            "The demo needs the extra packages of: pip install '.[demo]'  (in a clone of the repository)"
        )


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


def load(workflow_id: str | None) -> Workflow:
    """The demo's data. ``workflow_id`` is what the person at the terminal asked for."""
    load_users()
    load_shop()
    try:
        return load_workflow(workflow_id or known_workflow_id(), hosted=bool(workflow_id))
    except ValidationError as err:
        raise CommandError("\n".join(err.messages)) from err


def known_workflow_id() -> str:
    """What OpenAI runs if it runs the workflow: the stand-in's; live, the one of last time."""
    if not settings.CHATKIT_DEMO_LIVE:
        return str(settings.CHATKIT_DEMO_WORKFLOW_ID)
    workflow = current_workflow()
    known = workflow.workflow_id if workflow else ""
    return "" if known == settings.CHATKIT_DEMO_WORKFLOW_ID else known


def welcome(port: int, workflow: Workflow) -> str:
    """What the person who started the demo needs to know."""
    who = "\n".join(f"{'':14}{f'{login.name} / {login.name}':15}{login.who}" for login in LOGINS).lstrip()
    return (
        "\nKettle & Moss, the example of django-openai-chatkit\n\n"
        f"  Open        http://{HOST}:{port}/\n"
        f"  Log in      {who}\n"
        f"  Admin       http://{HOST}:{port}/admin/\n"
        f"  Answers by  {answers_by(workflow)}\n"
        "  Stop        Ctrl-C\n"
    )


def answers_by(workflow: Workflow) -> str:
    """Who answers in the chat."""
    if not workflow.is_self_hosted:
        return (
            f"OpenAI, which runs {workflow.workflow_id} with your key and at your cost."
            if settings.CHATKIT_DEMO_LIVE
            else "a stand-in for OpenAI inside this server. No account, no key, nothing leaves this machine."
        )
    if settings.CHATKIT_DEMO_LIVE:
        return "the agent of this site, over a model of OpenAI's, with your key and at your cost."
    return "the agent of this site, over a small local model. No account, no key, nothing leaves this machine."


def run_server(port: int) -> None:
    """Become uvicorn: a new program, because the settings have already read the port of the stand-in."""
    # A proxy in the environment must not be asked for the stand-in.
    direct = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), HOST]))
    environment = {**os.environ, "CHATKIT_DEMO_PORT": str(port), "NO_PROXY": direct, "no_proxy": direct}
    if not settings.CHATKIT_DEMO_LIVE:
        environment["OPENAI_AGENTS_DISABLE_TRACING"] = "1"  # whatever a workflow says: nothing leaves this machine
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--app-dir", str(settings.BASE_DIR)]
    command += ["--host", HOST, "--port", str(port), "--lifespan", "off", "--timeout-graceful-shutdown", str(GRACE)]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606
