"""Answers of a self-hosted chat, streamed by uvicorn: events per second, CPU per event, and when the first one comes.

The rival is the SDK's own server as OpenAI's samples have it, which checks no login, has no limits and keeps everything
in memory; here whatever is said is in the database. The same agent answers in both, and the same clients listen.
What the database server takes of the CPU is not counted: it has a machine of its own, or could have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from ..figures import Figure, Goal, at_least, at_most
from .listening import Conversation, Listeners, listeners
from .servers import Server, uvicorn

RIVAL = "the SDK in FastAPI, in memory"
CLIENTS = 20
#: An answer that is nearly nothing but what each answer costs besides its words.
SHORT = "10 words"
#: How an answer comes, and what the visitor says to get it so.
PACES = {"as fast as they are taken": "{} words", "one by one": "{} words one by one"}


@dataclass(frozen=True)
class Size:
    """``threads`` are those that each client begins in a round; ``alone``, how often a client asks who is alone."""

    rounds: int
    words: int
    threads: int
    alone: int


@dataclass(frozen=True)
class Contender:
    server: Server
    path: str
    bearers: list[str]

    def asks(self, text: str, clients: int, threads: int) -> Conversation:
        return Conversation(self.server.port, self.path, self.bearers[:clients], text, threads)


@dataclass(frozen=True)
class Round:
    """``rate`` in events per second; ``cpu`` in seconds per event, ``answer`` in seconds per answer."""

    rate: float
    cpu: float
    answer: float


def measure(*, quick: bool) -> Iterator[Figure]:
    size = Size(rounds=2, words=200, threads=1, alone=10) if quick else Size(rounds=7, words=500, threads=2, alone=40)
    with ExitStack() as stack:
        rival = Contender(stack.enter_context(uvicorn("rival")), "/chatkit", ["none"] * CLIENTS)
        both, clients = (_ours(stack), rival), stack.enter_context(listeners())
        yield from _crowd(both, clients, size)
        yield from _alone(both, clients, size.alone)


def _ours(stack: ExitStack) -> Contender:
    from .visitors import SETTINGS, SLUG, secrets_of

    server = stack.enter_context(uvicorn("ours", BENCHMARK_SETTINGS=json.dumps(SETTINGS)))
    return Contender(server, f"/chatkit/chat/{SLUG}/", secrets_of(CLIENTS))


def _crowd(both: tuple[Contender, Contender], clients: Listeners, size: Size) -> Iterator[Figure]:
    texts = [text.format(size.words) for text in PACES.values()] + [SHORT]
    found: dict[str, tuple[list[Round], list[Round]]] = {text: ([], []) for text in texts}
    for contender in both:
        _round(contender, SHORT, clients, 2)
    for _ in range(size.rounds):
        for text in texts:
            for contender, rounds in zip(both, found[text], strict=True):
                rounds.append(_round(contender, text, clients, size.threads))
    for pace, text in zip(PACES, texts, strict=False):
        what = f"{CLIENTS} answers of {size.words} words at a time, {pace}"
        yield _compared(what, "events", "/s", [[each.rate for each in rounds] for rounds in found[text]], at_least(0.7))
        cpu = [[each.cpu * 1e6 for each in rounds] for rounds in found[text]]
        yield _compared(what, "CPU per event", "µs", cpu, at_most(1.5))
    short = [[each.answer * 1e3 for each in rounds] for rounds in found[SHORT]]
    yield _compared(f"{CLIENTS} answers of {SHORT} at a time", "CPU per answer", "ms", short)


def _round(contender: Contender, text: str, clients: Listeners, threads: int) -> Round:
    before = contender.server.cpu()
    heard = clients.hear(contender.asks(text, CLIENTS, threads))
    cpu = contender.server.cpu() - before
    return Round(heard.events / heard.seconds, cpu / heard.events, cpu / (CLIENTS * threads))


def _alone(both: tuple[Contender, Contender], clients: Listeners, times: int) -> Iterator[Figure]:
    """Each time over a new connection, of which the first answer does not count."""
    heard = [[], []]
    for _ in range(times):
        for contender, found in zip(both, heard, strict=True):
            found.append(clients.hear(contender.asks(SHORT, 1, 4)))
    first = [[seconds * 1e3 for each in found for seconds in each.first_event[1:]] for found in heard]
    yield _compared("one answer at a time", "time to the first event", "ms", first, at_most(2))
    word = [[seconds * 1e3 for each in found for seconds in each.first_word[1:]] for found in heard]
    yield _compared("one answer at a time", "time to the first word", "ms", word)


def _compared(what: str, measure: str, unit: str, found: list[list[float]], goal: Goal | None = None) -> Figure:
    ours, theirs = map(median, found)
    return Figure(what, measure, ours, unit, RIVAL, theirs, goal)
