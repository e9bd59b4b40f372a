"""CSRF, wherever the token is kept, and a login in another tab, which voids every token given out before."""

from __future__ import annotations

from typing import Any

import pytest

from .visitor import Visitor

pytestmark = pytest.mark.browser

CHAT = '{% chatkit "support" %}'


@pytest.fixture(
    scope="module",
    params=[{}, {"CSRF_COOKIE_HTTPONLY": True}, {"CSRF_USE_SESSIONS": True}],
    ids=["cookie", "http-only", "session"],
)
def server_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    settings: dict[str, Any] = request.param
    return {**settings, "CSRF_HEADER_NAME": "HTTP_X_OUR_TOKEN"}


@pytest.fixture
def refusals(server_settings: dict[str, Any]) -> list[int]:
    """What a page whose token is void gets first: it can read a fresh cookie, but not one that is hidden from it."""
    return [] if len(server_settings) == 1 else [403]


def become_another_user_in_another_tab(visitor: Visitor, name: str = "mika") -> None:
    tab = visitor.new_page()
    visitor.log_out(tab)
    visitor.log_in(name, tab)
    tab.close()


def statuses(visitor: Visitor) -> list[int]:
    return [post.status for post in visitor.posts]


def test_the_first_request_is_accepted(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    assert statuses(logged_in) == [201]


def test_an_anonymous_visitor_is_accepted_too(visitor: Visitor) -> None:
    visitor.open('{% chatkit "open" %}')
    visitor.wait_for_chats()
    assert statuses(visitor) == [201]


def refresh(visitor: Visitor, expected: int) -> None:
    """Every chat of the page asks for its next secret, and begins anew: it is for somebody else now."""
    visitor.page.evaluate("Promise.allSettled(apis.map((api) => api.getClientSecret('old')))")
    visitor.page.wait_for_function("expected => apis.length === expected", arg=expected)


def test_a_login_in_another_tab_is_recovered_from(visitor: Visitor, refusals: list[int]) -> None:
    visitor.log_in()
    visitor.open(CHAT * 2)
    visitor.wait_for_chats(2)
    become_another_user_in_another_tab(visitor)
    refresh(visitor, expected=4)
    assert set(visitor.wait_for_chats(2)) == {visitor.posts[-1].fingerprint}
    assert statuses(visitor) == [201, *refusals, 201, 200]
    # From then on the page knows the new token.
    visitor.ask("old", chat=2)
    assert statuses(visitor) == [201, *refusals, 201, 200, 201]


def test_every_further_login_is_recovered_from(visitor: Visitor, refusals: list[int]) -> None:
    visitor.log_in()
    visitor.open(CHAT)
    visitor.wait_for_chats()
    for name in ("mika", "demo"):
        become_another_user_in_another_tab(visitor, name)
        visitor.page.evaluate("apis.splice(0, apis.length - 1)")
        refresh(visitor, expected=2)
        visitor.wait_for_chats()
    assert statuses(visitor) == [201, *refusals, 201, 200, *refusals, 201, 200]


def test_a_cookie_that_only_the_page_can_see_is_recovered_from(logged_in: Visitor, refusals: list[int]) -> None:
    # Of two cookies with one name, the page reads the first, and the server gets only its own.
    stale = {"name": "csrftoken", "value": "x" * 32, "domain": "127.0.0.1", "path": "/render/"}
    logged_in.context.add_cookies([stale])  # type: ignore[list-item]
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    assert statuses(logged_in) == ([201] if refusals else [403, 201])


def test_a_page_that_was_made_without_a_request_gets_its_token_late(logged_in: Visitor) -> None:
    logged_in.open(CHAT)
    logged_in.wait_for_chats()
    logged_in.context.clear_cookies(name="csrftoken")
    logged_in.page.evaluate("""() => {
      const chat = document.querySelector("django-chatkit");
      const config = JSON.parse(chat.getAttribute("config"));
      config.csrf.token = null;
      chat.setAttribute("config", JSON.stringify(config));
      document.body.append(chat);
    }""")
    logged_in.page.wait_for_function("apis.length === 2")
    logged_in.wait_for_chats()
    assert statuses(logged_in) == [201, 403, 200]
