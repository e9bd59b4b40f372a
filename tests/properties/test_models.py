"""Models: whatever ``full_clean`` or a form accepts, the database of ``DB_BACKEND`` saves, and gives back the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.forms import modelform_factory
from hypothesis import event, given
from hypothesis import strategies as st

from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow
from django_chatkit.models.look import validate_prompts
from django_chatkit.validators import validate_names, validate_state_variables
from tests.callers import a_workflow, chatkit

from .anything import good_texts, json_values, texts, undone

pytestmark = pytest.mark.django_db


maybe = st.none() | st.booleans()
counts = st.none() | st.integers(-1, 2) | st.sampled_from([511, 512, 513, 600, 601, 2**31 - 1, 2**31, 2**32, 2**64])
#: Texts at every limit there is, and beyond.
lengths = st.sampled_from([0, 1, 7, 10, 20, 50, 64, 65, 100, 101, 128, 129, 255, 256, 513]).map(lambda n: "x" * n)
names = lengths | good_texts
variables = st.dictionaries(
    st.just("a") | good_texts.filter(bool),
    good_texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    max_size=4,
)
prompt_texts = st.sampled_from(["a", "ä 💬\n"]) | good_texts | texts
prompts = st.lists(st.fixed_dictionaries({"label": prompt_texts, "prompt": prompt_texts}), max_size=2)

configurations = st.fixed_dictionaries(
    {"name": st.just("files") | names},
    optional={
        "automatic_thread_titling_enabled": maybe, "file_upload_enabled": maybe, "history_enabled": maybe,
        "file_upload_max_file_size": counts, "file_upload_max_files": counts, "history_recent_threads": counts,
    },
)  # fmt: skip
GOOD_WORKFLOW = {"slug": "support", "name": "Support", "workflow_id": "wf_1", "backend": "hosted", "layout": "inline"}
odd_fields = {
    "slug": names,
    "name": names,
    "workflow_id": st.just("") | names,
    "backend": st.sampled_from(["self_hosted", "", "HOSTED", "other"]),
    "agent": st.sampled_from(["echo", "Echo", "other"]),
    "version": st.sampled_from(["1", "latest"]) | names,
    "api_key": st.sampled_from(["second", "Second"]),
    "state_variables": variables | json_values,
    "client_state_variables": st.lists(good_texts, max_size=3) | st.lists(texts, max_size=3) | json_values,
    "tracing_enabled": maybe,
    "expires_after": counts,
    "max_requests_per_1_minute": counts,
    "layout": st.sampled_from(["page", "", "PAGE", "x"]),
    "color_scheme": st.sampled_from(["dark", "Dark", "dark ", "x" * 11]),
    "radius": st.sampled_from(["pill", "pill\n", "Pill"]),
    "density": st.sampled_from(["compact", "x"]),
    "accent": st.sampled_from(["#123abc", "#123abc\n", "#fff", "#ÄÖÜÄÖÜ"]),
    **dict.fromkeys(("greeting", "placeholder", "disclaimer", "title", "frame_title"), good_texts),
    "prompts": prompts | json_values,
}
#: Good ones, of which up to three fields are something else.
workflows = (
    st.lists(st.sampled_from(list(odd_fields)), max_size=3, unique=True)
    .flatmap(lambda chosen: st.fixed_dictionaries({name: odd_fields[name] for name in chosen}))
    .map(lambda odd: {**GOOD_WORKFLOW, **odd})
)
moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
records = st.fixed_dictionaries(
    {
        "session_id": st.just("cksess_1") | names,
        "user_identifier": st.just("user-1") | names,
        "user_key": st.just("k" * 64) | lengths,
        "workflow_id": st.just("wf_1") | names,
        "expires_at": moments,
    },
    optional={
        "status": st.sampled_from(["active", "expired", "cancelled", "", "Active", "x"]),
        "backend": st.sampled_from(["hosted", "self_hosted", "", "Hosted"]),
        "secret_digest": st.sampled_from(["", "d" * 64, " ", "d" * 65]),
        "max_requests_per_1_minute": counts,
        "ended_at": st.none() | moments,
        "tracing_enabled": maybe,
        "request_id": lengths,
    },
)


@pytest.fixture(autouse=True)
def known_names(settings: Any) -> None:
    chatkit(settings, API_KEYS={"second": "sk"}, AGENTS={"echo": "tests.server.echo.respond"})


def cleaned(instance: models.Model) -> bool:
    try:
        instance.full_clean()
    except ValidationError:
        return False
    return True


def saved(instance: models.Model) -> bool:
    try:
        with transaction.atomic():
            instance.save()
    except (DatabaseError, ValueError):
        return False
    return True


def values(instance: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}


def as_stored(value: Any) -> Any:
    """PostgreSQL writes 1e16 out, and keeps the decimal digits of a number rather than its bits."""
    if isinstance(value, dict):
        return {name: as_stored(item) for name, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > 2**53:
        return float(value)
    return value


def agree(instance: models.Model) -> None:
    with undone():
        accepted = cleaned(instance)
        event(f"accepted: {accepted}")
        if accepted:
            given_values = values(instance)
            assert saved(instance), "full_clean accepts what the database refuses"
            given_values["id"] = instance.pk
            instance.refresh_from_db()
            assert as_stored(values(instance)) == as_stored(given_values)


@given(configurations)
def test_configurations(fields: dict[str, Any]) -> None:
    agree(ChatKitConfiguration(**fields))


@given(workflows)
def test_workflows(fields: dict[str, Any]) -> None:
    workflow = Workflow(**fields)
    agree(workflow)
    if workflow.pk:
        validate_state_variables(workflow.state_variables)
        validate_names(workflow.client_state_variables)
        validate_prompts(workflow.prompts)


@given(
    st.sampled_from(["state_variables", "client_state_variables", "prompts"]), st.sampled_from([None, "", [], {}, ()])
)
def test_an_empty_value_is_the_fields_own(name: str, value: Any) -> None:
    agree(workflow := Workflow(**{**GOOD_WORKFLOW, name: value}))
    assert getattr(workflow, name) == workflow._meta.get_field(name).get_default()
    form_class = modelform_factory(Workflow, fields="__all__")
    with undone():
        form = form_class({**GOOD_WORKFLOW, name: json.dumps(value) if value != "" else ""})
        assert form.is_valid(), form.errors
        form.save()


@given(records)
def test_session_records(fields: dict[str, Any]) -> None:
    with undone():
        agree(ChatSession(workflow=a_workflow(), **fields))


@given(st.data())
def test_one_wrong_field_is_one_that_the_form_names(data: st.DataObject) -> None:
    name, bad = data.draw(
        st.sampled_from(
            [
                ("expires_after", 601), ("expires_after", 0), ("max_requests_per_1_minute", 0), ("backend", "x"),
                ("layout", ""), ("color_scheme", "x"), ("radius", "x"), ("density", "x"),
            ]
        )
    )  # fmt: skip
    with undone():
        workflow = Workflow(**{**GOOD_WORKFLOW, name: bad})
        assert not saved(workflow), "the database has a constraint"
        with pytest.raises(ValidationError) as caught:
            workflow.full_clean()
        assert name in caught.value.message_dict


@given(workflows, st.sampled_from(["name", "greeting", "title", "version", "workflow_id"]), texts)
def test_whatever_a_form_accepts_is_saved(fields: dict[str, Any], name: str, text: str) -> None:
    """Over HTTP there are no halves of surrogate pairs, but there are in the JSON of a field."""
    form_class = modelform_factory(Workflow, fields="__all__")
    given_ = {**fields, name: text.encode(errors="replace").decode()}
    field_of = {field: form_class.base_fields[field] for field in given_}
    posted = {
        field: field_of[field].prepare_value(value) if field in JSON_FIELDS else value
        for field, value in given_.items()
    }
    with undone():
        form = form_class({field: value for field, value in posted.items() if value is not None})
        event(f"accepted: {form.is_valid()}")
        if form.is_valid():
            with transaction.atomic():
                form.save()


JSON_FIELDS = ("state_variables", "client_state_variables", "prompts")
