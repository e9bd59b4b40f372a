"""State variables are merged in one order, and a list of sessions is walked by any cursor."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.identity import Owner
from django_chatkit.models import Workflow
from django_chatkit.sessions import Source
from django_chatkit.sessions.state_variables import state_variables_of
from django_chatkit.validators import validate_state_variables
from tests.callers import Browser, a_user, a_workflow
from tests.records import records

from .anything import objects, primitives, texts, undone

names = st.sampled_from("abcd")
layers = st.dictionaries(names, st.booleans() | st.integers(-9, 9) | texts | primitives, max_size=4)


def good(value: Any) -> bool:
    try:
        validate_state_variables(value)
    except ValidationError:
        return False
    return True


@given(layers, layers | objects, layers)
def test_the_later_layer_wins_and_a_bad_one_is_named(settings: Any, own: Any, site: Any, page: Any) -> None:
    settings.DJANGO_CHATKIT = {"STATE_VARIABLES": lambda workflow, user=None, request=None: site}
    workflow = Workflow(slug="support", state_variables=own)
    try:
        variables = state_variables_of(workflow, Owner(None, "x"), None, page)
    except ChatKitNotConfigured:
        assert not (good(own) and good(site))
    except ValidationError:
        assert good(own)
        assert good(site)
        assert not good(page)
    else:
        assert variables.merged == {**own, **site, **page}
        for name in variables.merged:
            assert variables.sources(name)[0][1] is variables.merged[name]
        order = [source for source, _ in variables.sources("a")]
        assert order == sorted(order, key=[Source.PAGE, Source.SITE, Source.WORKFLOW].index)


def encoded(parts: dict[str, str]) -> str:
    return base64.b64encode(urlencode(parts, errors="replace").encode()).decode()


positions = (st.integers(0, 10**19) | st.integers(-(2**70), 2**70)).map(str) | texts
cursors = texts | st.fixed_dictionaries(
    {}, optional={"p": positions, "o": positions, "r": st.sampled_from(["0", "1", "x"])}
).map(encoded)


@pytest.mark.django_db
@given(st.lists(cursors, min_size=1, max_size=8))
@settings(max_examples=settings.default.max_examples // 3)
def test_any_cursor_is_a_page_or_a_404(values: list[str]) -> None:
    with undone():
        user = a_user()
        records(a_workflow(), 3, user=user)
        browser = Browser(user)
        for cursor in values:
            response = browser.get("/chatkit/sessions/?" + urlencode({"cursor": cursor}, errors="replace"))
            assert response.status_code in (200, 404)
            assert set(response.json()) == (
                {"next", "previous", "results"} if response.status_code == 200 else {"detail", "code"}
            )


@pytest.mark.django_db
@given(st.integers(0, 65))
@settings(max_examples=settings.default.max_examples // 10)
def test_the_pages_hold_every_session_once_newest_first_and_lead_back(count: int) -> None:
    with undone():
        user = a_user()
        ids = [record.session_id for record in records(a_workflow(), count, user=user)]
        browser, seen, url, page = Browser(user), [], "/chatkit/sessions/", {}
        while url:
            page = browser.get(url).json()
            seen += [session["id"] for session in page["results"]]
            url = page["next"]
        assert seen == ids[::-1]
        while page["previous"]:
            page = browser.get(page["previous"]).json()
        assert [session["id"] for session in page["results"]] == ids[::-1][:20]
