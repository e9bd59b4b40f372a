from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from django_chatkit.models import Workflow
from django_chatkit.models.look import CHOICES, ICONS, is_icon, validate_prompts


def a_look(**fields: Any) -> Workflow:
    return Workflow(name="Support", slug="support", workflow_id="wf_1", **fields)


def problems(**fields: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        a_look(**fields).full_clean(validate_unique=False, validate_constraints=False)
    found: dict[str, list[str]] = caught.value.message_dict
    return found


GOOD: list[Any] = [
    [],
    [{"label": "Hi", "prompt": "Hello"}],
    [
        {"label": " ‮مرحبا", "prompt": "x" * 10_000, "icon": "bolt"},
        {"label": "a", "prompt": "b", "icon": "lucide:tea-2"},
    ],
]
BAD: list[tuple[Any, str]] = [
    ({}, "Starter prompts are a list."),
    ("x", "Starter prompts are a list."),
    (["x"], "Starter prompt 1: it has a label, a prompt and maybe an icon, nothing else."),
    ([{"label": "a", "prompt": "b", "extra": 1}], "nothing else."),
    ([{"label": "a", "prompt": "b"}, {"label": "a"}], "Starter prompt 2: its label and its prompt are texts."),
    ([{"label": " ", "prompt": "b"}], "are texts."),
    ([{"label": "a", "prompt": ""}], "are texts."),
    ([{"label": "a", "prompt": ["b"]}], "are texts."),
    ([{"label": "a\0", "prompt": "b"}], "are texts."),
    ([{"label": "a", "prompt": "b\ud800"}], "are texts."),
    ([{"label": "a", "prompt": "b", "icon": "truck"}], "ChatKit has no such icon."),
    ([{"label": "a", "prompt": "b", "icon": None}], "ChatKit has no such icon."),
]


@pytest.mark.parametrize("prompts", GOOD, ids=["none", "one", "two"])
def test_prompts_as_the_component_takes_them_are_accepted(prompts: Any) -> None:
    validate_prompts(prompts)


@pytest.mark.parametrize(("prompts", "message"), BAD, ids=range(len(BAD)))
def test_prompts_that_the_component_would_refuse_are_refused(prompts: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        validate_prompts(prompts)


@pytest.mark.parametrize("name", ["bolt", ICONS[-1], "lucide:truck", "lucide:arrow-up-1-0"])
def test_icons_are_chatkits_own_or_lucides(name: str) -> None:
    assert is_icon(name)


@pytest.mark.parametrize("name", ["", "Bolt", "truck", "lucide:", "lucide:Truck", "lucide:a--b", "lucide:a\n", None, 1])
def test_other_names_are_no_icons(name: object) -> None:
    assert not is_icon(name)


@pytest.mark.parametrize("accent", ["#fff", "red", "#12345g", "1f7a4d", "#1f7a4d\n", "rgb(0,0,0)"])
def test_an_accent_is_rrggbb(accent: str) -> None:
    assert "Write a colour as #rrggbb, such as #1f7a4d." in problems(accent=accent)["accent"]


@pytest.mark.parametrize("field", CHOICES)
def test_choices_are_form_errors_and_database_constraints(db: None, field: str) -> None:
    assert problems(**{field: "other"}).keys() == {field}
    with pytest.raises(IntegrityError), transaction.atomic():
        a_look(**{field: "other"}).save()


def test_only_what_is_set_overrides_chatkit() -> None:
    assert a_look().look() == {"layout": "inline"}
    assert a_look(accent="#112233", prompts=[{"label": "a", "prompt": "b"}], greeting="Hi").look() == {
        "layout": "inline",
        "accent": "#112233",
        "greeting": "Hi",
        "prompts": [{"label": "a", "prompt": "b"}],
    }
