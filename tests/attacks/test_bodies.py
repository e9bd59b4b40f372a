# ruff: noqa: RUF001 (that is what it is about)
"""Bodies that a parser, a proxy or a worker might choke on, over a real socket where it is about how they arrive."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from urllib.parse import urlsplit

import pytest

from django_chatkit.models import ChatSession

from ..callers import CSRF_TOKEN, SESSIONS, Browser, a_workflow

pytestmark = pytest.mark.django_db

LONG = b'{"state_variables": {"a": "' + b"x" * 60_000 + b'"}}'

BAD = {
    "UTF-16": '{"refresh": true}'.encode("utf-16"),
    "UTF-16 without its mark": '{"refresh": true}'.encode("utf-16-le"),
    "UTF-32": '{"refresh": true}'.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "Latin 1": '{"workflow": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"workflow": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"workflow": "\xed\xa0\x80"}',
    "half a surrogate pair": b'{"workflow": "\\ud800"}',
    "a repeated name": b'{"workflow": "support", "workflow": "other"}',
    "a repeated name, escaped": b'{"workflow": "support", "workfl\\u006fw": "other"}',
    "a repeated name within": b'{"state_variables": {"a": 1, "a": 2}}',
    "NaN": b'{"refresh": NaN}',
    "Infinity": b'{"state_variables": {"a": Infinity}}',
    "minus Infinity": b'{"state_variables": {"a": -Infinity}}',
    "a number of 5000 digits": b'{"state_variables": {"a": ' + b"9" * 5000 + b"}}",
    "deep lists": b'{"state_variables": {"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "gzip": gzip.compress(b"{}"),
    "a bomb": gzip.compress(b'{"workflow": "' + b"0" * 30_000_000 + b'"}'),
    "deflate": zlib.compress(b"{}"),
    "a comment": b"{} // comment",
    "a tail": b"{}{}",
    "NUL behind": b"{}\0",
    "a script": b"<script>alert(1)</script>",
    "a pickle": b"\x80\x04cos\nsystem\n.",
    "XML": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
}


@pytest.fixture
def visitor(openai):
    a_workflow(allow_anonymous=True)
    return Browser()


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("encoding", [None, "gzip", "br", "deflate, gzip"])
def test_what_is_no_json_issues_nothing(visitor, openai, body, encoding):
    headers = {"content-encoding": encoding} if encoding else {}
    answer = visitor.generic("POST", SESSIONS, body, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert not ChatSession.objects.exists()
    assert openai.requests == []


def test_a_request_that_says_it_is_packed_is_not_unpacked(visitor, openai):
    """JSON is JSON, whatever a header says of it."""
    answer = visitor.generic("POST", SESSIONS, b"{}", "application/json", headers={"content-encoding": "gzip"})
    assert answer.status_code == 201


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "utf-7", "x" * 1000, "rot13", "zlib"])
def test_no_other_encoding_is_taken_from_the_media_type(visitor, charset):
    body = json.dumps({"workflow": "é"}, ensure_ascii=False).encode("latin-1")
    answer = visitor.generic("POST", SESSIONS, body, f"application/json; charset={charset}")
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")


# Over a socket


class Wire:
    """A visitor who writes requests by hand."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.address, self.host = (parts.hostname, parts.port), parts.netloc

    def raw(self, data: bytes) -> bytes:
        """All that comes back. The connection is half closed, so that no server waits for more."""
        with socket.create_connection(self.address, timeout=30) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has had enough
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except ConnectionError:
                pass
        return received

    def post(self, body: bytes, *headers: str, method: str = "POST", path: str = SESSIONS) -> tuple[int, bytes]:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {self.host}",
            f"Cookie: csrftoken={CSRF_TOKEN}",
            f"X-CSRFToken: {CSRF_TOKEN}",
            "Content-Type: application/json",
            "Connection: close",
            *headers,
        ]
        answer = self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return int(answer.split(b" ", 2)[1]) if answer else 0, answer


@pytest.fixture
def wire(transactional_db, openai, live_server):
    a_workflow(allow_anonymous=True)
    return Wire(live_server.url)


def test_a_body_by_hand(wire, openai):
    status, answer = wire.post(b"{}", "Content-Length: 2")
    assert (status, answer.count(b'client_secret":')) == (201, 1)


def test_too_much_by_its_length(wire, openai):
    body = b'{"workflow": "' + b"x" * 1_000_000 + b'"}'
    status, _ = wire.post(body, f"Content-Length: {len(body)}")
    assert status in (413, 0)  # 0: cut off while still sending
    assert openai.requests == []
    assert wire.post(b"{", "Content-Length: 9000000000")[0] in (400, 413)
    assert openai.requests == []


def test_lies_about_its_length(wire, openai):
    for length in ("-1", "x", "0x2", "1e3", "２", "99999999999999999999999", "2, 2", ""):
        status, answer = wire.post(b"{", f"Content-Length: {length}".encode().decode("latin-1"))
        assert status in (0, 201, 400, 413), (length, answer)
        assert b"Traceback" not in answer
    assert wire.post(b'{"refresh": tr', "Content-Length: 17")[0] == 400  # breaks off


CHUNKED = [
    b"2\r\n{}\r\n0\r\n\r\n",
    b"%x\r\n%s\r\n0\r\n\r\n" % (len(LONG) * 2, LONG * 2),
    b"ffffffffffffffff\r\n{}",
    b"-1\r\n{}\r\n0\r\n\r\n",
    b"zz\r\n",
]


@pytest.mark.parametrize("chunks", CHUNKED, ids=["good", "much", "endless", "negative", "nonsense"])
def test_chunks_are_refused_or_read_but_never_taken_for_no_body(wire, openai, chunks):
    """Django's own server hands none on."""
    status, answer = wire.post(chunks, "Transfer-Encoding: chunked")
    assert status in (400, 411, 413, 501)
    assert openai.requests == []
    assert b"client_secret" not in answer


def test_two_ways_to_say_where_it_ends(wire, openai):
    """What comes behind is no second request."""
    smuggled = f"POST {SESSIONS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    wire.post(b"0\r\n\r\n" + smuggled, "Content-Length: 4", "Transfer-Encoding: chunked")
    wire.post(b"{}" + smuggled, "Content-Length: 2", "Content-Length: 50")
    wire.post(b"0\r\n\r\n" + smuggled, "Transfer-Encoding: chunked", "Transfer-Encoding: identity")
    assert len(openai.requests) <= 1


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "DEBUG", "PROPFIND", "G" * 300, "PATCH"])
def test_odd_verbs(wire, openai, method):
    status, answer = wire.post(b"{}", "Content-Length: 2", method=method)
    assert status in (400, 405, 501, 0)
    assert CSRF_TOKEN.encode() not in answer  # TRACE would send the cookies back
    assert openai.requests == []


def test_a_header_of_a_request_does_not_go_on_in_the_answer(wire, openai):
    for value in ("x\r\n Y: 1", "x\rSet-Cookie: sessionid=1", "x\nSet-Cookie: sessionid=1"):
        _, answer = wire.post(b"{}", "Content-Length: 2", f"X-Request-ID: {value}", f"Origin: {value}")
        assert b"sessionid=1" not in answer


def test_underscores_do_not_stand_for_dashes(wire, settings):
    """``X_Forwarded_For`` must not become what ``NUM_PROXIES`` trusts."""
    _, answer = wire.post(b"{}", "Content-Length: 2", f"X_CSRFToken: {CSRF_TOKEN}")
    status, _ = Wire.post(wire, b"{}", "Content-Length: 2", "Transfer_Encoding: chunked")
    assert status == 201, answer
