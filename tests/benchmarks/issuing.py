"""Issuing a session, and handing one out again: what the endpoint costs, against what one would write instead.

Everything runs in this process, without a server in between: what is timed is the view, the middleware of a new Django
project and the call to OpenAI, which answers at once.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_chatkit.models import ChatSession, Workflow

from .calling import Caller, login
from .figures import Figure, Goal, at_most
from .measuring import Cost, in_turns
from .starter import starter
from .upstream import upstream

BY_HAND = "(c) DRF view, serializer, SELECT, shared SDK client, INSERT"
PLAIN = "(a) plain view, shared SDK client, no checks, no record"
PER_REQUEST = "(b) plain view, SDK client per request"
SAMPLE = "(d) OpenAI's FastAPI sample"
FLOOR = "(e) view that returns a constant, and one exchange by http.client"
SAME_QUERIES = "DRF view with the same queries, nothing else"

WANTED = {"workflow": "support"}


def measure(*, quick: bool) -> Iterator[Figure]:
    with upstream() as url:
        os.environ["BENCHMARK_UPSTREAM"] = url
        settings.DJANGO_CHATKIT = {**settings.DJANGO_CHATKIT, "BASE_URL": url}
        Workflow.objects.create(slug="support", name="Support", workflow_id="wf_support")
        cookies = login(User.objects.create(username="ada"))
        effort = {"rounds": 3, "calls": 10} if quick else {"rounds": 20, "calls": 25}
        yield from _issuing(url, cookies, effort)
        yield from _handing_out_again(cookies, effort)


def _issuing(url: str, cookies: Mapping[str, str], effort: Mapping[str, int]) -> Iterator[Figure]:
    ours = Caller("/chatkit/sessions/", WANTED, cookies)
    with starter(url) as sample:
        rivals: dict[str, Callable[[], Any]] = {
            BY_HAND: Caller("/by-hand/", WANTED, cookies),
            PLAIN: Caller("/plain/", WANTED, cookies),
            PER_REQUEST: Caller("/client-per-request/", WANTED, cookies),
            SAMPLE: sample,
            FLOOR: _floor(url, cookies),
        }
        yield from _compared("issue a session", ours, rivals, {BY_HAND: at_most(0.9)}, effort)


def _handing_out_again(cookies: Mapping[str, str], effort: Mapping[str, int]) -> Iterator[Figure]:
    issued = Caller("/chatkit/sessions/", WANTED, cookies)()
    kept = {name: morsel.coded_value for name, morsel in issued.cookies.items() if name.startswith("chatkit_secret_")}
    ours = Caller("/chatkit/sessions/", WANTED, {**cookies, **kept})
    record = ChatSession.objects.get(session_id=issued.data["id"])
    asked = {**WANTED, "record": record.pk, "user_key": record.user_key}
    before = ChatSession.objects.count()
    same = {SAME_QUERIES: Caller("/same-queries/", asked, cookies)}
    yield from _compared("hand out a session again", ours, same, {SAME_QUERIES: at_most(1.2)}, effort)
    made = ChatSession.objects.count() - before
    yield Figure("hand out a session again", "calls to OpenAI, records", made, "", goal=at_most(0))


def _compared(
    what: str,
    ours: Caller,
    rivals: Mapping[str, Callable[[], Any]],
    goals: Mapping[str, Goal],
    effort: Mapping[str, int],
) -> Iterator[Figure]:
    ours()
    with CaptureQueriesContext(connection) as queries:
        ours()
    yield Figure(what, "queries", len(queries), "", note="with the session's and the user's")
    costs = in_turns({"": ours, **rivals}, **effort)
    for rival in rivals:
        yield from _costs(what, costs[""], rival, costs[rival], goals.get(rival))


def _costs(what: str, ours: Cost, rival: str, theirs: Cost, goal: Goal | None) -> Iterator[Figure]:
    yield Figure(what, "CPU", ours.cpu * 1000, "ms", rival, theirs.cpu * 1000, goal)
    yield Figure(what, "latency", ours.latency * 1000, "ms", rival, theirs.latency * 1000, goal)


def _floor(url: str, cookies: Mapping[str, str]) -> Callable[[], None]:
    """What nobody can do without: Django knows who asks, and OpenAI answers."""
    constant = Caller("/constant/", WANTED, cookies)
    address = urlsplit(url)
    upstream = http.client.HTTPConnection(address.hostname, address.port)
    body = json.dumps({"user": "1", "workflow": {"id": "wf_support"}})
    headers = {"Authorization": f"Bearer {settings.DJANGO_CHATKIT['API_KEY']}", "OpenAI-Beta": "chatkit_beta=v1"}

    def call() -> None:
        constant()
        upstream.request("POST", f"{address.path}/chatkit/sessions", body, headers)
        upstream.getresponse().read()

    return call
