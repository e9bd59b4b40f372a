"""The site, those who visit it, and the contenders for their sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.upstream import upstream

from .crowd import Crowd, Job, Outcome, crowd
from .people import DELAYS, move_in, settings_of, slug_of
from .servers import Server, running

MANY = 64


@dataclass(frozen=True)
class Contender:
    name: str
    path: str
    body: dict[str, Any]


OURS = Contender("ours", "/chatkit/sessions/", {"refresh": True})
BY_HAND = Contender("a view by hand", "/by-hand/", {})
CONTENDERS = (OURS, BY_HAND)


@dataclass(frozen=True)
class Trial:
    crowd: Crowd
    logins: list[str]
    settings: dict[str, Any]

    @contextmanager
    def on(self, server: Server) -> Iterator[Visit]:
        """The site behind this server, which has issued some sessions already."""
        with running(server, self.settings) as port:
            visit = Visit(self, server.name, port)
            for contender in CONTENDERS * 2:
                visit.issue(contender, 16, DELAYS[0], seconds=0.3)
            yield visit


@dataclass(frozen=True)
class Visit:
    """To the site behind the server of this name."""

    trial: Trial
    name: str
    port: int

    def issue(self, contender: Contender, clients: int, delay: float, **options: Any) -> Outcome:
        """So many clients ask for one session after the other. ``options`` are those of a ``Job``."""
        logins = self.trial.logins
        body = {"workflow": slug_of(delay), **contender.body}
        return self.trial.crowd.do(Job(self.port, contender.path, body, logins[:clients], logins[-1], **options))

    def look(self, pages: int) -> list[float]:
        """Seconds that the ordinary page takes while nothing else is asked for."""
        return self.issue(OURS, 0, DELAYS[0], pages=pages).pages


@contextmanager
def trial() -> Iterator[Trial]:
    """Upstreams and clients, while the block lasts."""
    with ExitStack() as stack:
        upstreams = {delay: stack.enter_context(upstream(delay)) for delay in DELAYS}
        yield Trial(stack.enter_context(crowd()), move_in(MANY), settings_of(upstreams))
