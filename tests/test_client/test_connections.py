"""Connections: shared by threads, never with a parent process; no redirects, cookies or ``.netrc``; proxies."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from django_chatkit.client import ChatKitClient, ChatKitSession, transport
from django_chatkit.exceptions import ChatKitConfigurationRejected, ChatKitConnectionError
from tests.behaviours import Exchange, after, answer, endless, error, hang_up, head, raw
from tests.fake_openai import FakeOpenAI

from .conftest import KEY, Connect
from .test_answers import FULL
from .test_deadline import BODY
from .test_errors import failing

THREADS = 8


def create(client: ChatKitClient) -> ChatKitSession:
    return client.create_session(user="u", workflow={"id": "wf_1"})


def in_threads(count: int, target: Callable[[], Any]) -> None:
    """Run ``target`` in ``count`` threads that all start at the same moment."""
    together = threading.Barrier(count)
    with ThreadPoolExecutor(count) as executor:
        for future in [executor.submit(lambda: (together.wait(), target())) for _ in range(count)]:
            future.result()


def test_one_connection_serves_one_call_after_another(connect: Connect, openai: FakeOpenAI) -> None:
    for _ in range(5):
        thread = threading.Thread(target=create, args=[connect()])  # under ASGI, every request is a new one
        thread.start()
        thread.join()
    connect().cancel_session(next(iter(openai.sessions)))
    assert (len(openai.requests), openai.connections) == (6, 1)


def test_threads_share_connections(connect: Connect, openai: FakeOpenAI) -> None:
    in_threads(THREADS, lambda: [create(connect()) for _ in range(5)])
    assert len(openai.sessions) == THREADS * 5
    assert openai.connections <= THREADS


def slowly(target: Callable[..., Any]) -> Callable[..., Any]:
    """``target``, but so slow that threads which do not wait for each other get in each other's way."""

    def wait(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.02)
        return target(*args, **kwargs)

    return wait


def test_threads_that_start_together_share_one_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_Session", slowly(transport._Session))
    pools: list[object] = []
    in_threads(50, lambda: pools.append(transport.pool(KEY, "http://127.0.0.1:1")))
    transport._pools.pop((KEY, "http://127.0.0.1:1")).close()
    assert (len(pools), len(set(map(id, pools)))) == (50, 1)


@pytest.mark.parametrize("other", [{"api_key": "sk-tests-other"}, {"base_url": "http://localhost:{port}/v1"}])
def test_each_key_and_base_url_has_its_own(other: dict[str, str], connect: Connect, openai: FakeOpenAI) -> None:
    create(connect())
    create(connect(**{name: value.format(port=openai.port) for name, value in other.items()}))
    assert [request.connection for request in openai.requests] == [1, 2]


@pytest.mark.parametrize("status", [302, 400, 401, 429, 500])
def test_an_error_does_not_cost_the_connection(status: int, connect: Connect, openai: FakeOpenAI) -> None:
    openai.script(error(status))
    failing(connect(max_retries=0))
    create(connect())
    assert openai.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_not_used(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(raw(head(200, {"Content-Length": str(len(BODY))}) + BODY))
    create(client)
    time.sleep(0.05)
    create(client)
    assert [request.connection for request in openai.requests] == [1, 2]


def test_a_connection_that_was_idle_for_long_is_not_used(
    client: ChatKitClient, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(client)
    create(client)
    monkeypatch.setattr(transport, "MAX_IDLE", 0.0)
    create(client)
    assert [request.connection for request in openai.requests] == [1, 1, 2]


def test_bytes_that_nobody_asked_for_are_not_the_next_answer(client: ChatKitClient, openai: FakeOpenAI) -> None:
    forged = head(200, {"Content-Length": "2"}) + b"{}"

    def twice(exchange: Exchange) -> bool:
        exchange.socket.sendall(head(500, {"Content-Length": "2"}) + b"{}" + forged)
        return True

    openai.script(twice)
    failing(client)
    created = create(client)
    assert list(openai.sessions) == [created.id]


def test_more_threads_than_the_pool_holds(
    connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "POOL_SIZE", 2)
    openai.script(*[after(0.05)] * 6)
    in_threads(6, lambda: create(connect()))
    assert len(openai.sessions) == 6


def run(script: str, *arguments: str) -> str:
    """What a Python process of its own prints, warnings being errors."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(script), *arguments]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=root, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


PREPARE = """
    import gc, os, queue, sys
    from contextlib import ExitStack
    from django_chatkit.client import ChatKitClient, ChatKitSession, transport

    client = ChatKitClient(sys.argv[1], base_url=sys.argv[2], deadline=10)
    create = lambda: client.create_session(user="u", workflow={"id": "wf_1"})

    def child(work):
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            work()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_forked_process_has_its_own_connections(openai: FakeOpenAI) -> None:
    run(PREPARE + "    create(); child(lambda: (create(), create())); create()", KEY, openai.url)
    assert [request.connection for request in openai.requests] == [1, 2, 2, 1]


def test_what_happens_in_a_fork(client: ChatKitClient, openai: FakeOpenAI) -> None:
    """The same within this process, because coverage does not look into that of another."""
    create(client)
    transport._forget_pools()
    create(client)
    create(client)
    assert [request.connection for request in openai.requests] == [1, 2, 2]
    kept: Any = transport._pools_of_parents.pop()
    kept.popitem()[1].close()


def test_a_fork_at_a_bad_moment(openai: FakeOpenAI) -> None:
    script = """
    create()
    queues = [item for item in gc.get_objects() if isinstance(item, queue.LifoQueue)]
    assert queues
    with ExitStack() as held:  # as other threads may hold them when this one forks
        for lock in [transport._lock, *(item.mutex for item in queues)]:
            held.enter_context(lock)
        child(create)
    create()
    """
    run(PREPARE + script, KEY, openai.url)
    assert [request.connection for request in openai.requests] == [1, 2, 1]


@pytest.mark.parametrize("location", ["{url}/elsewhere", "http://openai.invalid/", "//[", "http://[::1", "\xff", ""])
@pytest.mark.parametrize("status", [301, 307, 308])
def test_redirects_are_not_followed(status: int, location: str, client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(error(status, headers={"Location": location.format(url=openai.url)}))
    raised = failing(client)
    assert type(raised) is ChatKitConfigurationRejected
    assert raised.status_code == status
    assert len(openai.requests) == 1


def test_a_redirect_without_end_is_not_read(client: ChatKitClient, openai: FakeOpenAI) -> None:
    sent: list[int] = []

    def count(exchange: Exchange) -> None:
        exchange.socket.sendall(head(302, {"Location": "/"}))
        while True:
            sent.append(exchange.socket.send(b" " * 2**20))

    openai.script(count)
    assert type(failing(client)) is ChatKitConfigurationRejected
    assert sum(sent) < 2**26


def test_cookies_are_neither_kept_nor_sent(client: ChatKitClient, openai: FakeOpenAI) -> None:
    for domain in (
        "",
        "; Domain=127.0.0.1",
        "; Path=/; Max-Age=600",
        "; expires=soon; version=x",
        "; max-age",
        "; domain",
    ):
        openai.script(answer(200, FULL, {"Set-Cookie": f"canary=1{domain}"}))
        create(client)
    create(client)
    assert all("Cookie" not in request.headers for request in openai.requests)
    assert not [cookie for session in transport._pools.values() for cookie in session.cookies]


def test_netrc_is_not_read(
    client: ChatKitClient, openai: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\ndefault login canary password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    create(client)
    openai.script(error(302, headers={"Location": openai.url}))
    failing(client)
    assert [request.headers["Authorization"] for request in openai.requests] == [f"Bearer {KEY}"] * 2


def test_a_password_in_the_base_url_is_not_sent_in_place_of_the_key(connect: Connect, openai: FakeOpenAI) -> None:
    create(connect(base_url=f"http://canary:canary@127.0.0.1:{openai.port}/v1"))
    assert openai.requests[0].headers.get_all("Authorization") == [f"Bearer {KEY}"]


def test_a_proxy_of_the_environment_is_used(
    connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{openai.port}")
    openai.script(answer(200, FULL), answer(200, FULL))
    for _ in range(2):
        create(connect(base_url="http://openai.invalid/v1"))
    assert {request.path for request in openai.requests} == {"http://openai.invalid/v1/chatkit/sessions"}
    assert openai.connections == 1


def test_a_tunnel_is_asked_for_tls(connect: Connect, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{openai.port}")
    openai.script(raw(head(407, {"Proxy-Authenticate": "Basic"})))
    assert type(failing(connect(base_url="https://openai.invalid/v1"))) is ChatKitConnectionError
    (request,) = openai.requests
    assert (request.method, request.path) == ("CONNECT", "openai.invalid:443")
    assert KEY not in str(request.headers)


def test_hosts_of_no_proxy_are_asked_directly(
    client: ChatKitClient, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    create(client)
    assert openai.requests[0].path == "/v1/chatkit/sessions"


def test_threads_that_start_together_share_one_way_to_the_proxy(
    openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests.adapters, "proxy_from_url", slowly(requests.adapters.proxy_from_url))
    adapter: Any = transport.pool(KEY, openai.url).get_adapter("http://")
    managers: list[object] = []
    in_threads(50, lambda: managers.append(adapter.proxy_manager_for("http://127.0.0.1:1")))
    assert (len(managers), len(set(map(id, managers)))) == (50, 1)


def test_the_rest_of_a_large_answer_is_not_waited_for(client: ChatKitClient, openai: FakeOpenAI) -> None:
    openai.script(endless(head(200, {}), b" " * 2**16), hang_up)
    failing(client)
    failing(client)
    assert [request.connection for request in openai.requests] == [1, 2]
