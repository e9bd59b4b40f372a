"""Connection pools that wait for nothing beyond a deadline, shared by all threads of a process."""

from __future__ import annotations

import http.client
import io
import os
import queue
import socket
import threading
import time
from contextlib import suppress
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from .gate import Gate

#: ``time.monotonic()`` at which the call that is being made must be over.
give_up_at: ContextVar[float] = ContextVar("django_chatkit_give_up_at")

POOL_SIZE = 64
#: Seconds after which an unused connection is not trusted again: routers forget idle ones without a word, and a
#: request that was lost on one cannot be repeated.
MAX_IDLE = 60.0

Manager = TypeVar("Manager", bound=PoolManager)

_pools: dict[tuple[str, str], _Session] = {}
_pools_of_parents: list[object] = []
_lock = threading.Lock()


def pool(api_key: str, base_url: str) -> _Session:
    """The session of this process for a key and base URL: no cookies, no redirects, proxies as the environment says."""
    with _lock:
        key = (api_key, base_url)
        if key not in _pools:
            _pools[key] = _Session(base_url)
        return _pools[key]


def _forget_pools() -> None:
    """A connection must not be shared with the parent process; nor may its lock stay locked in the child.

    The old pools are kept, because closing one takes a lock that a thread of the parent may have held.
    """
    global _lock, _pools
    _lock = threading.Lock()
    _pools_of_parents.append(_pools)
    _pools = {}


with suppress(AttributeError):  # Windows does not fork
    os.register_at_fork(after_in_child=_forget_pools)


class _Session(requests.Session):
    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.gate = Gate()
        self._base_url = base_url
        self._environment: dict[str, Any] | None = None
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(pool_maxsize=POOL_SIZE))

    @property
    def environment(self) -> dict[str, Any]:
        """The proxies and certificates that the environment names, as ``send`` takes them. requests would look them up
        for each request anew, which takes as long as the rest of it. (Python 3.11's ``cached_property`` has a lock,
        which a fork may leave locked.)
        """
        if self._environment is None:
            found = self.merge_environment_settings(self._base_url, {}, stream=True, verify=None, cert=None)
            self._environment = dict(found)
        return self._environment

    def get_redirect_target(self, _response: requests.Response) -> None:
        """Nowhere. ``allow_redirects=False`` alone still reads all of a redirect's body, and ``.netrc``."""


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager = _punctual(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        with _lock:  # or threads that start together get a manager each
            manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
            return _punctual(manager)


def _punctual(manager: Manager) -> Manager:
    """Have ``manager`` use the connections below. Those through a SOCKS proxy stay as they are."""
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _PUNCTUAL_POOLS.get(kind, kind) for scheme, kind in classes.items()}
    return manager


def _remaining(least: float = 0) -> float:
    """Seconds until the deadline, or ``least``. Raises ``TimeoutError`` if there are none."""
    seconds = max(give_up_at.get() - time.monotonic(), least)
    if seconds <= 0:
        raise TimeoutError
    return seconds


def _resolved(host: str, port: int) -> list[str]:
    """What ``host`` resolves to. In a thread, because the operating system cannot be told how long that may take."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))
        except (OSError, UnicodeError) as err:
            answers.put(err)

    threading.Thread(target=ask, name="django_chatkit name resolution", daemon=True).start()
    answer = answers.get(timeout=_remaining(least=0.001))
    if isinstance(answer, Exception):
        raise answer
    return answer


class _PunctualReader(io.RawIOBase):
    """Reads from a socket until the deadline of the call. A read timeout alone never trips on a byte a second."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._patience = sock.gettimeout() or float("inf")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.settimeout(min(self._patience, _remaining()))
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

    def begin(self) -> None:
        """Drop the headers that are not for us: cookies, and what cannot be parsed, whose text urllib3 would log."""
        super().begin()
        del self.headers["Set-Cookie"]
        self.headers.defects.clear()
        self.headers.set_payload("")


class _HTTPConnection(HTTPConnection):
    response_class = _PunctualResponse
    _used = 0.0

    @property
    def is_connected(self) -> bool:
        return super().is_connected and time.monotonic() - self._used < MAX_IDLE

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_remaining())
        super().send(data)
        self._used = time.monotonic()

    def _new_conn(self) -> socket.socket:
        """urllib3 would wait for the resolver without end, and as long as ``timeout`` for each of its addresses."""
        name, patience = self._dns_host, self.timeout or float("inf")
        error: Exception = NewConnectionError(self, "The name has no address.")
        try:
            for address in self._addresses():
                self._dns_host, self.timeout = address, min(patience, _remaining(least=0.001))
                try:
                    sock = super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError) as err:
                    error = err
                else:
                    sock.settimeout(min(patience, _remaining(least=0.001)))  # for TLS, which comes next
                    return sock
            raise error
        finally:
            self._dns_host, self.timeout = name, patience

    def _addresses(self) -> list[str]:
        try:
            return _resolved(self._dns_host, self.port)
        except queue.Empty:
            raise ConnectTimeoutError(self, "The name was not resolved in time.") from None
        except (OSError, UnicodeError):
            raise NewConnectionError(self, "The name cannot be resolved.") from None


class _HTTPSConnection(_HTTPConnection, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_PUNCTUAL_POOLS: dict[type, type] = {HTTPConnectionPool: _HTTPPool, HTTPSConnectionPool: _HTTPSPool}
