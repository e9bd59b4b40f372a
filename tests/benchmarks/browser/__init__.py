"""How long a visitor waits for a chat: from the navigation until OpenAI's component holds a secret, in Chromium.

OpenAI takes 300 ms for a session and 300 ms for its script. Every visit is somebody's first: nothing is cached, and the
visitor has no session yet.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from ..figures import Figure, at_most
from ..upstream import upstream
from .serving import script, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Seconds, of each of the two.
DELAY = 0.3
#: Milliseconds between the visitor and every server.
NEAR, FAR = 0, 50
#: The pages of ``pages`` that take part.
OURS, STARTER, TOGETHER = "tag", "starter", "together"


def measure(*, quick: bool) -> Iterator[Figure]:
    from django_chatkit.models import Workflow  # the site's server imports this package before it sets Django up

    Workflow.objects.create(slug="support", name="Support", workflow_id="wf_support", allow_anonymous=True)
    with upstream(DELAY) as base_url, script(DELAY) as address, site(base_url, address) as url, chromium() as browser:
        for page in (OURS, STARTER, TOGETHER):
            visit(browser, f"{url}/{page}/", NEAR)
        yield from _figures(browser, url, NEAR, "component holds a secret", rounds=1 if quick else 9)
        if not quick:
            yield from _figures(browser, url, FAR, f"the same, {FAR} ms away from every server", rounds=5)


def _figures(browser: Browser, url: str, latency: int, what: str, *, rounds: int) -> Iterator[Figure]:
    waits: dict[str, list[float]] = {OURS: [], STARTER: [], TOGETHER: []}
    for _ in range(rounds):
        for page, found in waits.items():
            found.append(visit(browser, f"{url}/{page}/", latency))
    ours, starter, together = (median(found) for found in waits.values())
    yield Figure(what, "wait", ours, "ms", "the starter app: the script, then the session", starter, at_most(0.7))
    rival = "nothing but both at once, inline"
    yield Figure(what, "wait", ours, "ms", rival, together, at_most(1.15))


def visit(browser: Browser, url: str, latency: int) -> float:
    """Milliseconds from the navigation to the secret, as the page's own clock has them."""
    context = browser.new_context()
    page = context.new_page()
    if latency:
        conditions = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
        context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
    page.goto(url, wait_until="commit")
    wait: float = page.wait_for_function("window.held").json_value()
    context.close()
    return wait


@contextmanager
def chromium() -> Iterator[Browser]:
    """From ``CHROMIUM``, from the ``PATH``, or else the one that Playwright installed."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
