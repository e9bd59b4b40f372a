from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .administration import Administration
from .server import OPENAI_SCRIPT, Server, make_database
from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("database") / "demo.sqlite3")


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    """What differs from the example project's settings. Modules override it."""
    return {}


@pytest.fixture(scope="module")
def server(
    database: Path, tmp_path_factory: pytest.TempPathFactory, server_settings: dict[str, Any]
) -> Iterator[Server]:
    with Server(database, tmp_path_factory.mktemp("server"), server_settings) as running:
        yield running


def chromium_path() -> str | None:
    """Chromium from ``CHROMIUM``, from the ``PATH``, or else the one that Playwright installed."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=["--js-flags=--expose-gc"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def login(chromium: Browser, server: Server) -> list[Any]:
    """The cookies of ``demo``, logged in."""
    visitor = Visitor(chromium, server)
    visitor.log_in()
    cookies: list[Any] = visitor.context.cookies()
    visitor.close()
    return cookies


@pytest.fixture
def visitor(chromium: Browser, server: Server) -> Iterator[Visitor]:
    """Somebody with a browser of their own. The test fails if a script of the page did not catch an error."""
    visitor = Visitor(chromium, server)
    yield visitor
    visitor.close()
    assert visitor.uncaught == []


@pytest.fixture
def logged_in(visitor: Visitor, login: list[Any]) -> Visitor:
    """Somebody who is logged in as ``demo`` and has opened no chat yet."""
    visitor.context.add_cookies(login)
    return visitor


@pytest.fixture
def administration(chromium: Browser, server: Server) -> Iterator[Administration]:
    """Windows of the demo's administrator. The test fails if a script threw or anything was refused."""
    administration = Administration(chromium, server)
    yield administration
    administration.close()
    assert administration.problems == []


@pytest.fixture
def standin(visitor: Visitor) -> Visitor:
    """A page with the stand-in component alone, as ``window.chat``, and its errors in ``seen``."""
    visitor.open(f'<script src="{OPENAI_SCRIPT}"></script>')
    visitor.page.evaluate("""async () => {
      await customElements.whenDefined("openai-chatkit");
      window.chat = document.createElement("openai-chatkit");
      chat.addEventListener("chatkit.error", (event) => seen.push(event.detail.error.message));
    }""")
    return visitor
