from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from rest_framework.settings import api_settings

from django_chatkit.models import ChatSession

from .callers import Browser, a_user, a_workflow

pytestmark = pytest.mark.django_db

NAMES = [f"v{number}" for number in range(64)]


@pytest.fixture
def ada(openai):
    a_workflow(client_state_variables=[*NAMES[:60], "", "x" * 64])
    return Browser(a_user())


def test_every_field_may_be_left_out(ada):
    assert ada.issue().status_code == 201


def test_every_field_may_be_given(ada):
    assert ada.issue(workflow="support", state_variables={"v1": "a"}, refresh=True).status_code == 201


def test_unknown_fields_are_refused_by_name(ada, openai):
    answer = ada.issue(workflow="support", user="user-1", workflow_id="wf_x", client_secret="ek_old")
    assert answer.status_code == 400
    assert answer.json() == {
        "client_secret": ["Unknown field."],
        "user": ["Unknown field."],
        "workflow_id": ["Unknown field."],
    }
    assert not openai.requests


@pytest.mark.parametrize("name", ["detail", "code", "Workflow", "workflow ", "", "non_field_errors"])
def test_an_unknown_field_is_that_whatever_its_name(ada, name):
    answer = ada.issue({name: 1})
    assert (answer.status_code, answer.json()) == (400, {name: ["Unknown field."]})


BAD_FIELDS = [
    *[("workflow", value) for value in (None, "", 5, 5.5, True, [], {}, ["support"], "sup\0port")],
    *[("refresh", value) for value in (None, 0, 1, "true", "false", "", [], {}, 1.0)],
    *[("state_variables", value) for value in (None, [], "", "{}", 1, True, [["v1", 1]])],
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=repr)
def test_a_field_of_the_wrong_type_is_refused(ada, openai, field, value):
    answer = ada.issue({field: value})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not openai.requests


@pytest.mark.parametrize("body", [[], [{}], "support", 1, None, True], ids=repr)
def test_a_body_that_is_no_object_is_refused(ada, openai, body):
    answer = ada.issue(json.dumps(body))
    assert (answer.status_code, list(answer.json())) == (400, [api_settings.NON_FIELD_ERRORS_KEY])
    assert not openai.requests


GOOD_VALUES = ["", "text", "ü💬", True, False, 0, -(2**63), 2**63 - 1, 1.5, -0.0, 1e308]


@pytest.mark.parametrize("value", GOOD_VALUES, ids=repr)
def test_primitive_state_variables_arrive_as_they_were_sent(ada, openai, value):
    assert ada.issue(state_variables={"v1": value}).status_code == 201
    arrived = openai.requests[0].json["workflow"]["state_variables"]["v1"]
    assert (type(arrived), repr(arrived)) == (type(value), repr(value))


@pytest.mark.parametrize("value", [None, [], {}, [1], {"a": 1}, 2**63, -(2**63) - 1, "a\0b"], ids=repr)
def test_other_values_are_refused_and_the_error_names_the_entry(ada, openai, value):
    answer = ada.issue(state_variables={"v1": value, "v2": 1})
    assert (answer.status_code, list(answer.json())) == (400, ["state_variables"])
    (problem,) = answer.json()["state_variables"]
    assert problem.startswith("“v1”: ")
    assert not openai.requests


def test_each_bad_entry_has_its_own_error(ada):
    problems = ada.issue(state_variables={"v1": None, "v2": 2, "v3": []}).json()["state_variables"]
    assert [problem[:4] for problem in problems] == ["“v1”", "“v3”"]


def test_names_have_1_to_64_characters(ada):
    assert ada.issue(state_variables={"x" * 64: 1}).status_code == 201
    for name in ("", "x" * 65):
        answer = ada.issue(state_variables={name: 1})
        assert (answer.status_code, list(answer.json())) == (400, ["state_variables"])
        assert "64 characters" in answer.json()["state_variables"][0]


def test_there_are_at_most_64(ada):
    answer = ada.issue(state_variables={f"v{number}": 1 for number in range(65)})
    assert answer.status_code == 400
    assert "at most 64" in answer.json()["state_variables"][0]


# Answers


def test_list_and_detail_say_the_same_without_the_secret(ada, openai):
    issued = ada.issue().json()
    (listed,) = ada.list().json()["results"]
    assert listed == ada.show(issued["id"]).json()
    del issued["client_secret"]
    assert set(listed) - set(issued) == {"created_at", "ended_at"}
    assert {name: listed[name] for name in issued} == issued
    assert openai.secrets[0] not in ada.list().content.decode()


def test_times_are_iso_8601(ada):
    issued = ada.issue().json()
    ada.cancel(issued["id"])
    shown = ada.show(issued["id"]).json()
    record = ChatSession.objects.get()
    assert datetime.fromisoformat(shown["created_at"]) == record.created_at
    assert datetime.fromisoformat(shown["ended_at"]) == record.ended_at
    assert shown["expires_at"] == record.expires_at.timestamp()


def test_what_is_past_its_time_has_ended_then_before_anybody_notices(ada):
    issued = ada.issue().json()
    ChatSession.objects.update(expires_at=timezone.now() - timedelta(seconds=5))
    shown = ada.show(issued["id"]).json()
    assert shown["status"] == "expired"
    assert datetime.fromisoformat(shown["ended_at"]) == ChatSession.objects.get().expires_at


def test_what_has_not_ended_has_no_end(ada):
    assert ada.show(ada.issue().json()["id"]).json()["ended_at"] is None
