"""A workflow moves from OpenAI to this site and back: one change in the admin, and no page is touched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .own import READY, OwnChat
from .server import Server
from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "moving" %}'
HOSTED = "openai-chatkit[data-ready='hosted']"


class Admin:
    """Who decides in the admin who runs the workflow."""

    def __init__(self, chromium: Browser, server: Server) -> None:
        self.visitor = Visitor(chromium, server)
        self.visitor.page.set_default_timeout(30_000)
        self.visitor.log_in("admin")

    def move(self, backend: str) -> None:
        page = self.visitor.page
        page.goto("/admin/django_chatkit/workflow/?q=moving")
        page.get_by_role("link", name="Moving", exact=True).click()
        page.locator(f"[name=backend][value={backend}]").check()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("was changed successfully").wait_for()


@pytest.fixture
def admin(chromium: Browser, server: Server) -> Iterator[Admin]:
    admin = Admin(chromium, server)
    yield admin
    server.execute("UPDATE django_chatkit_workflow SET backend = 'hosted' WHERE slug = 'moving'")
    admin.visitor.close()


def refresh(visitor: Visitor) -> str:
    """The component asks for the next secret, as it does when one expires; the error that it gets."""
    error: str = visitor.page.evaluate("apis[0].getClientSecret('old').then(() => '', (error) => error.message)")
    return error


def test_there_and_back_at_the_next_page_view(logged_in: Visitor, admin: Admin) -> None:
    logged_in.page.set_default_timeout(30_000)
    logged_in.open(CHAT)
    page = logged_in.page.request.get(logged_in.page.url).text()
    logged_in.page.locator(HOSTED).wait_for()
    admin.move("self_hosted")
    logged_in.page.reload()
    logged_in.page.locator(READY).wait_for()
    OwnChat(logged_in).ask("Who are you now")
    admin.move("hosted")
    logged_in.page.reload()
    logged_in.page.locator(HOSTED).wait_for()
    assert without_token(logged_in.page.request.get(logged_in.page.url).text()) == without_token(page)


def without_token(html: str) -> str:
    """A page without what is different at every view."""
    before, _, rest = html.partition("&quot;token&quot;: &quot;")
    return before + rest.partition("&quot;")[2]


def test_an_open_page_moves_to_this_site_at_its_next_refresh(logged_in: Visitor, admin: Admin) -> None:
    logged_in.page.set_default_timeout(30_000)
    logged_in.open(CHAT)
    logged_in.page.locator(HOSTED).wait_for()
    admin.move("self_hosted")
    assert "elsewhere" in refresh(logged_in)
    logged_in.page.locator(READY).wait_for()
    OwnChat(logged_in).ask("Without a reload")
    assert logged_in.alert.count() == 0
    assert logged_in.page.evaluate("performance.getEntriesByType('navigation').length") == 1


def test_an_open_page_moves_to_openai_when_its_secret_is_refused(logged_in: Visitor, admin: Admin) -> None:
    admin.move("self_hosted")
    chat = OwnChat.open(logged_in, CHAT * 2)
    admin.move("hosted")
    chat.page.get_by_role("textbox").first.fill("Hello")
    chat.page.get_by_role("button", name="Send").first.click()
    chat.page.locator(HOSTED).first.wait_for()
    # The other chat of the page finds out when it is used, and needs no answer from the server for that.
    chat.page.locator(READY).get_by_role("textbox").fill("Hello")
    chat.page.locator(READY).get_by_role("button", name="Send").click()
    chat.page.wait_for_function("document.querySelectorAll('[data-ready=hosted]').length === 2")
    assert logged_in.alert.count() == 0
