"""A chat that this site runs, as its visitor sees it in the stand-in component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

READY = "openai-chatkit[data-ready='self_hosted']"
#: Milliseconds: the server's first request imports the SDK, which takes seconds on a busy machine.
PATIENCE = 30_000


@dataclass
class OwnChat:
    """The chat of the visitor's page."""

    visitor: Visitor

    @classmethod
    def open(cls, visitor: Visitor, source: str, **flags: str) -> OwnChat:
        """A page that is made of a template, when its chat is ready."""
        visitor.page.set_default_timeout(PATIENCE)
        visitor.open(source, **flags)
        visitor.page.locator(READY).first.wait_for()
        return cls(visitor)

    @property
    def page(self) -> Page:
        return self.visitor.page

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log")

    @property
    def answers(self) -> Locator:
        return self.log.locator(".assistant")

    @property
    def threads(self) -> Locator:
        """The titles in the history."""
        return self.page.locator(".history button.open")

    def reload(self) -> None:
        self.page.reload()
        self.page.locator(READY).wait_for()

    def say(self, text: str) -> None:
        """Send a message, and wait for nothing."""
        self.page.get_by_role("textbox").fill(text)
        self.page.get_by_role("button", name="Send").click()

    def ask(self, text: str) -> None:
        """Send a message and wait until the echo is complete."""
        count = self.answers.count()
        self.say(text)
        self.answers.nth(count).get_by_text(text).wait_for()
        self.idle()

    def idle(self) -> None:
        """Wait for the end of the turn."""
        self.page.locator("[role=log][aria-busy=false]").wait_for()

    def open_history(self) -> None:
        self.page.get_by_role("button", name="Earlier chats").click()
        self.page.get_by_role("region", name="Earlier chats").get_by_text("Loading…").wait_for(state="hidden")
