"""``X-ChatKit-User``: by which a browser knows whose thread it remembers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse

from django_chatkit.identity import Owner

from .callers import CSRF_TOKEN, Browser, a_user, a_workflow, chatkit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("openai")]


@pytest.fixture(autouse=True)
def workflow(openai: Any) -> Any:
    return a_workflow(allow_anonymous=True)


def pseudonym(answer: HttpResponse) -> str:
    assert answer.status_code in (200, 201)
    return answer["X-ChatKit-User"]


def test_it_is_the_same_for_a_user_in_every_answer_and_browser() -> None:
    user = a_user()
    browser = Browser(user)
    new, reused, refreshed = browser.issue(), browser.issue(), browser.issue(refresh=True)
    assert [answer.status_code for answer in (new, reused, refreshed)] == [201, 200, 201]
    elsewhere = Browser(user).issue()
    assert len({pseudonym(answer) for answer in (new, reused, refreshed, elsewhere)}) == 1


def test_it_is_the_same_for_every_workflow() -> None:
    a_workflow("sales")
    browser = Browser(a_user())
    assert pseudonym(browser.issue(workflow="support")) == pseudonym(browser.issue(workflow="sales"))


def test_users_and_visitors_each_have_their_own() -> None:
    visitor = Browser()
    browsers = [Browser(a_user("ada")), Browser(a_user("bob")), visitor, Browser()]
    assert len({pseudonym(browser.issue()) for browser in browsers}) == 4
    assert pseudonym(visitor.issue()) == pseudonym(visitor.issue(refresh=True))


def test_who_logs_in_is_not_the_visitor_of_before() -> None:
    browser = Browser()
    before = pseudonym(browser.issue())
    browser.force_login(a_user())
    during = pseudonym(browser.issue())
    browser.logout()
    browser.cookies["csrftoken"] = CSRF_TOKEN
    assert len({before, during, pseudonym(browser.issue())}) == 3


def test_it_tells_nothing_of_the_user(settings: Any) -> None:
    user = a_user("ada")
    told = pseudonym(Browser(user).issue())
    assert re.fullmatch("[0-9a-f]{32}", told)
    owner = Owner(user, f"user-{user.pk}")
    assert told == owner.pseudonym
    assert told not in owner.key
    # Who guesses the identifier cannot check the guess without the site's own key.
    settings.SECRET_KEY = "another-0123456789-abcdefghijklmnopqrstuvwxyz"
    assert owner.pseudonym != told


def test_a_refusal_has_none(settings: Any) -> None:
    assert "X-ChatKit-User" not in Browser(a_user()).issue(workflow="nope")
    chatkit(settings, API_KEY="")
    assert "X-ChatKit-User" not in Browser(a_user("bob")).issue()
