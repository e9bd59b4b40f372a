"""Answers that are not what OpenAI's schema says, field by field: a session if a page can use it, or none at all."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest

from django_chatkit.models import ChatSession
from tests.behaviours import Exchange, acting, answer, normal, then_reset
from tests.callers import Browser
from tests.fake_openai import FakeOpenAI, full_answer

from .conftest import Records, says_so, told
from .upstream import UPSTREAM

pytestmark = pytest.mark.django_db

FULL = full_answer({"user": "somebody", "workflow": {"id": "wf_support", "version": "1", "state_variables": {"a": 1}}})
FULL["expires_at"] = int(time.time()) + 600
REQUIRED = ("client_secret", "expires_at")
VALUES: list[Any] = [None, True, 7, 1.5, "text", [], ["text"], {}, {"a": 1}]
GONE = object()


def fields(section: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every field, however deep."""
    for name, value in section.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from fields(value, (*above, name))


def at(path: tuple[str, ...]) -> Any:
    value: Any = FULL
    for name in path:
        value = value[name]
    return value


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The full answer with another value at ``path``, or without the field."""
    content = copy.deepcopy(FULL)
    section = content
    for name in path[:-1]:
        section = section[name]
    section[path[-1]] = value
    if value is GONE:
        del section[path[-1]]
    return content


def of_another_type(path: tuple[str, ...]) -> list[Any]:
    return [other for other in VALUES if type(other) is not type(at(path))]


@pytest.mark.parametrize("field", REQUIRED)
def test_what_a_page_cannot_do_without(field: str, ada: Browser, openai: FakeOpenAI, records: Records) -> None:
    wrong = [GONE, *of_another_type((field,)), "", -1, 0, 10**20, "\x00"]
    wrong = [value for value in wrong if value != 1.5 or field == "client_secret"]  # seconds may have a fraction
    for count, value in enumerate(wrong, 1):
        openai.script(acting(answer(200, changed((field,), value))))
        assert told(ada.issue()) == says_so(UPSTREAM), value
        assert len(records()) == len(openai.sessions) == count
    assert not ChatSession.objects.exists()
    assert ada.issue().status_code == 201


@pytest.mark.parametrize("path", [path for path in fields(FULL) if path[0] not in REQUIRED], ids=".".join)
def test_what_a_page_can_do_without(path: tuple[str, ...], ada: Browser, openai: FakeOpenAI, records: Records) -> None:
    for count, value in enumerate([GONE, *of_another_type(path)], 1):
        content = changed(path, value)
        if content.get("id") == FULL["id"]:
            content["id"] = f"cksess_{count}"
        openai.script(answer(200, content))
        response: Any = ada.issue(refresh=True)
        assert (response.status_code, response.json()["client_secret"]) == (201, FULL["client_secret"]), value
        assert response.json()["status"] == "active"
        assert ChatSession.objects.count() == count
    assert not records()


def test_what_nobody_knows(ada: Browser, openai: FakeOpenAI, records: Records) -> None:
    sections = [path for path in ((), *fields(FULL)) if isinstance(at(path), dict)]
    for count, path in enumerate(sections):
        openai.script(answer(200, {**changed((*path, "news"), VALUES), "id": f"cksess_{count}"}))
        assert ada.issue(refresh=True).status_code == 201
    assert ChatSession.objects.count() == len(sections)
    assert not records()


def test_a_connection_that_is_reset_after_the_answer(ada: Browser, openai: FakeOpenAI, records: Records) -> None:
    """The answer counts, and the next request has a connection of its own."""
    openai.script(then_reset(normal))
    assert ada.issue().status_code == 201
    openai.wait_until_closed()
    assert ada.issue(refresh=True).status_code == 201
    assert [request.connection for request in openai.requests] == [1, 2]
    assert ChatSession.objects.count() == len(openai.sessions) == 2
    assert not records()


def test_the_key_is_not_sent_to_where_a_redirect_leads(ada: Browser, openai: FakeOpenAI) -> None:
    def away(exchange: Exchange) -> bool | None:
        return answer(307, {}, {"Location": f"{elsewhere.url}/chatkit/sessions"})(exchange)

    with FakeOpenAI() as elsewhere:
        openai.script(away)
        assert ada.issue().status_code == 503
        assert (elsewhere.connections, len(openai.requests)) == (0, 1)
