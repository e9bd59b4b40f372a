"""What an error means and what to do about it, in words for the person who runs the site."""

from __future__ import annotations

import datetime
import traceback
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .conf import conf, environment_key
from .exceptions import (
    ChatKitConfigurationRejected,
    ChatKitConnectionError,
    ChatKitError,
    ChatKitNotConfigured,
    ChatKitRateLimited,
    ChatKitResponseError,
    ChatKitServerError,
    ChatKitTimeout,
    SessionNotSaved,
)

#: The day OpenAI switches Agent Builder off, and with it the workflows that it runs.
SHUTDOWN = datetime.date(2026, 11, 30)
#: Characters of another program's message that are shown.
MAX_WORDS = 500


class Diagnosis(NamedTuple):
    """``ours`` tells whether this site must be mended, or whether OpenAI or the network is at fault."""

    text: str
    ours: bool


_STATUSES = {
    400: _("OpenAI refuses a value (400). Check the workflow id, the version, and the limits of the preset."),
    401: _("OpenAI does not accept the API key (401). Check that it was copied whole and has not been revoked."),
    403: _("The API key may not do this (403). Check the key's permissions, and the country the server calls from."),
    404: _(
        "OpenAI does not know the workflow (404). Almost always the key belongs to another organization or project "
        "than the workflow: create the key in the project the workflow is in, or set ORGANIZATION and PROJECT."
    ),
    429: _("The OpenAI account has no credit left (429). Add credit or raise its limit."),
}
#: How OpenAI may answer for a workflow that it has closed.
_CLOSED_STATUSES = (403, 404, 405, 410)
_CLOSED = _(
    "OpenAI closed the workflows that it ran on 30 November 2026, and refuses this one. {error} To go on, run it on "
    "this site: in the workflow's form, set “run by” to “this site” and choose an agent; see docs/self-hosting.md."
)

_KINDS: tuple[tuple[type[Exception], Any, bool], ...] = (
    (ChatKitNotConfigured, "{error}", True),
    (ChatKitConfigurationRejected, _("OpenAI refuses the request. {error}"), True),
    (SessionNotSaved, _("A session was issued, but the database did not take its record. {error}"), True),
    (ChatKitRateLimited, _("OpenAI asks this account to slow down. Try again in a minute."), False),
    (ChatKitTimeout, _("OpenAI did not answer in time. If this stays so, a firewall may be dropping packets."), False),
    (
        ChatKitConnectionError,
        _("{error} Check the network, the proxy variables and BASE_URL. A firewall may block the way to OpenAI."),
        False,
    ),
    (ChatKitResponseError, _("{error} Something between this server and OpenAI may answer in its place."), False),
    (ChatKitServerError, _("{error} This is OpenAI's fault; try again later."), False),
    (ChatKitError, "{error}", False),
)

_WITH_BOTH = _(
    "A function that this site's settings name failed: the one of STATE_VARIABLES, or the one of USER_IDENTIFIER. "
    "{failure}"
)
_WITHOUT_REQUEST = _(
    "No session could be prepared without a request. Does the function of the STATE_VARIABLES setting work without "
    "one? {failure}"
)
_WITHOUT_BOTH = _(
    "No session could be prepared without a user and a request. Does the function of the STATE_VARIABLES setting work "
    "without them? {failure}"
)

#: Where an error is not to be looked for: what calls the site's own code, and what that calls.
_NOT_THEIRS = ("django", "django_chatkit", "importlib")


def explain(error: Exception) -> Diagnosis:
    """The diagnosis of a ``ChatKitError`` or ``ChatKitNotConfigured``: no key, no secret, no text of OpenAI's."""
    template, ours = next((text, ours) for kind, text, ours in _KINDS if isinstance(error, kind))
    if isinstance(error, ChatKitConfigurationRejected):
        template = _CLOSED if _is_closed(error) else _STATUSES.get(error.status_code, template)
    text = template.format(error=error)
    if request_id := getattr(error, "request_id", None):
        text += " " + _("Request id: {request_id}.").format(request_id=request_id)
    return Diagnosis(text, ours)


def explain_unprepared(error: Exception, *, user: bool, request: bool, words: bool = True) -> Diagnosis:
    """Why a session could not even be prepared, given that there was a ``user`` and a ``request``, or not.

    That runs functions of the project, which may fail in any way; ``words`` tells whether their messages may be shown.
    """
    if isinstance(error, ChatKitError | ChatKitNotConfigured):
        return explain(error)
    template = (_WITH_BOTH if user else _WITHOUT_BOTH) if request == user else _WITHOUT_REQUEST
    return Diagnosis(template.format(failure=failure(error, words=words)), ours=True)


def failure(error: Exception, *, words: bool = True) -> str:
    """The name of an exception of the project's own code, what it says (but no API key), and where it came about."""
    while isinstance(error, ChatKitNotConfigured) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    said = _without_keys(" ".join(str(error).split()))[:MAX_WORDS] if words else ""
    return type(error).__name__ + (f": {said}" if said else "") + _place(error)


def _is_closed(error: ChatKitConfigurationRejected) -> bool:
    return error.status_code in _CLOSED_STATUSES and timezone.now().date() > SHUTDOWN


def _place(error: Exception) -> str:
    """Module and line of the innermost frame that is the project's."""
    frames = [(frame.f_globals.get("__name__", ""), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    theirs = [(module, line) for module, line in frames if module.split(".")[0] not in _NOT_THEIRS]
    return " (" + _("{module}, line {line}").format(module=theirs[-1][0], line=theirs[-1][1]) + ")" if theirs else ""


def _without_keys(text: str) -> str:
    for key in _known_keys():
        text = text.replace(key, "********")
    return text


def _known_keys() -> Iterator[str]:
    entries = (entry.get("api_key") if isinstance(entry, Mapping) else entry for entry in conf.API_KEYS.values())
    for key in (conf.API_KEY, environment_key(), *entries):
        if key:
            yield str(key)
