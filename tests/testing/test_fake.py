"""The block: what is in it, that nothing leaves it, and that nothing is left of it."""

from __future__ import annotations

import subprocess
import sys
import threading
import unittest
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db.models.signals import pre_save
from django.test import AsyncClient, TestCase, override_settings

from django_chatkit import sessions, throttling
from django_chatkit.client import ChatKitClient, transport
from django_chatkit.client.gate import Gate
from django_chatkit.conf import conf
from django_chatkit.exceptions import ChatKitError
from django_chatkit.models import ChatSession
from django_chatkit.server import database
from django_chatkit.testing import FakeChatKit, fake_chatkit
from django_chatkit.throttling import SessionThrottle

from ..callers import SESSIONS, Browser, a_user, a_workflow
from ..crowd import at_once


def what_is_there() -> Any:
    """All that a block changes."""
    pools = {key: (pool, pool.gate) for key, pool in transport._pools.items()}
    return (
        django_settings._wrapped,
        dict(django_settings.DJANGO_CHATKIT),
        "get_adapter" in vars(transport._Session),
        Gate._wait,
        database.in_this_thread,
        throttling.count,
        len(pre_save.receivers),
        id(transport._pools),
        pools,
    )


def issue(user: str = "u1") -> Any:
    return ChatKitClient(conf.credentials().api_key, max_retries=0).create_session(user=user, workflow={"id": "wf_1"})


@pytest.mark.django_db
def test_a_page_gets_a_session(chatkit: FakeChatKit) -> None:
    workflow = a_workflow(state_variables={"plan": "gold"})
    answer = Browser(a_user()).issue(workflow="support")

    assert answer.status_code == 201
    [request], [session] = chatkit.requests, chatkit.sessions
    assert (request.method, request.path, request.query) == ("POST", "/chatkit/sessions", {})
    assert request.json["workflow"] == {"id": workflow.workflow_id, "state_variables": {"plan": "gold"}}
    assert request.headers["openai-beta"] == "chatkit_beta=v1"
    assert "authorization" not in request.headers
    assert answer.json()["id"] == session["id"] == ChatSession.objects.get().session_id
    assert [answer.json()["client_secret"]] == chatkit.secrets
    assert chatkit.secrets[0].startswith("ek_test_")
    assert chatkit.refusals == []


@pytest.mark.django_db
def test_it_is_cancelled(chatkit: FakeChatKit) -> None:
    browser = Browser(a_user())
    a_workflow()
    session_id = browser.issue().json()["id"]

    assert browser.cancel(session_id).json()["status"] == "cancelled"
    assert chatkit.cancelled == [session_id]
    assert [session["status"] for session in chatkit.sessions] == ["cancelled"]
    assert [request.path for request in chatkit.requests][1] == f"/chatkit/sessions/{session_id}/cancel"
    assert chatkit.requests[1].json is None


@pytest.mark.django_db
def test_a_users_threads_are_deleted(chatkit: FakeChatKit, settings: Any) -> None:
    user = a_user()
    sessions.create_session(a_workflow(), user=user)
    identifier = chatkit.sessions[0]["user"]
    mine = {chatkit.add_thread(identifier, "Tea") for _ in range(101)}
    other = chatkit.add_thread("somebody else")
    assert {thread["id"] for thread in chatkit.threads} == {*mine, other}

    call_command("delete_chatkit_user_data", "ada", "--yes")

    assert [thread["id"] for thread in chatkit.threads] == [other]


@pytest.mark.django_db
def test_no_throttle_counts_unless_it_is_asked_for(chatkit: FakeChatKit) -> None:
    a_workflow()
    browser = Browser(a_user())
    assert {browser.issue(refresh=True).status_code for _ in range(12)} == {201}
    with fake_chatkit(THROTTLE_RATE="0/min") as inner:
        assert browser.issue(refresh=True).json()["code"] == "throttled"
    assert (len(chatkit.requests), inner.requests) == (12, [])


@pytest.mark.django_db
def test_every_block_counts_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionThrottle, "timer", lambda _: 1_790_000_000.0)  # no minute ends meanwhile
    a_workflow()
    browser = Browser(a_user())

    def codes() -> list[int]:
        return [browser.issue(refresh=True).status_code for _ in range(3)]

    for _ in range(2):
        with fake_chatkit(THROTTLE_RATE="2/min"):
            assert codes() == [201, 201, 429]
            with fake_chatkit(THROTTLE_RATE="2/min"):
                assert codes() == [201, 201, 429]


@pytest.mark.django_db
def test_logging_out_in_a_transaction(chatkit: FakeChatKit, django_capture_on_commit_callbacks: Any) -> None:
    """That of a ``TestCase`` never ends, and nobody waits for it once the callbacks of its commit have been called."""
    a_workflow()
    browser = Browser(a_user())
    session_id = browser.issue().json()["id"]
    with django_capture_on_commit_callbacks(execute=True):
        browser.logout()
    assert chatkit.cancelled == [session_id]


def test_a_process_that_a_test_forks() -> None:
    program = (
        "import django, os; django.setup()\n"
        "from django_chatkit.client import ChatKitClient\n"
        "from django_chatkit.testing import fake_chatkit\n"
        "with fake_chatkit() as chatkit:\n"
        "    child = os.fork()\n"
        "    ChatKitClient('sk-mine').create_session(user='u1', workflow={'id': 'wf_1'})\n"
        "    assert len(chatkit.requests) == 1\n"
        "    if child:\n"
        "        assert os.waitpid(child, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("base_url", ["https://api.openai.com/v1", "https://gateway.example/chatkit/v2", "http://x:1"])
def test_nothing_reaches_the_network_whatever_the_settings_say(chatkit: FakeChatKit, base_url: str) -> None:
    client = ChatKitClient("sk-real", base_url=base_url)
    session = client.create_session(user="u1", workflow={"id": "wf_1"})
    assert client.cancel_session(session.id or "").status == "cancelled"
    assert chatkit.requests[0].path == "/chatkit/sessions"
    with override_settings(DJANGO_CHATKIT={"API_KEY": "sk-real", "BASE_URL": base_url}):
        issue()
    assert len(chatkit.requests) == 3
    assert "sk-real" not in repr(chatkit.requests)


def test_every_key_of_the_project_is_replaced(settings: Any) -> None:
    named = {"eu": {"api_key": "sk-real-eu", "organization": "org-eu"}, "us": "sk-real-us", "none": None}
    settings.DJANGO_CHATKIT = {"API_KEY": "sk-real", "API_KEYS": named, "USER_NAMESPACE": "staging"}
    with fake_chatkit():
        found = [conf.credentials(name) for name in ("", *named)]
        assert all(key.api_key.startswith("sk-test-") for key in found)
        assert len({str(key.api_key) for key in found}) == 4
        assert conf.credentials("eu").organization == "org-eu"
        assert conf.USER_NAMESPACE == "staging"
    assert str(conf.credentials("us").api_key) == "sk-real-us"


def test_settings_of_ones_own_win() -> None:
    with fake_chatkit(MAX_RETRIES=1, API_KEYS={"x": "sk-mine"}, THROTTLE_RATE="5/min"):
        assert (conf.MAX_RETRIES, conf.THROTTLE_RATE, str(conf.credentials("x").api_key)) == (1, "5/min", "sk-mine")


def test_a_project_without_the_setting(settings: Any) -> None:
    del settings.DJANGO_CHATKIT
    with fake_chatkit():
        issue()
    assert not hasattr(settings, "DJANGO_CHATKIT")


@pytest.mark.parametrize(("name", "hint"), [("THROTTLE", "did you mean 'THROTTLE_RATE'"), ("xyz", "no setting 'xyz'.")])
def test_an_unknown_setting(name: str, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        fake_chatkit(**{name: 1})


def test_nothing_is_left() -> None:
    before = what_is_there()
    with pytest.raises(ZeroDivisionError), fake_chatkit() as chatkit:
        issue()
        chatkit.fail("not_saved")
        1 / 0  # noqa: B018
    assert what_is_there() == before


def test_blocks_in_blocks() -> None:
    before = what_is_there()
    with fake_chatkit(MAX_RETRIES=7) as outer:
        outer.fail("upstream_error")
        with fake_chatkit() as inner:
            issue()
            assert conf.MAX_RETRIES == 0
        assert conf.MAX_RETRIES == 7
        with pytest.raises(ChatKitError):
            issue()
        outer.recover()
        issue()
    assert (len(inner.requests), len(outer.requests), len(outer.sessions)) == (1, 2, 1)
    assert what_is_there() == before


def test_one_decorator_within_itself() -> None:
    block = fake_chatkit()
    with block as outer, block as inner:
        issue()
    assert (len(outer.requests), len(inner.requests)) == (0, 1)


@pytest.mark.parametrize("inner", [{"DEBUG": True}, {"DJANGO_CHATKIT": {"API_KEY": "sk-other"}}])
def test_nothing_is_left_if_settings_that_were_changed_inside_come_back_later(inner: dict[str, Any]) -> None:
    """pytest-django's ``settings`` ends after the fixture ``chatkit`` where a test asks for both, in this order."""
    before, project = what_is_there(), conf.credentials().api_key
    block, later = fake_chatkit(), override_settings(**inner)
    block.enable()
    later.enable()
    block.disable()
    assert (conf.credentials().api_key == project) == ("DEBUG" in inner)
    later.disable()
    assert conf.credentials().api_key == project
    assert what_is_there()[1:] == before[1:]
    django_settings._wrapped = before[0]


def test_of_two_that_overlap_the_newer_one_answers() -> None:
    """As in two threads. Whichever ends first, nothing is left at the end."""
    before = what_is_there()
    first, second = fake_chatkit(), fake_chatkit()
    older, newer = first.enable(), second.enable()
    issue()
    first.disable()
    issue()
    second.disable()
    assert (len(older.requests), len(newer.requests)) == (0, 2)
    assert what_is_there()[1:] == before[1:]
    django_settings._wrapped = before[0]


def test_every_thread_is_served(chatkit: FakeChatKit) -> None:
    secrets = at_once(lambda: str(issue().client_secret), 16)
    assert sorted(secrets) == sorted(chatkit.secrets)
    chatkit.fail("upstream_error", times=7)
    assert sorted(at_once(lambda: _error(issue), 16)) == ["ChatKitServerError"] * 7 + ["None"] * 9
    chatkit.fail("upstream_timeout")
    assert at_once(lambda: _error(issue), 16) == ["ChatKitTimeout"] * 16


def _error(call: Any) -> str:
    try:
        call()
    except ChatKitError as error:
        return type(error).__name__
    return "None"


@pytest.mark.django_db(transaction=True)
def test_a_live_server(chatkit: FakeChatKit, live_server: Any) -> None:
    import requests

    a_workflow(allow_anonymous=True)
    with requests.Session() as browser:
        browser.trust_env = False
        browser.cookies["csrftoken"] = "c" * 32
        answer = browser.post(live_server.url + SESSIONS, json={}, headers={"X-CSRFToken": "c" * 32}, timeout=30)
    assert answer.status_code == 201
    assert [answer.json()["client_secret"]] == chatkit.secrets


@fake_chatkit(kwarg_name="fake")
def decorated(fake: FakeChatKit) -> int:
    issue()
    return len(fake.requests)


def test_as_the_decorator_of_a_function() -> None:
    assert [decorated(), decorated()] == [1, 1]


@fake_chatkit(THROTTLE_RATE=None)
class DecoratedTest(TestCase):
    chatkit: FakeChatKit

    def setUp(self) -> None:
        issue("set up")

    def test_a_session(self) -> None:
        issue()
        self.assertEqual([session["user"] for session in self.chatkit.sessions], ["set up", "u1"])

    def test_another(self) -> None:
        self.assertEqual(len(self.chatkit.requests), 1)

    async def test_async(self) -> None:
        workflow = await sync_to_async(a_workflow)(allow_anonymous=True)
        answer = await AsyncClient().post(SESSIONS, {"workflow": workflow.slug}, content_type="application/json")
        self.assertEqual(answer.json()["client_secret"], self.chatkit.secrets[1])


class EnteredTest(TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.whole = cls.enterClassContext(fake_chatkit())

    def setUp(self) -> None:
        self.chatkit = self.enterContext(fake_chatkit())

    def test_the_inner_one_answers(self) -> None:
        issue()
        self.assertEqual((len(self.chatkit.requests), len(self.whole.requests)), (1, 0))

    @fake_chatkit(kwarg_name="third")
    async def test_an_async_function(self, third: FakeChatKit) -> None:
        await sync_to_async(issue)()
        self.assertEqual((len(third.requests), len(self.chatkit.requests)), (1, 0))


def test_without_django_s_tests() -> None:
    class Plain(unittest.TestCase):
        @fake_chatkit(kwarg_name="chatkit")
        def test_it(self, chatkit: FakeChatKit) -> None:
            issue()
            self.assertEqual(len(chatkit.sessions), 1)

    result = Plain("test_it").run()
    assert result is not None
    assert result.wasSuccessful(), result.errors


def test_a_thread_that_outlives_the_request_is_served(chatkit: FakeChatKit) -> None:
    thread = threading.Thread(target=issue)
    thread.start()
    thread.join()
    assert len(chatkit.sessions) == 1
