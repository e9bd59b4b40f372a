"""Keeps an outage of OpenAI from taking all threads of a site: while it does not answer, one call at a time finds out.

A gate belongs to a connection pool, and so to one key, base URL and process. Any HTTP answer is an answer, whatever its
status. A call that comes alone always passes. Whether one passes that comes while others are under way depends:

- OpenAI *answers* (its last answer is at most ``MEMORY`` seconds old, and nothing failed since): it passes;
- *nobody knows* (no answer for longer, or a single failure since): it waits for what becomes of the others;
- OpenAI *does not answer*: it is refused at once. So it is after two failures in a row, after one without a recent
  answer, and once a call has been under way for ``PATIENCE`` seconds in which nothing at all was answered.

Nobody waits longer than ``PATIENCE``. An upstream that takes less than that for its answers is slow, not down, and open
to all; where it takes longer, whoever comes within ``PATIENCE`` of an answer passes. Every answer opens the gate again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..exceptions import ChatKitConnectionError, ChatKitTimeout

PATIENCE = 5.0
MEMORY = 10.0


@dataclass(frozen=True, eq=False)
class Passage:
    """A call that was let in: when it began and when it must be over, in seconds of the gate's clock."""

    began: float
    end: float
    gate: Gate = field(repr=False)

    def heard(self, *, answered: bool) -> None:
        """Tell what came of an attempt."""
        self.gate.learn(self, answered=answered)

    def was_hasty(self, now: float) -> bool:
        """Whether it was given less time than patience needs, as at a logout, and has used it up."""
        return self.end - self.began < PATIENCE and now >= self.end


class Gate:
    """Lets calls in, and learns from them whether OpenAI answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._news = threading.Condition()
        self._under_way: list[Passage] = []
        self._answered = float("-inf")
        self._failures = 0

    @contextmanager
    def passage(self, end: float) -> Iterator[Passage]:
        """Let one call in, with all of its attempts, which must be over at ``end``; wait for that if need be.

        Raises ``ChatKitConnectionError``, not ``sent``, if it may not pass.
        """
        passage = self._enter(end)
        try:
            yield passage
        finally:
            with self._news:
                self._under_way.remove(passage)
                self._news.notify_all()

    def learn(self, passage: Passage, *, answered: bool) -> None:
        """A failure is no news if something was answered since its call began, or lately and the call was hasty."""
        with self._news:
            now = self._clock()
            if answered:
                self._answered, self._failures = now, 0
            elif self._answered <= passage.began and not (self._is_recent(now) and passage.was_hasty(now)):
                self._failures += 1
            self._news.notify_all()

    def _is_recent(self, now: float) -> bool:
        return now - self._answered <= MEMORY

    def _enter(self, end: float) -> Passage:
        with self._news:
            while (wait := self._wait(now := self._clock())) > 0:
                if now >= end:
                    raise ChatKitTimeout("OpenAI did not answer in time.", sent=False)
                self._news.wait(min(wait, end - now))
            self._under_way.append(Passage(now, end, self))
            return self._under_way[-1]

    def _wait(self, now: float) -> float:
        """Seconds to wait for the others, at most. Raises if OpenAI does not answer."""
        others = [passage.began for passage in self._under_way if now < passage.end]  # later, its thread was killed
        if not others:
            return 0
        recent = self._is_recent(now)
        wait = max(min(others), self._answered) + PATIENCE - now
        if wait <= 0 or self._failures > (1 if recent else 0):
            message = "OpenAI is not answering; one call at a time finds out whether it does again."
            raise ChatKitConnectionError(message, sent=False)
        return 0 if recent and not self._failures else wait
