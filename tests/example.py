"""The example project for tests: its settings, its tables, and the whole of it as a program of its own."""

from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.test import override_settings

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "example_project"
#: What the example reads from the environment.
VARIABLES = (
    "CHATKIT_DEMO_LIVE",
    "CHATKIT_DEMO_MODEL",
    "CHATKIT_DEMO_PORT",
    "CHATKIT_DEMO_DATABASE",
    "CHATKIT_OPENAI_API_KEY",
    "OPENAI_API_KEY",
)


def read_settings() -> dict[str, Any]:
    """The example's settings, as the environment is now."""
    values = runpy.run_path(str(EXAMPLE / "config/settings.py"))
    return {name: value for name, value in values.items() if name.isupper()}


@contextmanager
def shop_tables() -> Iterator[None]:
    """The shop's tables in the database of the tests. Not within a transaction: SQLite and MariaDB could not."""
    with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "shop"]):
        call_command("migrate", "shop", verbosity=0)
        try:
            yield
        finally:
            from django.contrib.contenttypes.models import ContentType

            call_command("migrate", "shop", "zero", verbosity=0)
            ContentType.objects.filter(app_label="shop").delete()
            forget_admin()


def forget_admin() -> None:
    """Take the shop out of the admin, which found it among the apps and would look for it when it is none any more."""
    for model in [model for model in admin.site._registry if model._meta.app_label == "shop"]:
        admin.site.unregister(model)
    sys.modules.pop("shop.admin", None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment_of_a_stranger(database: Path) -> dict[str, str]:
    """A key that must not be used and a proxy that does not work."""
    unwanted = (*VARIABLES, "DJANGO_SETTINGS_MODULE", "no_proxy", "NO_PROXY")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    return environment | {
        "CHATKIT_DEMO_DATABASE": str(database),
        "OPENAI_API_KEY": "sk-must-not-be-used",
        "PYTHONPATH": str(ROOT),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }


class Demo:
    """``with Demo(folder) as demo``: the demo, served by its own command in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "demo.sqlite3"
        self.log = folder / "log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Demo:
        command = [sys.executable, str(EXAMPLE / "manage.py"), "demo", "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, env=environment_of_a_stranger(self.database)
            )
        try:
            self._wait()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            sys.stdout.write(self.log.read_text())

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError(f"The demo does not listen: {self.log.read_text()}")
