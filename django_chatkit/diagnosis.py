"""What an error means and what to do about it, in words for the person who runs the site."""

from __future__ import annotations

from typing import NamedTuple

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


class Diagnosis(NamedTuple):
    """``ours`` tells whether this site must be mended, or whether OpenAI or the network is at fault."""

    text: str
    ours: bool


_STATUSES = {
    400: "OpenAI refuses a value (400). Check the workflow id, the version, and the limits of the preset.",
    401: "OpenAI does not accept the API key (401). Check that it was copied whole and has not been revoked.",
    403: "The API key may not do this (403). Check the key's permissions, and the country the server calls from.",
    404: "OpenAI does not know the workflow (404). Almost always the key belongs to another organization or project "
    "than the workflow: create the key in the project the workflow is in, or set ORGANIZATION and PROJECT.",
    429: "The OpenAI account has no credit left (429). Add credit or raise its limit.",
}

_KINDS: tuple[tuple[type[Exception], str, bool], ...] = (
    (ChatKitNotConfigured, "{error}", True),
    (ChatKitConfigurationRejected, "OpenAI refuses the request. {error}", True),
    (SessionNotSaved, "OpenAI issued a session, but the database did not take its record. {error}", True),
    (ChatKitRateLimited, "OpenAI asks this account to slow down. Try again in a minute.", False),
    (ChatKitTimeout, "OpenAI did not answer in time. If this stays so, a firewall may be dropping packets.", False),
    (ChatKitConnectionError, "{error} Check the network, the proxy variables and BASE_URL.", False),
    (ChatKitResponseError, "{error} Something between this server and OpenAI may answer in its place.", False),
    (ChatKitServerError, "{error} This is OpenAI's fault; try again later.", False),
    (ChatKitError, "{error}", False),
)


def explain(error: Exception) -> Diagnosis:
    """The diagnosis of a ``ChatKitError`` or ``ChatKitNotConfigured``: no key, no secret, no text of OpenAI's."""
    template, ours = next((text, ours) for kind, text, ours in _KINDS if isinstance(error, kind))
    if isinstance(error, ChatKitConfigurationRejected):
        template = _STATUSES.get(error.status_code, template)
    request_id = getattr(error, "request_id", None)
    return Diagnosis(template.format(error=error) + (f" Request id: {request_id}." if request_id else ""), ours)
