"""The pages, each with the same one as one would write it, if there is one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.utils import timezone

from django_chatkit.admin.date_hierarchy import Period
from django_chatkit.admin.lists import BoundedPaginator
from django_chatkit.admin.session_list import SessionPaginator
from django_chatkit.models import ChatSession, ChatThread, Workflow
from tests.benchmarks.rows import SLUGS

from .filling import FREQUENT

SESSIONS, THREADS, WORKFLOWS = "chatsession/", "chatthread/", "workflow/"
APP = "django_chatkit/"
OURS, PLAIN = f"/admin/{APP}", f"/plain/{APP}"
#: Rows of a page of the admin.
PAGE = 100


@dataclass(frozen=True)
class Page:
    """``client`` is who looks at it. The plain one of statistics is ``only_numbers``, without a page around them."""

    name: str
    address: str
    plain: str = ""
    client: str = "admin"
    only_numbers: bool = False


def pages() -> Iterator[Page]:
    """All of them, for the rows that are there now."""
    yield from _own()
    yield from _session_list()
    yield from _searches()
    yield from _workflows()
    yield from _conversations()
    yield Page("admin: index", "/admin/", "/plain/")


def _own() -> Iterator[Page]:
    """The caller's own list. By page number, the plain one counts."""
    for client in ("few", "many"):
        user = User.objects.get(username=FREQUENT if client == "many" else "user-7")
        theirs = ChatSession.objects.filter(user=user).order_by("-id")
        count = theirs.count()
        middle = theirs[count // 2]
        cursor = b64encode(urlencode({"p": middle.pk}).encode()).decode()
        yield Page(f"own sessions, of {client}", "/chatkit/sessions/", "/plain-sessions/", client)
        deep = f"/plain-sessions/?page={max(1, count // 40)}"
        yield Page(f"own sessions, of {client}: in the middle", f"/chatkit/sessions/?cursor={cursor}", deep, client)
        one = f"sessions/{middle.session_id}/"
        yield Page(f"own session, of {client}", f"/chatkit/{one}", f"/plain-{one}", client)


def _session_list() -> Iterator[Page]:
    # ``rows`` cancels one session in ten: every second one of the fourth workflow, and none of the first.
    workflow, without = (Workflow.objects.get(slug=SLUGS[place]).pk for place in (3, 0))
    day = timezone.localdate() - timedelta(days=40)
    month = Period.around("month", day).bounds
    cancelled, of_workflow = {"status": "cancelled"}, {"workflow__id__exact": workflow}
    yield _in_admin("plain", {})
    yield _in_admin("page 2", {"p": 2})
    yield _in_admin("last page", {"p": _last()})
    yield _in_admin("oldest first", {"o": 5})
    for status in ChatSession.Status:
        yield _in_admin(f"{status} ones", {"status": status})
    yield _in_admin("cancelled ones, last page", {**cancelled, "p": _last(**cancelled)})
    yield _in_admin("of a workflow", of_workflow)
    yield _in_admin("of a workflow, last page", {**of_workflow, "p": _last(workflow=workflow)})
    yield _in_admin("of a workflow, cancelled", {**of_workflow, **cancelled})
    yield _in_admin("of a workflow that has none cancelled", {"workflow__id__exact": without, **cancelled})
    for kind in ("year", "month", "day"):
        yield _in_admin(f"of a {kind}", Period.around(kind, day).bounds, _dated(kind, day))
    pages = {"p": _last(**month)}
    yield _in_admin("of a month, last page", {**month, **pages}, {**_dated("month", day), **pages})
    both = {**of_workflow, **cancelled}
    yield _in_admin("of a month and a workflow, cancelled", {**month, **both}, {**_dated("month", day), **both})


def _last(**lookups: Any) -> int:
    """The last page of the list: it ends after 10,000 rows."""
    return -(-min(SessionPaginator.limit, ChatSession.objects.filter(**lookups).count()) // PAGE)


def _in_admin(name: str, query: dict[str, Any], plain: dict[str, Any] | None = None) -> Page:
    theirs = {"status__exact" if key == "status" else key: value for key, value in (plain or query).items()}
    return Page(f"sessions: {name}", f"{OURS}{SESSIONS}?{urlencode(query)}", f"{PLAIN}{SESSIONS}?{urlencode(theirs)}")


def _dated(kind: str, day: Any) -> dict[str, int]:
    """As Django's ``date_hierarchy`` says it."""
    kinds = ("year", "month", "day")
    return {f"created_at__{name}": getattr(day, name) for name in kinds[: kinds.index(kind) + 1]}


def _searches() -> Iterator[Page]:
    session: Any = ChatSession.objects.filter(user__username="user-7").first()
    visitor: Any = ChatSession.objects.filter(user=None).first()
    for name, words in (
        ("session id", session.session_id),
        ("user name", "user-7"),
        ("name of a user of many", FREQUENT),
        ("identifier of a visitor", visitor.user_identifier),
        ("what is not there", "nobody"),
    ):
        query = {"q": words}
        yield _in_admin(f"search for {name}", query)
    of_user = {"user__id__exact": User.objects.get(username=FREQUENT).pk}
    yield _in_admin("of a user of many, last page", {**of_user, "p": _last(**of_user)})
    change = f"{SESSIONS}{session.pk}/change/"
    yield Page("sessions: one", OURS + change, PLAIN + change)


def _workflows() -> Iterator[Page]:
    slug = Workflow.objects.order_by("pk")[0].slug
    yield Page("workflows", OURS + WORKFLOWS, PLAIN + WORKFLOWS)
    statistics = WORKFLOWS + "statistics/"
    for days, query in ((1, "24h"), (7, "7d"), (30, "30d"), (90, "90d")):
        for name, chosen in (("", {}), (" of one workflow", {"workflow": slug})):
            yield Page(
                f"statistics{name}: {days} {'day' if days == 1 else 'days'}",
                f"{OURS}{statistics}?{urlencode({'range': query, **chosen})}",
                f"{PLAIN}{statistics}?{urlencode({'days': days, **chosen})}",
                only_numbers=True,
            )
    start = timezone.localdate() - timedelta(days=365)
    whole = Page("statistics: 366 days", f"{OURS}{statistics}?start={start}", f"{PLAIN}{statistics}?days=366")
    yield replace(whole, only_numbers=True)


def _conversations() -> Iterator[Page]:
    thread: Any = ChatThread.objects.filter(user__username="user-7").first()
    workflow = Workflow.objects.order_by("pk").values_list("pk", flat=True)[0]
    for name, query in (
        ("plain", {}),
        ("their last page", {"p": -(-min(BoundedPaginator.limit, ChatThread.objects.count()) // PAGE)}),
        ("of a workflow", {"workflow__id__exact": workflow}),
        ("used in the last week", {"updated_at__gte": str(timezone.now() - timedelta(days=7))}),
        ("search for thread id", {"q": thread.thread_id}),
        ("search for user name", {"q": "user-7"}),
        ("search for what is not there", {"q": "nobody"}),
    ):
        asked = f"{THREADS}?{urlencode(query)}"
        yield Page(f"conversations: {name}", OURS + asked, PLAIN + asked)
    yield Page("conversations: one", f"{OURS}{THREADS}{thread.pk}/change/")
