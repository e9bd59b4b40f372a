from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

pytestmark = pytest.mark.services


@pytest.fixture
def schema(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The description that drf-spectacular makes of the app's own views; warnings fail the test."""
    with override_settings(
        INSTALLED_APPS=[*django_settings.INSTALLED_APPS, "drf_spectacular"],
        REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"},
    ):
        from drf_spectacular.drainage import GENERATOR_STATS
        from drf_spectacular.generators import SchemaGenerator
        from drf_spectacular.validation import validate_schema

        GENERATOR_STATS.reset()
        described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
        validate_schema(described)
        assert not GENERATOR_STATS, capsys.readouterr().err
    return described


def operation(schema: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["paths"][path][method]
    return found


def test_every_route_is_described_and_nothing_else(schema: dict[str, Any]) -> None:
    assert {path: set(methods) for path, methods in schema["paths"].items()} == {
        "/chatkit/sessions/": {"get", "post"},
        "/chatkit/sessions/{session_id}/": {"get"},
        "/chatkit/sessions/{session_id}/cancel/": {"post"},
    }


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/chatkit/sessions/", "get", "200 401 403 404 503"),
        ("/chatkit/sessions/", "post", "200 201 400 401 403 404 413 415 429 502 503 504"),
        ("/chatkit/sessions/{session_id}/", "get", "200 401 403 404 503"),
        ("/chatkit/sessions/{session_id}/cancel/", "post", "200 401 403 404 502 503 504"),
    ],
)
def test_it_says_what_a_route_does_and_how_it_fails(
    schema: dict[str, Any], path: str, method: str, statuses: str
) -> None:
    described = operation(schema, path, method)
    assert sorted(described["responses"]) == statuses.split()
    assert described["description"]
    assert described["tags"] == ["chatkit"]


def test_only_the_answer_to_a_new_session_holds_a_secret(schema: dict[str, Any]) -> None:
    with_secret = [
        name
        for name, component in schema["components"]["schemas"].items()
        if "client_secret" in component.get("properties", {})
    ]
    assert with_secret == ["IssuedChatKitSession"]


def test_the_request_has_the_three_fields_and_no_other(schema: dict[str, Any]) -> None:
    body = operation(schema, "/chatkit/sessions/", "post")["requestBody"]["content"]
    assert list(body) == ["application/json"]
    request = schema["components"]["schemas"]["ChatKitSessionRequest"]
    assert set(request["properties"]) == {"workflow", "state_variables", "refresh"}
    assert request["additionalProperties"] is False
    assert "required" not in request


def test_it_says_what_a_slug_and_state_variables_may_be(schema: dict[str, Any]) -> None:
    properties = schema["components"]["schemas"]["ChatKitSessionRequest"]["properties"]
    assert properties["workflow"]["pattern"] == "^[-a-zA-Z0-9_]{1,50}$"
    assert properties["state_variables"]["maxProperties"] == 64
    assert [kind["type"] for kind in properties["state_variables"]["additionalProperties"]["anyOf"]] == [
        "string", "number", "boolean",
    ]  # fmt: skip
    assert all(properties[name]["description"] for name in ("workflow", "state_variables", "refresh"))


def test_it_says_where_a_client_is_told_when_to_try_again(schema: dict[str, Any]) -> None:
    responses = operation(schema, "/chatkit/sessions/", "post")["responses"]
    told = [status for status, response in responses.items() if "Retry-After" in response.get("headers", {})]
    assert told == ["429", "503"]


@pytest.mark.parametrize("header", ["X-ChatKit-URL", "X-ChatKit-User"])
def test_the_headers_of_an_issued_session_are_described(header: str, schema: dict[str, Any]) -> None:
    responses = operation(schema, "/chatkit/sessions/", "post")["responses"]
    described = [status for status, response in responses.items() if header in response.get("headers", {})]
    assert described == ["200", "201"]
