"""While OpenAI does not answer, one call at a time finds out whether it does again, and no other waits for long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from django_chatkit.client import ChatKitClient, gate, transport
from django_chatkit.client.gate import MEMORY, PATIENCE, Gate, Passage
from django_chatkit.exceptions import ChatKitConfigurationRejected, ChatKitConnectionError, ChatKitTimeout
from tests.behaviours import answer, error, hang_up, held, silent
from tests.fake_openai import FakeOpenAI

from .conftest import KEY, Connect
from .test_connections import PREPARE, create, run
from .test_errors import CALLS, failing

REFUSAL = "OpenAI is not answering; one call at a time finds out whether it does again."
MOMENT = 0.001


class Timeline:
    """A gate whose clock stands still unless told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.gate = Gate(clock=lambda: self.now)
        self._under_way = ExitStack()

    def begin(self, *, lasting: float = 3600) -> Passage:
        return self._under_way.enter_context(self.gate.passage(self.now + lasting))

    def end_all(self) -> None:
        self._under_way.pop_all().close()

    def happened(self, *, answered: bool) -> None:
        """A whole call."""
        with self.gate.passage(self.now + 3600) as passage:
            passage.heard(answered=answered)
        self.now += MOMENT

    def verdict(self) -> str:
        """What would become of another call now."""
        try:
            with self.gate.passage(self.now):
                return "passes"
        except ChatKitTimeout:
            return "waits"
        except ChatKitConnectionError:
            return "is refused"


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.mark.parametrize("failures", [0, 1, 2, 9])
def test_a_call_that_comes_alone_passes(failures: int, timeline: Timeline) -> None:
    for _ in range(failures):
        timeline.happened(answered=False)
    assert timeline.verdict() == "passes"


@pytest.mark.parametrize(("pause", "verdict"), [(0, "passes"), (MEMORY, "is refused")])
def test_calls_that_are_given_little_time_say_little_of_a_slow_upstream(
    pause: float, verdict: str, timeline: Timeline
) -> None:
    """Logging out takes two seconds at most: no answer in so short a time is no outage, if there was one lately."""
    timeline.happened(answered=True)
    timeline.now += pause
    hasty = [timeline.begin(lasting=2) for _ in range(1 if pause else 2)]
    timeline.now += 2
    for passage in hasty:
        passage.heard(answered=False)
    timeline.begin()
    assert timeline.verdict() == verdict


def test_as_long_as_nobody_knows_the_second_waits_for_the_first(timeline: Timeline) -> None:
    timeline.begin()
    assert timeline.verdict() == "waits"
    timeline.now += PATIENCE - MOMENT
    assert timeline.verdict() == "waits"
    timeline.now += MOMENT
    assert timeline.verdict() == "is refused"
    timeline.end_all()
    assert timeline.verdict() == "passes"


def test_an_answer_lets_everyone_pass_for_a_while(timeline: Timeline) -> None:
    timeline.begin().heard(answered=True)
    assert timeline.verdict() == "passes"
    timeline.end_all()
    timeline.now += MEMORY
    timeline.begin()
    assert timeline.verdict() == "passes"
    timeline.now += MOMENT
    assert timeline.verdict() == "waits"


def test_silence_shuts_the_gate_even_soon_after_an_answer(timeline: Timeline) -> None:
    timeline.happened(answered=True)
    stuck = timeline.begin()
    timeline.now += PATIENCE
    assert timeline.verdict() == "is refused"
    stuck.heard(answered=True)
    assert timeline.verdict() == "passes"


@pytest.mark.parametrize(("failures", "verdict"), [(0, "passes"), (1, "waits"), (2, "is refused"), (9, "is refused")])
def test_one_failure_after_an_answer_is_a_doubt_and_two_are_an_outage(
    failures: int, verdict: str, timeline: Timeline
) -> None:
    timeline.happened(answered=True)
    for _ in range(failures):
        timeline.happened(answered=False)
    found_out = timeline.begin()
    assert timeline.verdict() == verdict
    found_out.heard(answered=True)
    assert timeline.verdict() == "passes"


def test_one_failure_without_a_recent_answer_is_an_outage(timeline: Timeline) -> None:
    timeline.happened(answered=True)
    timeline.now += MEMORY
    timeline.happened(answered=False)
    timeline.begin()
    assert timeline.verdict() == "is refused"


def test_a_failure_is_no_news_if_others_were_answered_meanwhile(timeline: Timeline) -> None:
    timeline.happened(answered=True)
    hasty = timeline.begin()  # one with a short deadline, say
    timeline.now += 1
    timeline.begin().heard(answered=True)
    hasty.heard(answered=False)
    assert timeline.verdict() == "passes"


def test_a_call_that_never_came_back_does_not_count_after_its_deadline(timeline: Timeline) -> None:
    timeline.begin(lasting=2)  # its thread is killed
    assert timeline.verdict() == "waits"
    timeline.now += 2
    assert timeline.verdict() == "passes"


@pytest.mark.parametrize("every", [0.1, 1, 4, 11, 60])
@pytest.mark.parametrize("takes", [3, 4.9])
def test_a_slow_upstream_is_open_to_all(takes: float, every: float, timeline: Timeline) -> None:
    """At most those wait that come while the very first call is under way."""
    verdicts = list(traffic(timeline, every, takes))
    assert "is refused" not in verdicts
    if every < MEMORY - takes:
        assert "waits" not in verdicts[int(takes / every) + 1 :]


def test_an_upstream_that_is_slower_than_that_is_not_for_one_at_a_time_either(timeline: Timeline) -> None:
    """Whoever comes within ``PATIENCE`` of an answer passes."""
    verdicts = list(traffic(timeline, every=1, takes=9))
    assert verdicts.count("passes") > 50


def traffic(timeline: Timeline, every: float, takes: float) -> Iterator[str]:
    """What becomes of 100 calls that come at regular times; those that pass are answered."""
    answers: list[tuple[float, ExitStack, Passage]] = []
    start = timeline.now
    for number in range(100):
        come = start + number * every
        while answers and answers[0][0] <= come:
            timeline.now, under_way, passage = answers.pop(0)
            passage.heard(answered=True)
            under_way.close()
        timeline.now = come
        yield (verdict := timeline.verdict())
        if verdict == "passes":
            under_way = ExitStack()
            answers.append((come + takes, under_way, under_way.enter_context(timeline.gate.passage(come + 15))))


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is not answered at once waits too long."""
    monkeypatch.setattr(gate, "PATIENCE", 0.0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, nobody waits too long."""
    monkeypatch.setattr(gate, "PATIENCE", 300.0)


def soon(condition: Any) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def waiting(openai: FakeOpenAI, api_key: str = KEY) -> int:
    """How many calls the gate keeps waiting."""
    news: Any = transport.pool(api_key, openai.url).gate._news
    return len(news._waiters)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_is_not_let_through(
    call: str, connect: Connect, openai: FakeOpenAI, threads: ThreadPoolExecutor
) -> None:
    release = threading.Event()
    openai.script(held(release))
    client = connect(timeout=(30, 30), deadline=60)
    first = threads.submit(create, client)
    soon(lambda: openai.requests)
    raised = failing(client, call)
    assert (type(raised), str(raised)) == (ChatKitConnectionError, REFUSAL)
    assert isinstance(raised, ChatKitConnectionError)
    assert raised.sent is False
    assert raised.__context__ is None
    assert len(openai.requests) == 1  # nor is it repeated: nobody was asked
    release.set()
    assert first.result().id in openai.sessions
    create(client)


@pytest.mark.usefixtures("patient")
def test_those_who_wait_pass_with_the_first_answer(
    connect: Connect, openai: FakeOpenAI, threads: ThreadPoolExecutor
) -> None:
    release = threading.Event()
    openai.script(held(release, error(401)))  # any answer is one
    client = connect(timeout=(30, 30), deadline=60)
    calls = [threads.submit(create, client) for _ in range(8)]
    soon(lambda: openai.requests and waiting(openai) == 7)
    assert len(openai.requests) == 1
    release.set()
    assert sum(isinstance(call.exception(), ChatKitConfigurationRejected) for call in calls) == 1
    assert len(openai.sessions) == 7


@pytest.mark.usefixtures("patient")
def test_when_the_first_fails_one_of_those_who_wait_is_next_and_the_others_are_refused(
    connect: Connect, openai: FakeOpenAI, threads: ThreadPoolExecutor
) -> None:
    first, second = threading.Event(), threading.Event()
    openai.script(held(first, hang_up), held(second))
    client = connect(timeout=(30, 30), deadline=60)
    calls = [threads.submit(create, client) for _ in range(8)]
    soon(lambda: openai.requests and waiting(openai) == 7)
    first.set()
    soon(lambda: sum(call.done() for call in calls) == 7)
    second.set()
    errors = [str(call.exception()) for call in calls if call.exception()]
    assert sorted(error == REFUSAL for error in errors) == [False] + 6 * [True]
    assert (len(openai.requests), len(openai.sessions)) == (2, 1)
    create(client)


@pytest.mark.usefixtures("patient")
def test_waiting_counts_towards_the_deadline(connect: Connect, openai: FakeOpenAI, threads: ThreadPoolExecutor) -> None:
    release = threading.Event()
    openai.script(held(release))
    first = threads.submit(create, connect(timeout=(30, 30), deadline=60))
    soon(lambda: openai.requests)
    raised = failing(connect(deadline=0.2))
    release.set()
    assert type(raised) is ChatKitTimeout
    assert raised.sent is False
    assert first.result().id
    assert len(openai.requests) == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("other", [{"api_key": "sk-tests-other"}, {"base_url": "http://localhost:{port}/v1"}])
def test_each_key_and_base_url_has_a_gate_of_its_own(
    other: dict[str, str], connect: Connect, openai: FakeOpenAI, threads: ThreadPoolExecutor
) -> None:
    release = threading.Event()
    openai.script(held(release))
    first = threads.submit(create, connect(timeout=(30, 30), deadline=60))
    soon(lambda: openai.requests)
    create(connect(**{name: value.format(port=openai.port) for name, value in other.items()}))
    release.set()
    assert first.result().id


@pytest.mark.usefixtures("impatient")
def test_whatever_ends_a_call_makes_way_for_the_next(client: ChatKitClient, openai: FakeOpenAI) -> None:
    class Interrupted(BaseException):
        pass

    calls = transport.pool(KEY, openai.url).gate
    with pytest.raises(Interrupted), calls.passage(time.monotonic() + 60):
        raise Interrupted
    create(client)
    openai.script(answer(200, b"<html>"), silent)
    failing(client)
    failing(client)
    create(client)


@pytest.mark.usefixtures("impatient")
def test_a_task_that_is_cancelled_leaves_its_thread_to_make_way(connect: Connect, openai: FakeOpenAI) -> None:
    release = threading.Event()
    openai.script(held(release))
    client = connect(timeout=(30, 30), deadline=60)

    async def cancel() -> Any:
        task = asyncio.create_task(asyncio.to_thread(create, client))
        await asyncio.to_thread(soon, lambda: openai.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        refused = failing(client)
        release.set()
        return refused

    assert str(asyncio.run(cancel())) == REFUSAL  # and its thread is over now
    create(client)


def test_a_forked_process_has_a_gate_of_its_own(openai: FakeOpenAI) -> None:
    script = """
    gate = transport.pool(sys.argv[1], sys.argv[2]).gate
    with gate.passage(float("inf")), gate._news:  # as other threads may be in the middle of things when this one forks
        child(create)
    create()
    """
    run(PREPARE + script, KEY, openai.url)
    assert len(openai.sessions) == 2


@pytest.mark.usefixtures("patient")
def test_of_many_threads_one_at_a_time_asks_while_openai_does_not_answer(
    connect: Connect, openai: FakeOpenAI, threads: ThreadPoolExecutor
) -> None:
    client = connect(timeout=(30, 30), deadline=60, max_retries=0)
    openai.script(hang_up)
    failing(client)
    for round_ in range(1, 4):
        release = threading.Event()
        openai.script(held(release, hang_up))
        calls: list[Future[Any]] = [threads.submit(failing, client) for _ in range(8)]
        soon(lambda calls=calls: sum(call.done() for call in calls) == 7)
        release.set()
        assert sum(str(call.result()) == REFUSAL for call in calls) == 7
        assert len(openai.requests) == 1 + round_
