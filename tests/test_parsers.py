from __future__ import annotations

import asyncio
import io
import json
from contextlib import contextmanager

import pytest
from asgiref.sync import async_to_sync
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from .callers import CSRF_TOKEN, SESSIONS, Browser, a_user, a_workflow

pytestmark = pytest.mark.django_db

KILOBYTES_64 = 64 * 1024


@pytest.fixture
def workflow(openai):
    return a_workflow(client_state_variables=["v"])


@pytest.fixture
def ada(workflow):
    return Browser(a_user())


def padded(size):
    """A good request of exactly so many bytes."""
    body = b'{"workflow": "support"}'
    return body[:-1] + b" " * (size - len(body)) + b"}"


def test_64_kilobytes_are_taken(ada):
    assert ada.issue(padded(KILOBYTES_64)).status_code == 201


@pytest.mark.parametrize("size", [KILOBYTES_64 + 1, 10 * 2**20], ids=["a byte more", "more than Django itself takes"])
def test_more_than_64_kilobytes_are_a_413(ada, openai, size):
    answer = ada.issue(padded(size))
    assert answer.status_code == 413
    assert answer.json() == {"detail": "The request body is larger than 64 KB.", "code": "body_too_large"}
    assert not openai.requests


def test_the_limit_is_for_bytes_not_for_characters(ada):
    body = json.dumps({"state_variables": {"v": "ü" * 32 * 1024}}, ensure_ascii=False).encode()
    assert ada.issue(body).status_code == 413


def test_a_project_that_limits_bodies_to_less_does_not_break_it(ada, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    assert ada.issue(padded(100)).status_code == 201


NOT_JSON = {
    "nothing but a space": b" ",
    "cut": b'{"workflow": "supp',
    "two documents": b"{}{}",
    "Python": b"{'workflow': 'support'}",
    "a form": b"workflow=support",
    "a trailing comma": b'{"refresh": true,}',
    "Latin-1": '{"workflow": "süpport"}'.encode("latin-1"),
    "UTF-16": "{}".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "too deep": b'{"state_variables": {"v": ' + b"[" * 30_000 + b"]" * 30_000 + b"}}",
    "deeper than 32 levels": b'{"state_variables": {"v": ' + b"[" * 30 + b"1" + b"]" * 30 + b"}}",
    "deep objects": b'{"workflow":' * 5_000 + b"1" + b"}" * 5_000,
    "NaN": b'{"state_variables": {"v": NaN}}',
    "Infinity": b'{"state_variables": {"v": Infinity}}',
    "minus Infinity": b'{"state_variables": {"v": -Infinity}}',
    "a repeated name": b'{"refresh": true, "refresh": false}',
    "a repeated variable": b'{"state_variables": {"v": 1, "v": 2}}',
    "half a surrogate pair": rb'{"state_variables": {"v": "\ud83d"}}',
    "half a surrogate pair as a name": rb'{"\udc00": 1}',
    "a control character": b'{"workflow": "sup\x00port"}',
    "5000 digits": b'{"state_variables": {"v": ' + b"1" * 5000 + b"}}",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_refused(ada, openai, body):
    answer = ada.issue(body)
    assert answer.status_code == 400
    assert answer.json() == {"detail": "The request body is not valid JSON in UTF-8.", "code": "parse_error"}
    assert not openai.requests


BAD_VALUES = {
    "NUL": rb'{"state_variables": {"v": "a\u0000b"}}',
    "NUL in a name": rb'{"state_variables": {"a\u0000b": 1}}',
    "4000 digits": b'{"state_variables": {"v": ' + b"1" * 4000 + b"}}",
    "a number beyond all numbers": b'{"state_variables": {"v": 1e999}}',
    "as deep as may be": b'{"state_variables": {"v": ' + b"[" * 29 + b"1" + b"]" * 29 + b"}}",
}


@pytest.mark.parametrize("body", BAD_VALUES.values(), ids=BAD_VALUES)
def test_what_json_has_but_state_variables_have_not_is_a_field_error(ada, openai, body):
    answer = ada.issue(body)
    assert (answer.status_code, list(answer.json())) == (400, ["state_variables"])
    assert not openai.requests


@pytest.mark.parametrize("body", [b"{}", b"  {}\r\n", rb'{"workflow": "\u0073upport"}'], ids=repr)
def test_json_is_taken_however_it_is_written(ada, body):
    assert ada.issue(body).status_code == 201


def test_a_whole_surrogate_pair_is_a_character(ada, openai):
    assert ada.issue(rb'{"state_variables": {"v": "\ud83d\ude00"}}').status_code == 201
    assert openai.requests[0].json["workflow"]["state_variables"] == {"v": "😀"}


@pytest.mark.parametrize("media_type", ["application/json", "", "text/plain"], ids=repr)
def test_an_empty_body_asks_for_nothing_in_particular(ada, media_type):
    assert ada.generic("POST", SESSIONS, b"", CONTENT_TYPE=media_type).status_code == 201
    assert ada.generic("POST", SESSIONS, b"", CONTENT_TYPE=media_type, CONTENT_LENGTH="0").status_code == 200


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;charset=latin-1"]
)
def test_json_has_one_media_type_however_it_is_written(ada, media_type):
    body = '{"state_variables": {"v": "ü"}}'.encode()
    assert ada.generic("POST", SESSIONS, body, content_type=media_type).status_code == 201


OTHERS = {
    "none": ("", b"{}"),
    "text": ("text/plain", b"{}"),
    "a form": ("application/x-www-form-urlencoded", b"workflow=support"),
    "multipart": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--b--',
    ),
    "JSON of another kind": ("application/vnd.api+json", b"{}"),
    "a beginning": ("application/jso", b"{}"),
    "a list": ("application/json, text/plain", b"{}"),
    "nonsense": ("💬/\x01;;=", b"{}"),
}


@pytest.mark.parametrize(("media_type", "body"), OTHERS.values(), ids=OTHERS)
def test_other_media_types_are_a_415(ada, openai, media_type, body):
    answer = ada.generic("POST", SESSIONS, body, content_type=media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert not openai.requests


class Broken(io.BytesIO):
    def read(self, *_args):
        raise OSError("The visitor has gone.")


def test_a_body_that_breaks_off_is_no_failure_of_the_site(ada):
    answer = ada.generic("POST", SESSIONS, b"{}", content_type="application/json", **{"wsgi.input": Broken()})
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


class Endless(io.RawIOBase):
    """A body that never ends, and counts what is taken of it."""

    taken = 0

    def read(self, size=-1):
        assert size >= 0, "All of it?"
        self.taken += size
        return b" " * size


def test_no_more_is_read_than_the_limit(ada):
    body = Endless()
    given = {"wsgi.input": body, "CONTENT_LENGTH": str(2**40)}
    assert ada.generic("POST", SESSIONS, b"{}", content_type="application/json", **given).status_code == 413
    assert body.taken == KILOBYTES_64 + 1


class Unread(io.BytesIO):
    def read(self, *_args):
        raise AssertionError("The body was read.")


@pytest.mark.parametrize("token", [CSRF_TOKEN, "x" * 32, None], ids=["right", "wrong", "missing"])
def test_a_multipart_body_is_never_read(workflow, token):
    browser = Browser(a_user(), token)
    given = {"wsgi.input": Unread(), "CONTENT_LENGTH": "1000"}
    answer = browser.generic("POST", SESSIONS, b"x", content_type="multipart/form-data; boundary=b", **given)
    assert answer.status_code == (415 if token == CSRF_TOKEN else 403)


def over_asgi(browser, chunks, **headers):
    """The status of a POST whose body comes in chunks, without a length, as ASGI servers hand it on."""
    names = {"host": "testserver", "content-type": "application/json", "x-csrftoken": CSRF_TOKEN, **headers}
    names["cookie"] = browser.cookies.output(attrs=[], header="", sep=";")
    scope = {"type": "http", "method": "POST", "path": SESSIONS, "query_string": b"", "http_version": "1.1"}
    scope["headers"] = [(name.replace("_", "-").encode(), value.encode()) for name, value in names.items()]
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    with kept_connections():
        return async_to_sync(exchanged)(scope, [*messages, {"type": "http.request", "body": b""}])


@contextmanager
def kept_connections():
    """As Django's own test clients: the end of a request does not close the connection that the test has."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


async def exchanged(scope, messages):
    sent = []

    async def receive():
        return messages.pop(0) if messages else await forever()

    async def send(message):
        sent.append(message)

    await get_asgi_application()(scope, receive, send)
    return sent[0]["status"]


async def forever():
    await asyncio.Event().wait()


CHUNKED = {"transfer_encoding": "chunked"}


@pytest.mark.parametrize("headers", [CHUNKED, {}], ids=["chunked", "HTTP/2"])
def test_a_body_without_a_length_is_parsed(ada, openai, headers):
    a_workflow("sales")
    assert over_asgi(ada, [b'{"workflow":', b' "sales"}'], **headers) == 201
    assert openai.requests[0].json["workflow"]["id"] == "wf_sales"
    assert over_asgi(ada, [b'{"workflow":'], **headers) == 400
    assert over_asgi(ada, [padded(KILOBYTES_64 - 1000), b" " * 1001], **headers) == 413


def test_no_body_without_a_length_is_none(ada):
    assert over_asgi(ada, []) == 201


def test_a_chunked_body_of_another_type_is_refused(ada):
    assert over_asgi(ada, [b"workflow=sales"], **CHUNKED, content_type="text/plain") == 415


def test_a_chunked_body_that_the_server_does_not_hand_on_is_not_taken_for_none(ada, openai):
    """WSGI has no way to say where such a body ends, so Django does not read it."""
    chunked = {"CONTENT_TYPE": "application/json", "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = ada.generic("POST", SESSIONS, b"", **chunked)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not openai.requests
