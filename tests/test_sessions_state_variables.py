"""Where the state variables of a session come from."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from django_chatkit import sessions
from django_chatkit.exceptions import ChatKitNotConfigured
from django_chatkit.sessions import Source, StateVariables

from .callers import a_workflow, chatkit
from .records import a_request

pytestmark = pytest.mark.django_db


def prepared(settings, own, computed, given):
    chatkit(settings, STATE_VARIABLES=lambda workflow, user=None, request=None: computed)
    workflow = a_workflow(state_variables=own)
    return sessions.prepare_session(workflow, request=a_request(), state_variables=given)


def test_the_later_layer_wins_and_the_earlier_ones_are_known(settings):
    found = prepared(settings, {"a": 1, "b": 1, "c": 1}, {"b": 2, "c": 2}, {"c": 3, "d": 3})
    variables = found.state_variables
    assert variables.merged == {"a": 1, "b": 2, "c": 3, "d": 3}
    assert found.request["workflow"]["state_variables"] == variables.merged
    assert variables.sources("a") == [(Source.WORKFLOW, 1)]
    assert variables.sources("b") == [(Source.SITE, 2), (Source.WORKFLOW, 1)]
    assert variables.sources("c") == [(Source.PAGE, 3), (Source.SITE, 2), (Source.WORKFLOW, 1)]
    assert variables.sources("d") == [(Source.PAGE, 3)]
    assert variables.sources("e") == []


def test_nothing_is_changed_on_the_way(settings):
    own, computed, given = {"a": 1}, {"a": 2}, {"a": 3}
    prepared(settings, own, computed, given)
    assert (own, computed, given) == ({"a": 1}, {"a": 2}, {"a": 3})


def test_values_are_not_in_the_repr():
    assert "secret" not in repr(StateVariables({Source.SITE: {"plan": "secret"}}))


def test_whose_fault_it_is(settings):
    with pytest.raises(ChatKitNotConfigured, match="workflow 'support': “a”"):
        prepared(settings, {}, {"a": None}, {})
    with pytest.raises(ValidationError, match="“b”"):
        prepared_again(settings, {"b": None})


def prepared_again(settings, given):
    chatkit(settings, STATE_VARIABLES=None)
    return sessions.prepare_session(a_workflow("sales"), request=a_request(), state_variables=given)


def test_together_they_may_be_too_many(settings):
    own, computed = {f"a{number}": 1 for number in range(40)}, {f"b{number}": 1 for number in range(40)}
    with pytest.raises(ChatKitNotConfigured, match="80 state variables"):
        prepared(settings, own, computed, {})
