"""All that may go wrong between this site and OpenAI, as a table: what OpenAI does, and what a visitor is told then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.behaviours import (
    Behaviour,
    Exchange,
    Unread,
    acting,
    after,
    answer,
    cut,
    drip,
    endless,
    hang_up,
    head,
    raw,
    reset,
    silent,
    then_reset,
)
from tests.fake_openai import FakeOpenAI

UPSTREAM_TEXT = "Incorrect API key provided: sk-tests-***-key"
REQUEST_ID = "req_from_the_server"
#: Names that the system's own resolver does not find, without asking anybody: one is too long, one is none.
TOO_LONG_A_NAME, NO_NAME = ".".join(["openai"] * 40) + ".invalid", "openai..invalid"


class Told(NamedTuple):
    """What the answer says: a row of the table of errors in the documentation."""

    status: int
    code: str
    detail: str


MISCONFIGURED = Told(503, "misconfigured", "The chat is not set up correctly.")
BUSY = Told(503, "upstream_rate_limited", "The chat is busy. Try again later.")
UPSTREAM = Told(502, "upstream_error", "The chat service cannot be reached. Try again later.")
TIMEOUT = Told(504, "upstream_timeout", "The chat service did not answer in time. Try again.")
NOT_SAVED = Told(503, "not_saved", "The chat session could not be saved. Try again.")


@dataclass(frozen=True)
class Fault:
    """What OpenAI does each time it is asked, and what comes of it: ``attempts`` that it saw, sessions ``created``.

    A ``slow`` one is met with little patience. ``base_url`` is where OpenAI seems to be, if not where it is.
    """

    name: str
    behaviour: Behaviour
    told: Told
    attempts: int = 1
    created: int = 0
    request_id: str | None = None
    slow: bool = False
    base_url: Callable[[FakeOpenAI], str] = lambda openai: openai.url


def says(status: int, code: str | None = None, **headers: str) -> Behaviour:
    """OpenAI's answer with a status, and with text that must not get further than the server."""
    content = {"error": {"message": UPSTREAM_TEXT, "type": "invalid_request_error", "code": code}}
    return answer(status, content, {"x-request-id": REQUEST_ID, **headers})


def redirects(status: int) -> Behaviour:
    """Send the client on, to where it would be given a session."""

    def behave(exchange: Exchange) -> bool | None:
        return says(status, Location=f"{exchange.server.url}/chatkit/sessions")(exchange)

    return behave


def issues(content: Any) -> Behaviour:
    """Create a session, and answer this."""
    return acting(answer(200, content, {"x-request-id": REQUEST_ID}))


def lacking(name: str) -> dict[str, Any]:
    """An answer without a field that a page cannot do without, but with secrets for anybody who looks."""
    full = {"id": "cksess_1", "client_secret": "ek_leak", "expires_at": int(time.time()) + 600, "status": "active"}
    return {field: value for field, value in full.items() if field != name}


HTML = b"<!doctype html><title>" + UPSTREAM_TEXT.encode() + b"</title>"
HALF = b'{"id": "cksess_1", "client_secret": "ek_le'
CHUNKED = head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
ENDLESS = head(200, {"Content-Type": "application/json"})


def answered(name: str, behaviour: Behaviour, told: Told, **more: Any) -> Fault:
    return Fault(name, behaviour, told, request_id=REQUEST_ID, **more)


REFUSALS = [
    *[answered(f"{status}", says(status), MISCONFIGURED) for status in (400, 401, 403, 404, 409, 422)],
    *[answered(f"{status}", redirects(status), MISCONFIGURED) for status in (301, 302, 303, 307, 308)],
    answered("302 to nowhere", says(302), MISCONFIGURED),
    answered("429 insufficient_quota", says(429, "insufficient_quota"), MISCONFIGURED),
    answered("429", says(429, "rate_limit_exceeded", **{"Retry-After": "0"}), BUSY, attempts=3),
]
ANSWERS = [
    *[answered(f"{status}", acting(says(status)), UPSTREAM, created=1) for status in (408, 500, 502, 503, 504, 529)],
    answered("HTML", issues(HTML), UPSTREAM, created=1),
    answered("half a document", issues(HALF), UPSTREAM, created=1),
    answered("nothing", issues(b""), UPSTREAM, created=1),
    answered("a list", issues([UPSTREAM_TEXT]), UPSTREAM, created=1),
    answered("a text", issues(UPSTREAM_TEXT), UPSTREAM, created=1),
    answered("null", issues(None), UPSTREAM, created=1),
    answered("no secret", issues(lacking("client_secret")), UPSTREAM, created=1),
    answered("no expires_at", issues(lacking("expires_at")), UPSTREAM, created=1),
]
CONNECTIONS = [
    Fault("reset before the request is read", Unread(reset), UPSTREAM, attempts=0),
    Fault("reset before the answer", acting(reset), UPSTREAM, created=1),
    Fault("reset in the headers", acting(then_reset(raw(b"HTTP/1.1 200 OK\r\nX-A: "))), UPSTREAM, created=1),
    Fault("reset in the body", then_reset(cut), UPSTREAM, created=1),
    Fault("hung up", acting(hang_up), UPSTREAM, created=1),
    Fault("cut in the body", cut, UPSTREAM, created=1),
    Fault("cut in a chunk", acting(raw(CHUNKED + b'f\r\n{"client_sec')), UPSTREAM, created=1),
    Fault("not HTTP", acting(raw(b"SMTP 220 welcome\r\n\r\n")), UPSTREAM, created=1),
    Fault("an endless body", acting(endless(ENDLESS, b" " * 2**20)), UPSTREAM, created=1),
    Fault("endless chunks", acting(endless(CHUNKED, b"10000\r\n" + b" " * 2**16 + b"\r\n")), UPSTREAM, created=1),
    Fault("endless headers", acting(endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 99)), UPSTREAM, created=1),
    Fault("an endless header", acting(endless(b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 2**16)), UPSTREAM, created=1),
    Fault(
        "plain HTTP for TLS",
        Unread(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        UPSTREAM,
        attempts=0,
        base_url=lambda openai: f"https://127.0.0.1:{openai.port}/v1",
    ),
    Fault("a name too long", hang_up, UPSTREAM, attempts=0, base_url=lambda _: f"http://{TOO_LONG_A_NAME}/v1"),
    Fault("a name that is none", hang_up, UPSTREAM, attempts=0, base_url=lambda _: f"http://{NO_NAME}/v1"),
]
DELAYS = [
    Fault(name, acting(behaviour), TIMEOUT, created=1, slow=True)
    for name, behaviour in {
        "silence": silent,
        "an answer that is too late": after(30),
        "a status line byte by byte": drip(b"", head(200, {}), 0.05),
        "headers byte by byte": drip(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"a" * 999, 0.05),
        "a body byte by byte": drip(head(200, {"Content-Length": "999"}), b" " * 998, 0.05),
        "a redirect byte by byte": drip(head(302, {"Location": "/"}), b" " * 999, 0.05),
        "continue, continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 99),
    }.items()
]  # fmt: skip
FAULTS = [*REFUSALS, *ANSWERS, *CONNECTIONS, *DELAYS]


def leaks(text: str) -> list[str]:
    """What neither a visitor nor a log may see."""
    return [word for word in ("sk-tests", "ek_", UPSTREAM_TEXT, "Incorrect") if word in text]
