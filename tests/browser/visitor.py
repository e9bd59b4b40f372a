"""A browser window with one visitor's cookies, and what the tests ask of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from .server import OPENAI_SCRIPT, STANDIN, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Error, Locator, Page, Response, Route

#: Where sessions are asked for.
SESSIONS = "**/chatkit/sessions/"
#: Kept by every page: the ``api`` option of each component, as the page gave it.
WATCH = """
  window.apis = [];
  window.seen = [];
  addEventListener("django-chatkit.options", (event) => apis.push(event.detail.api));
  addEventListener("securitypolicyviolation", (event) => seen.push(`refused ${event.blockedURI}`));
"""

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
FIND_PROBLEMS = """async () => {
  for (const animation of document.getAnimations()) animation.cancel(); // colours are looked at when they have settled
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const lines = grave.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id} at ${target.flat().join(" ")}: ${failureSummary.split("\\n").slice(1).join(" ").trim()}`));
  return lines;
}"""

#: Puts a part of a page, from this address, in place of what the page shows.
SWAP = """async (address) => {
  const html = await (await fetch(address)).text();
  const range = document.createRange();
  range.selectNodeContents(document.querySelector("main"));
  range.deleteContents();
  range.insertNode(range.createContextualFragment(html));
}"""


@dataclass
class Post:
    """One request for a session that the page made, and how it was answered."""

    status: int
    body: dict[str, Any]
    response: Response

    @property
    def answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.response.json()
        return answer

    @property
    def fingerprint(self) -> str:
        """Of the secret, as the stand-in for OpenAI's component shows it."""
        return fingerprint(self.answer["client_secret"])


def fingerprint(secret: str) -> str:
    """FNV-1a."""
    value = 0x811C9DC5
    for byte in secret.encode():
        value = (value ^ byte) * 0x01000193 % 2**32
    return f"{value:08x}"


def serve(script: Path) -> Callable[[Route], None]:
    """Answers requests for a script with this file."""
    return lambda route: route.fulfill(path=script, content_type="text/javascript")


def serve_standin(route: Route) -> None:
    """Answers requests for the stand-in's script and for its modules, which a browser fetches as another site's."""
    name = PurePosixPath(urlsplit(route.request.url).path).name
    headers = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*"}
    route.fulfill(path=STANDIN.with_name(name), headers=headers)


class Visitor:
    """``page`` is the window; ``posts`` are the answers that it got to its requests for sessions."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        self.server = server
        self.context = browser.new_context(base_url=server.url, **options)
        self.context.add_init_script(WATCH)
        # Nothing leaves this machine; OpenAI's script is the stand-in wherever a page wants it.
        self.context.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        self.context.route(f"{OPENAI_SCRIPT.removesuffix('chatkit.js')}*", serve_standin)
        self.uncaught: list[str] = []
        self.closed = False
        self.posts: list[Post] = []
        self.held: list[Route] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", self._note_uncaught)
        page.on("response", self._note)
        return page

    def close(self) -> None:
        from playwright.sync_api import Error

        self.context.cookies()  # an answer from the browser: whatever it had to tell came before
        self.closed = True
        for route in self.held:
            with suppress(Error):  # it was let go
                route.abort()
        self.context.unroute_all(behavior="ignoreErrors")  # requests may still be on their way, and fail from here on
        self.context.close()

    def _note_uncaught(self, error: Error) -> None:
        if not self.closed:
            self.uncaught.append(str(error))

    def _note(self, response: Response) -> None:
        request = response.request
        if request.method == "POST" and request.url.endswith("/chatkit/sessions/"):
            self.posts.append(Post(response.status, json.loads(request.post_data or ""), response))

    def log_in(self, name: str = "demo", page: Page | None = None) -> None:
        page = page or self.page
        page.goto("/accounts/login/?next=/")
        page.fill("[name=username]", name)
        page.fill("[name=password]", name)
        page.press("[name=password]", "Enter")
        page.wait_for_url("/")

    def hold(self, url: str) -> list[Route]:
        """Keep requests for ``url`` waiting; the list fills with them. ``fallback()`` lets one go."""
        self.context.route(url, lambda route: self.held.append(route))
        return self.held

    def answer(self, status: int, code: str = "", **headers: str) -> None:
        """From now on, requests for sessions are answered like this."""
        body = json.dumps({"detail": "An internal detail.", "code": code})
        self.context.route(SESSIONS, lambda route: route.fulfill(status=status, body=body, headers=headers))

    def open(self, source: str = '{% chatkit "support" %}', **flags: str) -> None:
        """A page that is made of a template."""
        self.page.goto(address(source, **flags), wait_until="domcontentloaded")

    def find_problems(self) -> list[str]:
        """The violations that axe-core calls serious or critical, each with where it is."""
        self.page.evaluate(AXE.read_text())
        found: list[str] = self.page.evaluate(FIND_PROBLEMS)
        return found

    def log_out(self, page: Page | None = None) -> None:
        page = page or self.page
        page.goto("/")
        page.get_by_role("button", name="Log out").click()
        page.get_by_role("link", name="Log in", exact=True).wait_for()

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    def wait_for_chats(self, count: int = 1) -> list[str]:
        """Until there are ``count`` components with a secret; their secrets' fingerprints."""
        script = "count => document.querySelectorAll('openai-chatkit[data-secrets]').length === count"
        self.page.wait_for_function(script, arg=count)
        found: list[str] = self.page.evaluate(
            "[...document.querySelectorAll('openai-chatkit')].map((chat) => chat.dataset.fingerprint)"
        )
        return found

    def ask(self, current: str | None, chat: int = 0) -> str:
        """What ``getClientSecret(current)`` returns."""
        secret: str = self.page.evaluate("([current, chat]) => apis[chat].getClientSecret(current)", [current, chat])
        return secret


def address(source: str, **flags: str) -> str:
    return "/render/?" + urlencode({"source": source, **flags})
