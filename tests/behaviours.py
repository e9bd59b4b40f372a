"""How the fake OpenAI of the tests can misbehave: what it may do with a request instead of answering normally."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .fake_openai import FakeOpenAI, Received


@dataclass(frozen=True)
class Exchange:
    """What a behaviour has at hand: the request, and the socket to answer on."""

    server: FakeOpenAI
    socket: socket.socket
    request: Received

    def send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        fields = {"Content-Type": "application/json", "x-request-id": f"req_{secrets.token_hex(8)}"}
        fields |= {"Content-Length": str(len(body)), **(headers or {})}
        self.socket.sendall(head(status, fields) + body)

    def wait(self, seconds: float) -> None:
        """Sleep, unless the server is being stopped."""
        if self.server.stopping.wait(seconds):
            raise ConnectionAbortedError


#: Does something with the exchange; the connection is closed unless it returns ``True``.
Behaviour: TypeAlias = Callable[[Exchange], bool | None]


def head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unknown')}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


def normal(exchange: Exchange) -> bool:
    """What OpenAI does."""
    status, answer = exchange.server.respond(exchange.request)
    exchange.send(status, json.dumps(answer).encode())
    return True


def answer(status: int = 200, content: Any = None, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer ``status`` with ``content``: bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    def behave(exchange: Exchange) -> bool:
        exchange.send(status, body, headers)
        return True

    return behave


def error(status: int, code: str | None = None, headers: Mapping[str, str] | None = None, **more: Any) -> Behaviour:
    """An error in OpenAI's format."""
    return answer(status, failure("Scripted.", code, **more), headers)


def raw(data: bytes) -> Behaviour:
    """Send these bytes, whatever they are, and close the connection."""
    return lambda exchange: exchange.socket.sendall(data)


def drip(start: bytes, rest: bytes, every: float) -> Behaviour:
    """Send ``start`` at once, then ``rest`` byte by byte."""

    def behave(exchange: Exchange) -> None:
        exchange.socket.sendall(start)
        for byte in rest:
            exchange.wait(every)
            exchange.socket.sendall(bytes([byte]))

    return behave


def endless(start: bytes, chunk: bytes) -> Behaviour:
    """Send ``start``, then ``chunk`` again and again, for as long as the client takes it."""

    def behave(exchange: Exchange) -> None:
        exchange.socket.sendall(start)
        while not exchange.server.stopping.is_set():
            exchange.socket.sendall(chunk)

    return behave


def cut(exchange: Exchange) -> None:
    """Do what OpenAI does, and send half of the answer."""
    body = json.dumps(exchange.server.respond(exchange.request)[1]).encode()
    exchange.socket.sendall(head(200, {"Content-Length": str(len(body))}) + body[: len(body) // 2])


def silent(exchange: Exchange) -> None:
    """Never answer."""
    while exchange.socket.recv(2**16):
        pass


def reset(exchange: Exchange) -> None:
    """Close the connection with an RST."""
    exchange.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def then_reset(behaviour: Behaviour) -> Behaviour:
    """Do this, and close the connection with an RST."""

    def behave(exchange: Exchange) -> None:
        reset(exchange)
        behaviour(exchange)

    return behave


@dataclass(frozen=True)
class Unread:
    """Do this as soon as the request begins to arrive, before reading any of it. Not for TLS."""

    behaviour: Behaviour

    def __call__(self, exchange: Exchange) -> bool | None:
        return self.behaviour(exchange)


def hang_up(exchange: Exchange) -> None:
    """Close the connection without an answer."""


def acting(behaviour: Behaviour) -> Behaviour:
    """Do what OpenAI does with the request, and then ``behaviour`` in place of the answer."""

    def behave(exchange: Exchange) -> bool | None:
        exchange.server.respond(exchange.request)
        return behaviour(exchange)

    return behave


def after(seconds: float, behaviour: Behaviour = normal) -> Behaviour:
    """The same, later."""

    def behave(exchange: Exchange) -> bool | None:
        exchange.wait(seconds)
        return behaviour(exchange)

    return behave


def held(until: threading.Event, behaviour: Behaviour = normal) -> Behaviour:
    """The same, once the event has happened."""

    def behave(exchange: Exchange) -> bool | None:
        while not until.wait(0.02):
            exchange.wait(0)
        return behaviour(exchange)

    return behave


def failure(message: str, code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
