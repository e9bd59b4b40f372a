"""What ``{% chatkit %}`` costs a page, against a tag written by hand and against the page without a chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.contrib.auth import get_user_model
from django.db import connection
from django.http import HttpRequest
from django.template import Engine, RequestContext, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from django_chatkit.models import Workflow

from .figures import Figure, at_most
from .measuring import in_turns

BY_HAND = "a tag written by hand"
LOOK = {
    "title": "Help",
    "greeting": "How can we help?",
    "accent": "#3f6b4f",
    "placeholder": "Ask away",
    "prompts": [{"label": "Where is my order?", "prompt": "Where is my order?"}],
}
#: A page of a site: a menu for who is logged in, twenty rows of something.
PAGE = """<!doctype html><title>Orders</title><nav>{% if user.is_authenticated %}{{ user.get_username }}
{% else %}<a href="/login/">Log in</a>{% endif %}<form method="post">{% csrf_token %}<button>Log out</button></form>
</nav><main><table>{% for row in rows %}<tr class="{% cycle "odd" "even" %}"><td>{{ row.number }}</td>
<td>{{ row.name|capfirst }}</td><td>{{ row.price|floatformat:2 }}</td></tr>{% endfor %}</table>"""
ROWS = [{"number": number, "name": f"order {number}", "price": number * 1.25} for number in range(20)]
OURS, THEIRS = '{% chatkit "support" %}', '{% assistant "support" %}'


def measure(*, quick: bool) -> Iterator[Figure]:
    Workflow.objects.create(slug="support", name="Support", workflow_id="wf_support", **LOOK)
    user = get_user_model().objects.create_user("visitor")
    yield from _queries(user)
    rounds, calls = (3, 30) if quick else (20, 200)
    seen = _request(user)
    contenders = {
        "page": _rendering(PAGE, user),
        "page with ours": _rendering(PAGE + OURS, user),
        "page with theirs": _rendering(PAGE + THEIRS, user),
        "ours again": _rendering(OURS, user, seen),
        "theirs again": _rendering(THEIRS, user, seen),
    }
    costs = in_turns(contenders, rounds=rounds, calls=calls)
    page, ours, theirs = (costs[name].cpu * 1e6 for name in ("page", "page with ours", "page with theirs"))
    yield Figure("what a page's first tag adds", "CPU", ours - page, "µs", BY_HAND, theirs - page, at_most(2))
    warm, again = costs["ours again"].cpu * 1e6, costs["theirs again"].cpu * 1e6
    yield Figure("a tag whose workflow the request knows", "CPU", warm, "µs", BY_HAND, again, at_most(1))
    latencies = (costs[name].latency * 1e6 for name in ("page with ours", "page"))
    note = "rendered alone: no middleware, no view, no queries of its own"
    yield Figure("a page of 20 rows", "latency", next(latencies), "µs", "without a chat", next(latencies), note=note)


def _queries(user: object) -> Iterator[Figure]:
    for what, tags, goal in (("first tag of a page", 1, 1), ("first and second tag", 2, 1)):
        ours, theirs = (_count(tag * tags, user) for tag in (OURS, THEIRS))
        yield Figure(what, "queries", ours, "", goal=at_most(goal), note=f"{BY_HAND}: {theirs}")


def _count(source: str, user: object) -> int:
    render = _rendering(source, user)
    with CaptureQueriesContext(connection) as queries:
        render()
    return len(queries)


def _rendering(source: str, user: object, request: HttpRequest | None = None) -> Callable[[], str]:
    """For a new request each time, or always for this one."""
    template = _template(source)
    return lambda: template.render(RequestContext(request or _request(user), {"user": user, "rows": ROWS}))


def _template(source: str) -> Template:
    libraries = {"handwritten": "tests.benchmarks.handwritten"}
    libraries |= {name: f"django.templatetags.{name}" for name in ("static", "i18n")}
    libraries["django_chatkit"] = "django_chatkit.templatetags.django_chatkit"
    context_processors = ["django.template.context_processors.request"]
    engine = Engine(app_dirs=True, libraries=libraries, context_processors=context_processors)
    return engine.from_string("{% load django_chatkit handwritten %}" + source)


def _request(user: object) -> HttpRequest:
    """One of somebody who has a CSRF cookie."""
    request = RequestFactory().get("/orders/")
    request.META["CSRF_COOKIE"] = "c" * 32
    request.user = user
    return request
