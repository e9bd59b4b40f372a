"""Trying a workflow out: issue a real session, cancel it, and say what came back or what is wrong."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..conf import conf
from ..diagnosis import Diagnosis, explain, explain_unprepared
from ..exceptions import ChatKitError, ChatKitNotConfigured
from ..identity import Owner
from ..models import ChatSession, Workflow
from ..server import inspection
from .ending import cancel_session
from .issuing import PreparedSession, issue_session, prepare_session

#: How the identifier of whoever a trial session is for begins. No visitor has one like it.
IDENTIFIER_PREFIX = "check-"


@dataclass(frozen=True)
class Trial:
    """What became of it: ``session`` is the record if there was one, ``seconds`` the time it took to issue it.

    ``findings`` say what works, ``problems`` what does not.
    """

    workflow: Workflow
    session: ChatSession | None = None
    seconds: float = 0.0
    findings: tuple[str, ...] = ()
    problems: tuple[Diagnosis, ...] = ()

    @property
    def returncode(self) -> int:
        """0 if all is well, 1 if this site must be mended, 2 if only OpenAI or the network is at fault."""
        return 0 if not self.problems else 1 if any(problem.ours for problem in self.problems) else 2


def try_workflow(workflow: Workflow, *, request: HttpRequest | None = None) -> Trial:
    """Issue a session of this workflow and cancel it; of a self-hosted one, try what its chat needs, too.

    ``request`` is that of an administrator who asks for it: its user is who the ``STATE_VARIABLES`` function is called
    for. The record belongs to nobody, and no throttle counts it. Never raises because of what it looks for.
    """
    try:
        prepared = _prepared(workflow, request)
    except Exception as error:  # the project's own functions
        named = request is not None
        return Trial(workflow, problems=(explain_unprepared(error, user=named, request=named),))
    started = time.monotonic()
    try:
        session = issue_session(prepared).session
    except (ChatKitError, ChatKitNotConfigured) as error:
        return Trial(workflow, problems=(explain(error),))
    trial = _cancelled(Trial(workflow, session, time.monotonic() - started), session)
    return _inspected(trial, session, request) if workflow.is_self_hosted else trial


def _prepared(workflow: Workflow, request: HttpRequest | None) -> PreparedSession:
    identifier = IDENTIFIER_PREFIX + secrets.token_hex(8)
    prepared = prepare_session(workflow, request=request, user_identifier=identifier)
    return replace(prepared, owner=Owner(None, prepared.owner.identifier))


def _cancelled(trial: Trial, session: ChatSession) -> Trial:
    taken = {"seconds": f"{trial.seconds:.2f}"}
    try:
        cancel_session(session)
    except (ChatKitError, ChatKitNotConfigured) as error:
        problem = explain(error)
        text = _("A session was issued, but could not be cancelled; it expires by itself.") + " " + problem.text
        issued = _("A session was issued in %(seconds)s s.") % taken
        return replace(trial, findings=(issued,), problems=(Diagnosis(text, problem.ours),))
    if session.is_local:
        done = _("A session was issued in %(seconds)s s. OpenAI gave it no id: it expires by itself.") % taken
    else:
        done = _("A session was issued in %(seconds)s s and cancelled.") % taken
    return replace(trial, findings=(done,))


def _inspected(trial: Trial, session: ChatSession, request: HttpRequest | None) -> Trial:
    uploads = session.chatkit_configuration["file_upload"]["enabled"]
    found = [Diagnosis(text, ours=True) for text in inspection.problems(session.workflow_id, uploads=uploads)]
    found += [Diagnosis(text, ours=True) for text in _obstacles(request)]
    findings = [] if found else [_usable(uploads)]
    if request is None:
        findings.append(
            _("Does an ASGI server, such as uvicorn or daphne, serve this site? This command cannot see that.")
        )
    return replace(trial, findings=(*trial.findings, *findings), problems=(*trial.problems, *found))


def _usable(uploads: bool) -> str:  # noqa: FBT001
    if uploads:
        return _("Its agent, the storage and the cache can be used. Uploads are on.")
    return _("Its agent and the cache can be used. Uploads are off.")


def _obstacles(request: HttpRequest | None) -> Iterator[str]:
    """What is between a workflow that works and its visitors."""
    if not conf.DOMAIN_KEY:
        yield _(
            "DOMAIN_KEY is not set: the chat stays blank. Register the site's domain on OpenAI's domain allowlist, and "
            "set DJANGO_CHATKIT['DOMAIN_KEY'] to the key that you are given."
        )
    if isinstance(request, WSGIRequest):
        yield _(
            "This page came through WSGI, which cannot stream: a chat that is served like this answers 503. Serve the "
            "site with ASGI: uvicorn or daphne, not runserver. docs/self-hosting.md shows how."
        )
