"""A site that reports everything it can to Sentry: ``python -m tests.attacks.sentry_site``, a process of its own,
because the SDK patches Django, logging and ``http.client`` for good.

It prints one JSON line: what was reported, where a canary was seen in it, and how much was looked at.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any
from unittest.mock import patch

import django
import sentry_sdk
from sentry_sdk.transport import Transport

EVENTS: list[str] = []


class Memory(Transport):
    """Keeps what Sentry would have been sent, byte for byte."""

    def capture_envelope(self, envelope: Any) -> None:
        EVENTS.append(envelope.serialize().decode())


sentry_sdk.init(
    dsn="http://public@127.0.0.1:1/1",
    transport=Memory,
    include_local_variables=True,
    send_default_pii=True,
    max_request_body_size="always",
    max_value_length=100_000,
    traces_sample_rate=1.0,
    default_integrations=True,
    enable_logs=True,
    debug=False,
)
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import override_settings  # noqa: E402

from django_chatkit import sessions  # noqa: E402
from django_chatkit.models import Workflow  # noqa: E402
from tests.behaviours import Behaviour, answer, cut, error, hang_up, silent  # noqa: E402
from tests.callers import Browser, a_user, a_workflow  # noqa: E402
from tests.canaries import places  # noqa: E402
from tests.fake_openai import FakeOpenAI  # noqa: E402

# Made as it runs: Sentry reports the lines of the program, too.
KEY = f"sk-tests-{token_hex(20)}"
ECHO = {"error": {"message": KEY, "code": KEY, "type": KEY}, "client_secret": f"ek_{token_hex(20)}"}
HEADERS = {"x-request-id": KEY, "Retry-After": KEY, "Set-Cookie": f"a={KEY}"}


def crash(*_args: Any, **_kwargs: Any) -> None:
    raise ZeroDivisionError("Something nobody expected.")


def crash_of_the_site(*_args: Any, **_kwargs: Any) -> None:
    """A view of the site that issues a session and fails with it in its hands."""
    crash_with(sessions.create_session(Workflow.objects.get(), user_identifier="x"))


def crash_with(issued: sessions.IssuedSession) -> None:
    held = {"issued": issued, "list": [issued.client_secret], "secret": issued.client_secret, "record": issued.session}
    logging.getLogger("site").warning("Issued %s: %r", issued, held, extra={"issued": issued})
    crash(held)


FAULTS: dict[str, Behaviour] = {
    **{str(status): answer(status, ECHO, HEADERS) for status in (302, 400, 401, 429, 500)},
    "hung up": hang_up,
    "cut": cut,
    "silence": silent,
    "no JSON": answer(200, json.dumps(ECHO).encode()[:-3], HEADERS),
    "busy": error(429, headers={"Retry-After": "1"}),
}
CRASHES = (
    "django.middleware.common.CommonMiddleware.process_response",
    "django_chatkit.serializers.IssuedSessionSerializer.get_expires_at",
    "django.http.HttpResponse.set_cookie",
    "rest_framework.renderers.JSONRenderer.render",
    "django_chatkit.sessions.issuing.announce",
    "requests.adapters.HTTPAdapter.send",
    "urllib3.connectionpool.HTTPConnectionPool._make_request",
    "django_chatkit.client.answers._content",
    "django_chatkit.client.issued",
    "django_chatkit.models.ChatSession.objects.create",
)


def scenarios(openai: FakeOpenAI, browser: Browser) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "a session", lambda: browser.issue(refresh=True)
    for name, fault in FAULTS.items():
        yield f"issuing: {name}", lambda fault=fault: issuing(openai, browser, fault)
        yield f"cancelling: {name}", lambda fault=fault: cancelling(openai, browser, fault)
    for place in CRASHES:
        yield f"crash: {place}", lambda place=place: crashing(browser, place)
    yield (
        "a view of the site",
        lambda: crashing(browser, "django_chatkit.views.SessionListView.post", crash_of_the_site),
    )
    yield "a thread", in_a_thread
    yield "a command", lambda: call_command("cancel_chatkit_sessions", all=True, verbosity=3, stdout=sys.stderr)
    yield "logging out", browser.logout
    yield "a message that holds a secret", lambda: sentry_sdk.capture_message(openai.secrets[0])


def hasty() -> override_settings:
    """Little patience, for as long as OpenAI may be silent; what must succeed has time enough."""
    return override_settings(DJANGO_CHATKIT={**settings.DJANGO_CHATKIT, "DEADLINE": 0.5})


def issuing(openai: FakeOpenAI, browser: Browser, fault: Behaviour) -> None:
    openai.script(fault)
    with hasty():
        browser.issue(refresh=True)


def cancelling(openai: FakeOpenAI, browser: Browser, fault: Behaviour) -> None:
    session_id = browser.issue(refresh=True).json()["id"]
    openai.script(fault)
    with hasty():
        browser.cancel(session_id)


def crashing(browser: Browser, place: str, instead: Any = crash) -> None:
    for one in (browser, Browser(user(), raise_request_exception=False)):  # one with the cookie, one without
        with patch(place, instead):
            one.issue(refresh=True)


def in_a_thread() -> None:
    issued = sessions.create_session(Workflow.objects.get(), user_identifier="x")
    thread = threading.Thread(target=crash_with, args=[issued])
    thread.start()
    thread.join()


def user() -> Any:
    return a_user(f"user{User.objects.count()}")


def main() -> None:
    call_command("migrate", verbosity=0)
    seen: dict[str, list[str]] = {}
    canaries: list[str] = [KEY, ECHO["client_secret"]]  # type: ignore[list-item]
    with FakeOpenAI() as openai:
        settings.DJANGO_CHATKIT = {
            "API_KEY": KEY, "BASE_URL": openai.url, "DEADLINE": 15, "MAX_RETRIES": 1, "THROTTLE_RATE": None,
        }  # fmt: skip
        a_workflow()
        browser = Browser(user(), raise_request_exception=False)
        total = 0
        for name, act in scenarios(openai, browser):
            openai._script.clear()
            EVENTS.clear()
            act()
            sentry_sdk.get_client().flush(2)
            total += len(EVENTS)
            found = [place for event in EVENTS for place in places(event, [*canaries, *openai.secrets])]
            if found:
                seen[name] = found[:3]
        print(json.dumps({"seen": seen, "events": total, "secrets": len(openai.secrets)}))  # noqa: T201


if __name__ == "__main__":
    main()
