"""``python -m tests.browser.screenshots``: the pictures of the README, taken anew from the example project."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from .conftest import chromium_path
from .server import ROOT, Server, run
from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DOCS = ROOT / "docs"
ADMIN = "/admin/django_chatkit/workflow/"
READY = "openai-chatkit[data-ready]"
#: Workflows beside the demo's own, so that there is something to compare: slug, name, sessions of a usual day.
OTHERS = (("returns", "Returns", 9), ("wholesale", "Wholesale", 4))
USUAL = 17
DAYS = 60
WORKFLOW = """INSERT INTO django_chatkit_workflow ({names}, slug, name)
    SELECT {names}, ?, ? FROM django_chatkit_workflow WHERE slug = 'support'"""
SESSION = """INSERT INTO django_chatkit_chatsession (session_id, user_id, user_identifier, user_key, login_key,
    workflow_pk, backend, secret_digest, workflow_id, workflow_version, state_variables, chatkit_configuration, status,
    created_at, expires_at, ended_at, request_id)
    SELECT ?, NULL, 'visitor', 'key', '', id, 'hosted', '', 'wf_demo_support', '', '{}', '{}', ?, ?, ?, ?, ''
    FROM django_chatkit_workflow WHERE slug = ?"""


def make_database(path: Path) -> Path:
    """The demo's, after two months that were neither quiet nor even."""
    run("demo", "--no-serve", database=path)
    connection = sqlite3.connect(path)
    with connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(django_chatkit_workflow)")]
        names = ", ".join(name for name in columns if name not in {"id", "slug", "name"})
        connection.executemany(WORKFLOW.format(names=names), [other[:2] for other in OTHERS])
        connection.executemany(SESSION, sessions(datetime.now(tz=UTC)))
    connection.close()
    return path


def sessions(now: datetime) -> Iterator[tuple[str, ...]]:
    """Fewer at weekends, more of late, a few cancelled: the same ones for the same day."""
    for slug, usual in (("support", USUAL), *((slug, usual) for slug, _, usual in OTHERS)):
        for day in range(DAYS):
            noon = now - timedelta(days=day, hours=now.hour, minutes=now.minute - 1)
            count = usual * (3 if noon.weekday() >= 5 else 8) * (DAYS + 20 - day) // 600 + day * 7 % 5
            for number in range(count):
                created = noon + timedelta(minutes=number * 37 % 1380) if day else now - timedelta(minutes=number * 3)
                ended = created + timedelta(minutes=10)
                status = "active" if ended > now else "cancelled" if number % 7 == 3 else "expired"
                name = f"cksess_{slug}_{day}_{number}"
                yield name, status, f"{created:%F %T}", f"{ended:%F %T}", f"{ended:%F %T}", slug


# --- the pictures ---


def chat(visitor: Visitor) -> None:
    """In the page, with an answer."""
    visitor.page.goto("/chat/")
    visitor.page.get_by_role("button", name="Where is my parcel?").click()
    visitor.page.get_by_text("Tracking number").first.wait_for()
    visitor.page.locator("[role=log][aria-busy=false]").wait_for()


def floating(visitor: Visitor) -> None:
    """Over the help page."""
    visitor.page.goto("/")
    visitor.page.get_by_role("button", name="Open the chat").click()
    visitor.page.locator(READY).wait_for()


def workflow_form(visitor: Visitor) -> None:
    """What it is, what it knows, and what visitors may do."""
    visitor.page.goto(ADMIN)
    visitor.page.get_by_role("link", name="Customer support").click()
    visitor.page.get_by_role("button", name="Add another state variable").wait_for()


def statistics(visitor: Visitor) -> None:
    """Of what ``sessions`` makes up."""
    visitor.page.goto(f"{ADMIN}statistics/?range=30d")


def try_it_out(visitor: Visitor) -> None:
    """After a test session."""
    visitor.page.goto(ADMIN)
    visitor.page.get_by_role("link", name="Customer support").click()
    visitor.page.get_by_role("link", name="Try it out").click()
    visitor.page.get_by_role("button", name="Test").first.click()
    visitor.page.wait_for_load_state("networkidle")


#: By the name of the file: who looks, how large the window is, and what is to be seen.
PICTURES: dict[str, tuple[str, tuple[int, int], Callable[[Visitor], None]]] = {
    "chat": ("mika", (1200, 900), chat),
    "floating": ("demo", (1280, 800), floating),
    "workflow-form": ("admin", (1280, 1440), workflow_form),
    "statistics": ("admin", (1280, 1070), statistics),
    "try-it-out": ("admin", (1280, 1100), try_it_out),
}


def take(browser: Browser, server: Server, name: str) -> Path:
    """One picture, by its name."""
    login, (width, height), show = PICTURES[name]
    visitor = Visitor(browser, server, viewport={"width": width, "height": height}, reduced_motion="reduce")
    visitor.page.set_default_timeout(60_000)
    visitor.log_in(login)
    show(visitor)
    path = DOCS / f"{name}.png"
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.screenshot(path=path, animations="disabled", caret="hide")
    visitor.close()
    return path


def main() -> None:
    """All of them, one after the other."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        database = make_database(Path(folder) / "demo.sqlite3")
        browser = playwright.chromium.launch(executable_path=chromium_path())
        with Server(database, Path(folder), {}) as server:
            for name in PICTURES:
                print(take(browser, server, name).relative_to(ROOT))  # noqa: T201
        browser.close()


if __name__ == "__main__":
    main()
