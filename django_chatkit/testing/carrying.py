"""What carries this process's requests to OpenAI while a fake is there: a function call. Nothing reaches a network."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Protocol
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import requests
from django.db.models.signals import pre_save
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from ..client import gate, transport
from ..server import database
from .api import ReceivedRequest
from .counting import forget, remembering


class Upstream(Protocol):
    """What answers in place of OpenAI, and what may stop a record from being saved."""

    def respond(self, request: ReceivedRequest, authorization: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer. Raises what ``requests`` raises if there is none."""

    def before_saving(self) -> None:
        """The record of a new session is about to be saved. May raise."""


_lock = threading.Lock()
_upstreams: list[Upstream] = []
_installed = ExitStack()


def begin(upstream: Upstream) -> None:
    """Have ``upstream`` answer every request of this process, in place of the one that does so far."""
    with _lock:
        forget()
        if not _upstreams:
            _install()
        _upstreams.append(upstream)


def finish(upstream: Upstream) -> None:
    """Undo ``begin``: with the last one, everything is as it was."""
    with _lock:
        _upstreams.remove(upstream)
        if not _upstreams:
            _installed.close()
        forget()


def _install() -> None:
    """Connection pools of our own, which end with us; calls that never wait for each other. And whoever uses the
    database does so in the test's own thread, because no other one sees its transaction.
    """
    from .. import throttling  # which needs settings

    pools: dict[tuple[str, str], transport._Session] = {}
    _installed.callback(_close, pools)
    for holder, name, value in (
        (transport, "_pools", pools),
        (transport._Session, "get_adapter", lambda *_args, **_kwargs: _Adapter()),
        (gate.Gate, "_wait", lambda *_args: 0),
        (database, "in_this_thread", True),
        (throttling, "count", remembering(throttling.count)),
    ):
        _installed.enter_context(mock.patch.object(holder, name, value))
    pre_save.connect(_before_saving, dispatch_uid=__name__)
    _installed.callback(pre_save.disconnect, dispatch_uid=__name__)


def _close(pools: Mapping[tuple[str, str], requests.Session]) -> None:
    for pool in pools.values():
        pool.close()


def _before_saving(sender: Any, instance: Any, **_kwargs: Any) -> None:
    if sender._meta.label == "django_chatkit.ChatSession" and instance._state.adding:
        _upstreams[-1].before_saving()


class _Adapter(BaseAdapter):
    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        received = _received(request)
        try:
            status, headers, body = _upstreams[-1].respond(received, request.headers.get("Authorization", ""))
        except requests.RequestException as error:
            error.request = request
            raise
        response = requests.Response()
        response.status_code, response.raw, response.url = status, io.BytesIO(body), request.url or ""
        response.headers = CaseInsensitiveDict({"x-request-id": f"req_{uuid.uuid4().hex}", **headers})
        return response

    def close(self) -> None:
        """Nothing is open."""


def _received(request: requests.PreparedRequest) -> ReceivedRequest:
    url, body = urlsplit(request.url or ""), request.body or b""
    headers = CaseInsensitiveDict({name: value for name, value in request.headers.items() if name != "Authorization"})
    return ReceivedRequest(
        method=request.method or "",
        path="/chatkit/" + str(url.path).rpartition("/chatkit/")[2],
        query=dict(parse_qsl(str(url.query), keep_blank_values=True)),
        headers=headers,
        body=body.encode() if isinstance(body, str) else body,
    )
