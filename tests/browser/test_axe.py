"""axe-core finds nothing serious: in the chat, whatever state it is in, and on the pages of the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pytest

from .server import OPENAI_SCRIPT, Server
from .visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

CHAT = '<meta name="color-scheme" content="light dark"><h1>Help</h1>{% chatkit "support" %}'
FLOATING = '<meta name="color-scheme" content="light dark"><h1>Help</h1>{% chatkit "support" layout="floating" %}'
READY = "openai-chatkit[data-ready]"
#: Parts of Django's own that have a serious problem on every list and record: links in text that are not underlined,
#: and a search whose label is a picture.
DJANGOS = (".breadcrumbs", "#searchbar")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def server_settings() -> dict[str, Any]:
    return {"DJANGO_CHATKIT": {"SCRIPT_URL": OPENAI_SCRIPT}}


def problems(visitor: Visitor) -> set[str]:
    """In both colour schemes."""
    found = set()
    for scheme in SCHEMES:
        visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found |= {f"{scheme}: {problem}" for problem in visitor.find_problems()}
    return found


def check(visitor: Visitor) -> None:
    assert problems(visitor) == set()


# --- the visitor's pages ---


def open_inline(visitor: Visitor) -> None:
    visitor.open(CHAT)
    visitor.page.locator(READY).wait_for()


def open_page(visitor: Visitor) -> None:
    visitor.open(CHAT.replace('"support"', '"support" layout="page"'))
    visitor.page.locator(READY).wait_for()


def open_closed_panel(visitor: Visitor) -> None:
    visitor.open(FLOATING)
    visitor.page.get_by_role("button", name="Open the chat").wait_for()


def open_panel(visitor: Visitor) -> None:
    open_closed_panel(visitor)
    visitor.page.get_by_role("button", name="Open the chat").click()
    visitor.page.locator(READY).wait_for()


def open_panel_on_a_phone(visitor: Visitor) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 700})
    open_panel(visitor)


def open_with_a_conversation(visitor: Visitor) -> None:
    open_inline(visitor)
    visitor.page.get_by_role("textbox").fill("Which tea after lunch?")
    visitor.page.get_by_role("button", name="Send").click()
    visitor.page.get_by_text("answered over HTTP").wait_for()


def open_while_it_loads(visitor: Visitor) -> None:
    visitor.hold("**/chatkit/sessions/")
    visitor.open(CHAT)
    visitor.page.get_by_role("status").wait_for()


def open_offline(visitor: Visitor) -> None:
    open_inline(visitor)
    visitor.context.set_offline(True)
    visitor.page.get_by_text("You are offline").first.wait_for()


@pytest.mark.parametrize(
    "opened",
    [
        open_inline,
        open_page,
        open_closed_panel,
        open_panel,
        open_panel_on_a_phone,
        open_with_a_conversation,
        open_while_it_loads,
        open_offline,
    ],
)
def test_the_chat_has_no_serious_problem(opened: Callable[[Visitor], None], logged_in: Visitor) -> None:
    opened(logged_in)
    check(logged_in)


@pytest.mark.parametrize("source", [CHAT, FLOATING], ids=["inline", "floating"])
@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (401, "not_authenticated", {}),
        (403, "permission_denied", {}),
        (403, "csrf_failed", {}),
        (404, "workflow_not_found", {}),
        (429, "throttled", {"Retry-After": "42"}),
        (503, "upstream_rate_limited", {"Retry-After": "7"}),
        (503, "misconfigured", {}),
        (502, "upstream_error", {}),
        (504, "upstream_timeout", {}),
        (503, "not_saved", {}),
    ],
)
def test_no_error_has_a_serious_problem(
    source: str, status: int, code: str, headers: dict[str, str], logged_in: Visitor
) -> None:
    logged_in.answer(status, code, **headers)
    logged_in.open(source)
    if source == FLOATING:
        logged_in.page.get_by_role("button", name="Open the chat").click()
    logged_in.alert.wait_for()
    check(logged_in)


def test_a_style_sheet_of_the_site_makes_no_error_unreadable(visitor: Visitor) -> None:
    """It has colours for all links, buttons and paragraphs, which are not meant for our backgrounds."""
    dark = "body { background: #123; color: #fff } p { color: #ffd } a:link { color: #132 } button { color: #eed }"
    visitor.open(f"<style>{dark}</style>{CHAT}")
    visitor.page.get_by_role("link", name="Log in").wait_for()
    check(visitor)


def test_a_blocked_script_has_no_serious_problem(logged_in: Visitor) -> None:
    logged_in.context.route(f"{OPENAI_SCRIPT}*", lambda route: route.abort())
    logged_in.open(CHAT)
    logged_in.alert.wait_for()
    check(logged_in)


def test_a_session_that_ends_badly_has_no_serious_problem(logged_in: Visitor) -> None:
    """The error is above a chat that is there."""
    open_with_a_conversation(logged_in)
    logged_in.answer(401, "not_authenticated")
    logged_in.page.evaluate("apis[0].getClientSecret('ek_old').catch(() => {})")
    logged_in.alert.wait_for()
    check(logged_in)


# --- the shop ---


@pytest.mark.parametrize("address", ["/", "/chat/", "/accounts/login/"])
def test_the_example_has_no_serious_problem(address: str, logged_in: Visitor) -> None:
    logged_in.page.goto(address)
    check(logged_in)


# --- the admin ---


@pytest.fixture(scope="module")
def admin_cookies(chromium: Browser, server: Server) -> list[Any]:
    """The administrator, who has opened a chat once, so that there is a session to look at."""
    visitor = Visitor(chromium, server)
    visitor.log_in("admin")
    visitor.open('{% chatkit "support" %}')
    visitor.wait_for_chats()
    cookies: list[Any] = visitor.context.cookies()
    visitor.close()
    return cookies


@pytest.fixture
def administrator(visitor: Visitor, admin_cookies: list[Any]) -> Visitor:
    visitor.context.add_cookies(admin_cookies)
    return visitor


def identifier(server: Server, table: str) -> int:
    found: int = server.fetch(f"SELECT MAX(id) FROM django_chatkit_{table}")[0][0]
    return found


def open_admin(administrator: Visitor, address: str) -> None:
    server = administrator.server
    tables = ("workflow", "chatkitconfiguration", "chatsession")
    path = address.format(**{table: identifier(server, table) for table in tables})
    answer = administrator.page.goto(f"/admin/{path}")
    assert answer
    assert answer.status == 200


@pytest.mark.parametrize(
    "address",
    [
        "django_chatkit/workflow/add/",
        "django_chatkit/workflow/{workflow}/change/",
        "django_chatkit/workflow/{workflow}/try/",
        "django_chatkit/workflow/statistics/",
        "django_chatkit/chatkitconfiguration/add/",
        "django_chatkit/chatkitconfiguration/{chatkitconfiguration}/change/",
        "django_chatkit/chatsession/{chatsession}/cancel/",
    ],
)
def test_the_admin_has_no_serious_problem(address: str, administrator: Visitor) -> None:
    open_admin(administrator, address)
    check(administrator)


@pytest.mark.parametrize(
    "address",
    [
        "django_chatkit/workflow/",
        "django_chatkit/chatkitconfiguration/",
        "django_chatkit/chatsession/",
        "django_chatkit/chatsession/?q=admin",
        "django_chatkit/chatsession/{chatsession}/change/",
    ],
)
def test_lists_and_records_have_none_beside_those_of_django(address: str, administrator: Visitor) -> None:
    open_admin(administrator, address)
    assert {problem for problem in problems(administrator) if not any(part in problem for part in DJANGOS)} == set()


def test_a_refused_form_has_no_serious_problem(administrator: Visitor) -> None:
    administrator.page.goto("/admin/django_chatkit/workflow/add/")
    administrator.page.get_by_role("button", name="Save", exact=True).click()
    administrator.page.locator(".errornote").wait_for()
    check(administrator)
