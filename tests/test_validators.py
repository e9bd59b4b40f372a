from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from django_chatkit.validators import (
    MAX_TOTAL_BYTES,
    validate_names,
    validate_state_variables,
)

MOST_TEXT_IN_ONE_ENTRY = MAX_TOTAL_BYTES - len('{"a": ""}')

GOOD = {
    "none at all": {},
    "text": {"plan": "gold"},
    "empty text": {"plan": ""},
    "text of any script": {"grüße": "日本語 🎉"},
    "whole number": {"age": 41},
    "negative number": {"balance": -3},
    "number": {"ratio": 0.5},
    "true and false": {"beta": True, "admin": False},
    "a name of 1 character": {"a": 1},
    "a name of 64 characters": {"n" * 64: 1},
    "64 entries": {f"name{number}": number for number in range(64)},
    "the largest whole number": {"n": 2**63 - 1},
    "the smallest whole number": {"n": -(2**63)},
    "10 MiB as JSON": {"a": "x" * MOST_TEXT_IN_ONE_ENTRY},
    "a line end": {"address": "1 Road\nTown"},
}


@pytest.mark.parametrize("variables", GOOD.values(), ids=GOOD)
def test_state_variables_that_openai_takes(variables):
    assert validate_state_variables(variables) is None


BAD_ENTRIES = {
    "empty name": ({"": 1}, "“”: a name is text of 1 to 64 characters."),
    "name that is no text": ({5: 1}, "“5”: a name is text of 1 to 64 characters."),
    "name of 65 characters": ({"n" * 65: 1}, f"“{'n' * 64}”: a name has at most 64 characters, not 65."),
    "NUL in a name": ({"a\0b": 1}, "“a␀b”: NUL characters are not allowed."),
    "surrogate in a name": ({"a\ud800": 1}, "“a?”: half of a surrogate pair is not a character."),
    "NUL in text": ({"plan": "go\0ld"}, "“plan”: NUL characters are not allowed."),
    "surrogate in text": ({"plan": "\udfff"}, "“plan”: half of a surrogate pair is not a character."),
    "text too long": ({"plan": "x" * 10_485_761}, "“plan”: text has at most 10,485,760 characters."),
    "NaN": ({"n": float("nan")}, "“n”: a number must be finite: JSON has no NaN and no infinity."),
    "infinity": ({"n": float("inf")}, "“n”: a number must be finite: JSON has no NaN and no infinity."),
    "negative infinity": ({"n": float("-inf")}, "“n”: a number must be finite: JSON has no NaN and no infinity."),
    "integer above 64 bits": ({"n": 2**63}, "“n”: a whole number must fit in 64 bits."),
    "integer below 64 bits": ({"n": -(2**63) - 1}, "“n”: a whole number must fit in 64 bits."),
    "integer of 5,000 digits": ({"n": 10**5000}, "“n”: a whole number must fit in 64 bits."),
} | {
    f"a {type(value).__name__}": (
        {"v": value},
        "“v”: a value is text, a whole number, a number, or true or false.",
    )
    for value in (None, [1], {"a": 1}, b"bytes", Decimal(1), object())
}


@pytest.mark.parametrize(("variables", "message"), BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_each_error_names_its_entry(variables, message):
    with pytest.raises(ValidationError) as caught:
        validate_state_variables(variables | {"fine": 1})
    assert caught.value.messages == [message]


@pytest.mark.parametrize("value", [None, [], "{}", 1, (("a", 1),)])
def test_state_variables_are_an_object(value):
    with pytest.raises(ValidationError, match="an object of names and values"):
        validate_state_variables(value)


def test_at_most_64_entries():
    with pytest.raises(ValidationError) as caught:
        validate_state_variables({f"name{number}": number for number in range(65)})
    assert caught.value.messages == ["There are 65 state variables; OpenAI takes at most 64."]


@pytest.mark.parametrize(
    "variables",
    [
        {"a": "x" * (MOST_TEXT_IN_ONE_ENTRY + 1)},
        {"a": "x" * (MAX_TOTAL_BYTES // 2), "b": "x" * (MAX_TOTAL_BYTES // 2)},
        {"a": "é" * (MAX_TOTAL_BYTES // 6)},
    ],
    ids=["one byte too much", "two halves", "escapes count as they are sent"],
)
def test_at_most_10_mib_in_all(variables):
    with pytest.raises(ValidationError) as caught:
        validate_state_variables(variables)
    assert caught.value.messages == ["All state variables together may take at most 10 MiB as JSON."]


def test_everything_that_is_wrong_is_said_at_once():
    variables = {f"name{number}": None for number in range(65)} | {"": 1}
    with pytest.raises(ValidationError) as caught:
        validate_state_variables(variables)
    assert len(caught.value.messages) == 67


@pytest.mark.parametrize("names", [[], ["page"], ["a", "b"], ["n" * 64], [f"name{number}" for number in range(64)]])
def test_names_the_browser_may_set(names):
    assert validate_names(names) is None


BAD_NAMES = {
    "not a list": ("page", ["The names are a list."]),
    "an object": ({"page": 1}, ["The names are a list."]),
    "nothing": (None, ["The names are a list."]),
    "a number": ([1], ["“1”: a name is text of 1 to 64 characters."]),
    "a list in the list": ([["a"]], ["“['a']”: a name is text of 1 to 64 characters."]),
    "an empty name": ([""], ["“”: a name is text of 1 to 64 characters."]),
    "a long name": (["n" * 65], [f"“{'n' * 64}”: a name has at most 64 characters, not 65."]),
    "NUL": (["a\0"], ["“a␀”: NUL characters are not allowed."]),
    "half a surrogate pair": (["\ud800"], ["“?”: half of a surrogate pair is not a character."]),
    "twice the same": (["a", "b", "a"], ["Each name may be listed once."]),
    "65 names": ([f"name{number}" for number in range(65)], ["At most 64 names."]),
}


@pytest.mark.parametrize(("names", "messages"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_bad_lists_of_names(names, messages):
    with pytest.raises(ValidationError) as caught:
        validate_names(names)
    assert caught.value.messages == messages
