"""Connection pools that read no byte after a deadline, shared by all threads of a process."""

from __future__ import annotations

import http.client
import io
import os
import socket
import threading
import time
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

#: ``time.monotonic()`` at which the call that is being made must be over.
give_up_at: ContextVar[float] = ContextVar("django_chatkit_give_up_at")

POOL_SIZE = 64

Manager = TypeVar("Manager", bound=PoolManager)

_pools: dict[tuple[str, str], requests.Session] = {}
_lock = threading.Lock()


def pool(api_key: str, base_url: str) -> requests.Session:
    """The session of this process for a key and base URL: no cookies, proxies as the environment says."""
    with _lock:
        key = (api_key, base_url)
        if key not in _pools:
            _pools[key] = _new_session()
        return _pools[key]


def _new_session() -> requests.Session:
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_maxsize=POOL_SIZE))
    return session


def _forget_pools() -> None:
    """A connection must not be shared with the parent process; nor may its lock stay locked in the child."""
    global _lock
    _lock = threading.Lock()
    _pools.clear()


os.register_at_fork(after_in_child=_forget_pools)


class _PunctualReader(io.RawIOBase):
    """Reads from a socket until the deadline of the call. A read timeout alone never trips on a byte a second."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._patience = sock.gettimeout() or float("inf")
        self._end = give_up_at.get()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._socket.settimeout(min(self._patience, remaining))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _PunctualSocket:
    """All that ``http.client`` asks of a socket when it reads an answer."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_PunctualReader(self._socket))


class _PunctualResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_PunctualSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _HTTPConnection(HTTPConnection):
    response_class = _PunctualResponse


class _HTTPSConnection(HTTPSConnection):
    response_class = _PunctualResponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager = _punctual(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        return _punctual(manager)


def _punctual(manager: Manager) -> Manager:
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return manager
