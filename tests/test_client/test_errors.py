"""Which error a failing answer or connection becomes, and what it carries."""

from __future__ import annotations

import copy
import pickle
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, formatdate
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient
from django_chatkit.exceptions import (
    ChatKitConfigurationRejected,
    ChatKitConnectionError,
    ChatKitError,
    ChatKitRateLimited,
    ChatKitServerError,
    ChatKitStatusError,
    ChatKitTimeout,
)
from tests.behaviours import Behaviour, Unread, answer, cut, error, hang_up, head, raw, reset, silent
from tests.fake_openai import FakeOpenAI

from .conftest import KEY, Connect

STATUSES: dict[int, type[ChatKitStatusError]] = {
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308), ChatKitConfigurationRejected),
    **dict.fromkeys((400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422, 451), ChatKitConfigurationRejected),
    429: ChatKitRateLimited,
    **dict.fromkeys((408, 500, 501, 502, 503, 504, 520, 529, 599), ChatKitServerError),
}
CALLS: dict[str, Callable[[ChatKitClient], Any]] = {
    "create": lambda client: client.create_session(user="u", workflow={"id": "wf_1"}),
    "cancel": lambda client: client.cancel_session("cksess_1"),
}


def failing(client: ChatKitClient, call: str = "create") -> ChatKitError:
    with pytest.raises(ChatKitError) as caught:
        CALLS[call](client)
    return caught.value


def status_error(openai: FakeOpenAI, client: ChatKitClient, behaviour: Behaviour) -> ChatKitStatusError:
    openai.script(behaviour)
    raised = failing(client)
    assert isinstance(raised, ChatKitStatusError)
    return raised


@pytest.fixture
def client(connect: Connect) -> ChatKitClient:
    return connect(max_retries=0)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_class(status: int, call: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(error(status, "some_code", {"x-request-id": "req_1", "Location": openai.url}))
    raised = failing(client, call)
    assert type(raised) is STATUSES[status]
    assert isinstance(raised, ChatKitStatusError)
    code = "some_code" if status != 304 else None  # which has no body
    assert (raised.status_code, raised.code, raised.request_id, raised.retry_after) == (status, code, "req_1", None)
    assert str(raised) == f"OpenAI answered {status}" + (f" ({code})." if code else ".")


@pytest.mark.parametrize("place", [{"code": "insufficient_quota"}, {"code": None, "kind": "insufficient_quota"}])
def test_an_exhausted_quota_is_an_operators_fault(
    place: dict[str, Any], client: ChatKitClient, openai: FakeOpenAI
) -> None:
    raised = status_error(openai, client, error(429, headers={"Retry-After": "1"}, **place))
    assert type(raised) is ChatKitConfigurationRejected
    assert (raised.code, raised.status_code) == ("insufficient_quota", 429)


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "insufficient_quotas", None])
def test_any_other_429_is_a_limit_of_rate(code: str | None, client: ChatKitClient, openai: FakeOpenAI) -> None:
    assert type(status_error(openai, client, error(429, code))) is ChatKitRateLimited


def test_what_openai_itself_refuses(connect: Connect, openai: FakeOpenAI) -> None:
    wrong_key = failing(connect("sk-wrong-canary"))
    with pytest.raises(ChatKitConfigurationRejected) as missing:
        connect().create_session(user="u", workflow={"id": "unknown"})
    assert isinstance(wrong_key, ChatKitConfigurationRejected)
    assert (wrong_key.status_code, wrong_key.code) == (401, "invalid_api_key")
    assert (missing.value.status_code, missing.value.code) == (404, "not_found")
    assert "canary" not in f"{wrong_key} {wrong_key!r} {vars(wrong_key)}"


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        ("invalid_api_key", "invalid_request_error", "invalid_api_key"),
        (None, "server_error", "server_error"),
        ("Not plain", "server_error", "server_error"),
        (KEY, "server_error", "server_error"),
        ("a" * 65, None, None),
        ("a b", "<b>", None),
        (404, ["server_error"], None),
        ({"a": 1}, None, None),
        ("", "", None),
        ("a\n", "b\x00", None),
    ],
)
def test_the_code_is_openais_word_if_it_is_plain(
    code: Any, kind: Any, expected: str | None, client: ChatKitClient, openai: FakeOpenAI
) -> None:
    assert status_error(openai, client, error(500, code, kind=kind)).code == expected


def test_a_code_that_repeats_the_key_is_none(connect: Connect, openai: FakeOpenAI) -> None:
    raised = status_error(openai, connect("canary_key", max_retries=0), error(401, "bad_canary_key"))
    assert raised.code == "invalid_request_error"


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"{", b"[" * 100_000, b"\xff", [], "error", None, {}, {"error": None}, {"error": "canary"}],
)
def test_an_error_in_another_format(content: Any, client: ChatKitClient, openai: FakeOpenAI) -> None:
    raised = status_error(openai, client, answer(500, content))
    assert type(raised) is ChatKitServerError
    assert (str(raised), raised.code) == ("OpenAI answered 500.", None)


def test_an_error_that_is_too_large(client: ChatKitClient, openai: FakeOpenAI) -> None:
    raised = status_error(openai, client, answer(401, b" " * 2**25))
    assert (type(raised), raised.status_code) == (ChatKitConfigurationRejected, 401)


def test_an_error_that_cannot_be_unpacked(client: ChatKitClient, openai: FakeOpenAI) -> None:
    raised = status_error(openai, client, answer(401, b"{}", {"Content-Encoding": "gzip"}))
    assert (type(raised), raised.status_code) == (ChatKitConfigurationRejected, 401)


@pytest.mark.parametrize("request_id", ["canary text", f"req_{KEY}", "a" * 129, "<canary>"])
def test_a_request_id_that_is_not_plain_is_none(request_id: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    assert status_error(openai, client, error(500, headers={"x-request-id": request_id})).request_id is None


def test_no_text_of_openais_is_repeated(client: ChatKitClient, openai: FakeOpenAI) -> None:
    canary = {"message": "Canary", "type": "Canary-type", "param": "canary-param", "code": "Canary code"}
    openai.script(answer(401, {"error": canary}, {"X-Canary": "canary"}), raw(b"HTTP/1.1 500 Canary\r\n\r\ncanary"))
    for _ in range(2):
        raised = failing(client)
        assert "canary" not in f"{raised} {raised!r} {raised.args} {vars(raised)}".lower()


HTTP_DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "1.25"}, 1.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500.5", "Retry-After": "9"}, 1.5005),
        ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0),
        ({"Retry-After": HTTP_DATE}, 0.0),
        ({"Retry-After": "Sun Nov  6 08:49:37 1994"}, 0.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 -0000"}, 0.0),
        ({"Retry-After": "-7"}, None),
        ({"Retry-After": "+7"}, None),
        ({"Retry-After": "7 seconds"}, None),
        ({"Retry-After": "1e3"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "\xb2"}, None),
        ({"Retry-After": "9" * 10}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "9" * 5000}, None),
        ({"Retry-After": "Sun, 06 Nov 99999 08:49:37 GMT"}, None),
        ({"Retry-After": "Sun, 66 Nov 1994 08:49:37 GMT"}, None),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 +9999999999999999"}, None),
        ({"Retry-After": "tomorrow, " * 20}, None),
        ({"Retry-After": ""}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_retry_after(headers: dict[str, str], seconds: float | None, client: ChatKitClient, openai: FakeOpenAI) -> None:
    retry_after = status_error(openai, client, error(429, headers=headers)).retry_after
    assert retry_after == seconds
    assert isinstance(retry_after, float | None)


@pytest.mark.parametrize(
    "date",
    [
        lambda: formatdate(time.time() + 3600, usegmt=True),
        lambda: formatdate(time.time() + 3600),
        lambda: format_datetime(datetime.now(UTC) + timedelta(hours=1)),
    ],
    ids=["GMT", "-0000", "+0000"],
)
def test_retry_after_as_a_date(date: Callable[[], str], client: ChatKitClient, openai: FakeOpenAI) -> None:
    raised = status_error(openai, client, error(503, headers={"Retry-After": date()}))
    assert raised.retry_after == pytest.approx(3600, abs=30)


CUT: dict[str, Behaviour] = {
    "before a byte": hang_up,
    "in the status": raw(b"HTTP/1.1 20"),
    "in the body": cut,
    "in the chunks": raw(head(200, {"Transfer-Encoding": "chunked"}) + b'f\r\n{"client_sec'),
    "reset": reset,
    "reset before the request": Unread(reset),
    "not HTTP": raw(b"SSH-2.0-OpenSSH\r\n"),
    "a broken status": raw(b"HTTP/1.1 two hundred\r\n\r\n"),
    "a broken length": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n{}"),
    "broken chunks": raw(head(200, {"Transfer-Encoding": "chunked"}) + b"canary\r\n{}"),
    "a chunk of less than nothing": raw(head(200, {"Transfer-Encoding": "chunked"}) + b"-2\r\n{}\r\n0\r\n\r\n"),
    "a thousand headers": raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n"),
    "a header without end": raw(b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 100_000 + b"\r\n\r\n"),
    "an error in the body": raw(head(500, {"Content-Length": "10"}) + b"{"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("behaviour", CUT.values(), ids=CUT)
def test_a_connection_that_is_cut(behaviour: Behaviour, call: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(behaviour)
    raised = failing(client, call)
    assert type(raised) is ChatKitConnectionError
    assert raised.sent is True
    assert "canary" not in str(raised)


@pytest.mark.parametrize("length", ["-1", "many", ""])
def test_a_length_that_is_none_does_not_matter(length: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    body = b'{"client_secret": "ek_1", "expires_at": 1800000000}'
    openai.script(raw(head(200, {"Content-Length": length}) + body))
    assert client.create_session(user="u", workflow={"id": "wf_1"}).expires_at == 1_800_000_000


def test_nobody_listens(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    raised = failing(connect(base_url=f"http://127.0.0.1:{port}/v1", max_retries=0))
    assert type(raised) is ChatKitConnectionError
    assert (raised.sent, "NewConnectionError" in str(raised)) == (False, True)


def test_a_name_that_does_not_exist(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    raised = failing(connect(base_url="http://openai.invalid/v1", max_retries=0))
    assert type(raised) is ChatKitConnectionError
    assert raised.sent is False


def test_a_name_without_addresses(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [])
    raised = failing(connect(base_url="http://openai.invalid/v1", max_retries=0))
    assert type(raised) is ChatKitConnectionError
    assert raised.sent is False


def test_a_name_that_is_really_looked_up(connect: Connect) -> None:
    raised = failing(connect(base_url="http://openai.invalid/v1", max_retries=0, deadline=0.5))
    assert isinstance(raised, ChatKitConnectionError)
    assert raised.sent is False


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", "a..invalid"])
def test_a_name_that_is_none(host: str, connect: Connect) -> None:
    assert type(failing(connect(base_url=f"http://{host}/v1", max_retries=0))) is ChatKitConnectionError


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1/v1", "127.0.0.1/v1", "", "http://", "http://[::1"])
def test_a_base_url_that_is_none(base_url: str, connect: Connect) -> None:
    assert isinstance(failing(connect(base_url=base_url)), ChatKitConnectionError)


def test_no_tls(connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(Unread(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
    raised = failing(connect(base_url=f"https://127.0.0.1:{openai.port}/v1", max_retries=0))
    assert type(raised) is ChatKitConnectionError
    assert "SSLError" in str(raised)


@pytest.mark.parametrize("call", CALLS)
def test_a_read_timeout(call: str, connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(silent)
    started = time.monotonic()
    raised = failing(connect(timeout=(10, 0.1), deadline=10, max_retries=0), call)
    assert time.monotonic() - started < 5
    assert type(raised) is ChatKitTimeout
    assert (raised.sent, str(raised)) == (True, "OpenAI did not answer in time.")


def test_errors_can_be_copied_and_pickled(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(error(429, "slow_down", {"Retry-After": "2"}), hang_up, answer(200, b"<html>"))
    for _ in range(3):
        raised = failing(client)
        for again in (copy.copy(raised), copy.deepcopy(raised), pickle.loads(pickle.dumps(raised))):
            assert (type(again), again.args, vars(again)) == (type(raised), raised.args, vars(raised))
