"""Validators: whatever they are given, they accept it or raise ``ValidationError``, and what they accept is good."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from django_chatkit.models.look import is_icon, validate_prompts
from django_chatkit.models.workflow import known_agent, known_api_key, refuse_latest
from django_chatkit.validators import MAX_NAME_LENGTH, validate_names, validate_state_variables

from .anything import ODD_TEXTS, json_values, nested, numbers, objects, primitives, strict_json, texts


def accepts(validate: Callable[[Any], None], value: object) -> bool:
    try:
        validate(value)
    except ValidationError as error:
        assert error.messages
        assert all(message.encode() and "\0" not in message for message in error.messages), "it cannot be shown"
        return False
    return True


def can_be_stored(text: object) -> bool:
    """Without the code under test: UTF-8 has it, and it holds no NUL."""
    return isinstance(text, str) and text == text.encode(errors="replace").decode() and chr(0) not in text


def is_value(value: object) -> bool:
    if isinstance(value, str):
        return can_be_stored(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, bool) or (isinstance(value, int) and value.bit_length() - (value == -(2**63)) < 64)


variables = st.dictionaries(texts, primitives, max_size=5) | st.dictionaries(
    st.sampled_from(["a", "b", "n" * MAX_NAME_LENGTH, "n" * (MAX_NAME_LENGTH + 1)]), numbers | texts
)


@given(variables | objects)
def test_state_variables_are_accepted_if_and_only_if_openai_and_every_database_take_them(value: object) -> None:
    good = (
        isinstance(value, dict)
        and len(value) <= 64
        and all(can_be_stored(name) and 0 < len(name) <= MAX_NAME_LENGTH for name in value)
        and all(map(is_value, value.values()))
    )
    assert accepts(validate_state_variables, value) == good
    if good:
        assert json.loads(json.dumps(value, allow_nan=False).encode()) == value


@given(st.integers(60, 70), st.booleans())
def test_the_limit_of_entries_is_exact(count: int, names: object) -> None:
    all_names = [f"name{number}" for number in range(count)]
    validate: Callable[[Any], None] = validate_names if names else validate_state_variables
    assert accepts(validate, all_names if names else dict.fromkeys(all_names, 1)) == (count <= 64)


@given(st.lists(texts | primitives, max_size=4) | objects)
def test_names_are_accepted_if_and_only_if_each_is_a_name_and_there_once(value: object) -> None:
    good = (
        isinstance(value, list)
        and all(can_be_stored(name) and 0 < len(name) <= MAX_NAME_LENGTH for name in value)
        and len(set(value)) == len(value)
    )
    assert accepts(validate_names, value) == good


prompt_texts = st.sampled_from(["a", "ä\n", "a\0", "a\ud800", "\udc00a", " ", ""]) | texts
prompts = st.lists(
    st.fixed_dictionaries({"label": prompt_texts, "prompt": prompt_texts})
    | st.fixed_dictionaries(
        {"label": texts | primitives, "prompt": texts | primitives},
        optional={"icon": st.sampled_from(["bolt", "lucide:tea", "lucide:", "truck"]) | primitives, "x": primitives},
    )
    | st.dictionaries(st.sampled_from(["label", "prompt", "icon"]), texts),
    max_size=3,
)


@given(prompts | json_values)
def test_prompts_that_are_accepted_are_texts_that_every_database_takes(value: Any) -> None:
    if accepts(validate_prompts, value):
        for prompt in value:
            assert {"label", "prompt"} <= set(prompt) <= {"label", "prompt", "icon"}
            assert all(can_be_stored(text) and text.strip() for text in (prompt["label"], prompt["prompt"]))
            assert "icon" not in prompt or is_icon(prompt["icon"])


good_prompts = st.fixed_dictionaries(
    {name: st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1) for name in ("label", "prompt")}
)


@given(st.lists(good_prompts))
def test_good_prompts_are_accepted(value: Any) -> None:
    assert accepts(validate_prompts, value)


@given(objects)
def test_only_a_plain_name_is_an_icon(value: object) -> None:
    assert not is_icon(value) or (isinstance(value, str) and value.isascii() and value.isprintable())


@given(texts)
@pytest.mark.parametrize("validate", [known_api_key, known_agent])
def test_a_name_is_known_if_and_only_if_the_settings_have_it(
    settings: Any, validate: Callable[[Any], None], text: str
) -> None:
    settings.DJANGO_CHATKIT = {"API_KEYS": {"second": "sk"}, "AGENTS": {"second": "a.b"}}
    assert accepts(validate, text) == (text == "second")


@given(texts | st.sampled_from(["latest", " LATEST ", "Latest", "1", "latest1"]))
def test_only_the_word_latest_is_no_version(text: str) -> None:
    assert accepts(refuse_latest, text) == (text.strip().lower() != "latest")


@given(nested(strict_json))
def test_no_validator_changes_what_it_looks_at(value: Any) -> None:
    before = json.dumps(value)
    for validate in (validate_state_variables, validate_names, validate_prompts):
        accepts(validate, value)
    assert json.dumps(value) == before


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_an_odd_text_is_shown_with_its_problem(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validate_state_variables({text: None})
    (message,) = caught.value.messages
    assert message.startswith("“")
