"""The admin in Chromium: windows of the demo's administrator, served with a policy that allows nothing inline."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .server import Server
from .visitor import AXE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Route

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"


def with_policy(route: Route) -> None:
    answer = route.fetch(max_redirects=0)
    route.fulfill(response=answer, headers={**answer.headers, "Content-Security-Policy": POLICY})


class Administration:
    """``problems`` are what scripts threw and what the browser refused or missed, in any of the windows."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self.browser = browser
        self.server = server
        self.contexts: list[BrowserContext] = []
        self.problems: list[str] = []
        self.closed = False

    def open(self, address: str, *, policy: bool = True, **options: Any) -> Page:
        """A page in a browser of its own. ``policy`` must be off for axe-core, which writes styles itself."""
        context = self.browser.new_context(base_url=self.server.url, **options)
        self.contexts.append(context)
        context.on("weberror", lambda error: self._note(str(error.error)))
        context.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        page = context.new_page()
        page.goto("/admin/login/?next=/admin/jsi18n/")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", "admin")
        page.click("[type=submit]")
        if policy:
            context.route(re.compile("/admin/django_chatkit/"), with_policy)
        page.goto(address)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.cookies()  # an answer from the browser: whatever it had to tell came before
        self.closed = True
        for context in self.contexts:
            context.unroute_all(behavior="ignoreErrors")  # requests may still be on their way, and fail from here on
            context.close()

    def _note(self, problem: str) -> None:
        if not self.closed:
            self.problems.append(problem)


def violations(page: Page) -> list[str]:
    """What axe-core finds, however small."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")["violations"]
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]
