"""What a session of a workflow would be issued with, for somebody, as the workflow is saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import sessions
from ..diagnosis import explain_unprepared
from ..models import Workflow
from ..sessions import Destination, PreparedSession, Source, StateVariables
from .state_variables import kind_of, text_of

#: Characters of a text that are shown; it is sent whole.
MAX_TEXT = 2000

#: What a visitor who is not logged in is called here. Each has a random identifier of their own.
VISITOR = "visitor-…"

SOURCES = {
    Source.WORKFLOW: _("this workflow"),
    Source.SITE: _("the STATE_VARIABLES function of your settings"),
}


@dataclass(frozen=True)
class Whom:
    """For whom a session would be: ``user``, or somebody who is not logged in.

    ``request`` is there if it is the one who asks. ``hidden`` says that what is computed about them is not to be shown.
    """

    user: Any = None
    request: HttpRequest | None = None
    hidden: bool = False

    def prepare(self, workflow: Workflow) -> PreparedSession:
        """The session, ready to be issued. Other people's requests are not at hand, so theirs has none."""
        identifier = VISITOR if self.user is None else None
        return sessions.prepare_session(workflow, request=self.request, user=self.user, user_identifier=identifier)


@dataclass(frozen=True)
class Row:
    """One state variable: its value, who says so, and whose values that overrides."""

    name: str
    kind: Any = ""
    value: str = ""
    source: Any = ""
    overridden: list[tuple[Any, str]] = field(default_factory=list)
    is_settable: bool = False


class RequestPreview:
    """The request for a session of ``workflow`` for ``whom``; or ``problem``, in plain words."""

    def __init__(self, workflow: Workflow, whom: Whom) -> None:
        self.workflow = workflow
        self.whom = whom
        self.problem = ""
        self.variables = StateVariables({})
        self.request: dict[str, Any] = {}
        self.destination: Destination | None = None
        try:
            prepared = whom.prepare(workflow)
            self.variables, self.request = prepared.state_variables, prepared.request
            self.destination = prepared.backend.destination()
        except Exception as error:  # the project's own functions may raise anything
            self.problem = self._explained(error)

    @cached_property
    def obstacle(self) -> str:
        """Why they would get no session, though this is what it would be."""
        return obstacle(self.workflow, self.whom.user)

    @cached_property
    def rows(self) -> list[Row]:
        """State variables: those that are sent, then those that only a page would set."""
        sent = self.variables.merged
        settable = [name for name in self.workflow.client_state_variables if name not in sent]
        return [*map(self._row, sent), *(Row(name, is_settable=True) for name in settable)]

    @cached_property
    def json(self) -> str:
        """The body of the request, to be read: long texts are cut."""
        workflow = dict(self.request["workflow"])
        if "state_variables" in workflow:
            workflow["state_variables"] = dict(self._shown_variables(workflow["state_variables"]))
        return json.dumps({**self.request, "workflow": workflow}, indent=2, ensure_ascii=False)

    @property
    def is_shortened(self) -> bool:
        """Whether a text was cut."""
        return any(isinstance(value, str) and len(value) > MAX_TEXT for value in self.variables.merged.values())

    @property
    def is_uncertain(self) -> bool:
        """Whether something was computed without the request that it may depend on."""
        return self.whom.request is None and bool(self.variables.layers.get(Source.SITE))

    @property
    def hides(self) -> bool:
        """Whether something is not shown."""
        return any(map(self._is_hidden, self.variables.merged))

    def _explained(self, error: Exception) -> str:
        whom = self.whom
        named, asked = whom.user is not None, whom.request is not None
        return explain_unprepared(error, user=named, request=asked, words=not whom.hidden).text

    def _row(self, name: str) -> Row:
        (source, value), *overridden = self.variables.sources(name)
        kind = kind_of(value)
        return Row(
            name=name,
            kind=kind.label if kind else "",
            value=gettext("hidden") if self._is_hidden(name) else _shortened(text_of(value)),
            source=SOURCES[source],
            overridden=[(SOURCES[other], _shortened(text_of(lost))) for other, lost in overridden],
            is_settable=name in self.workflow.client_state_variables,
        )

    def _shown_variables(self, sent: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, value in sent.items():
            if self._is_hidden(name):
                yield name, gettext("hidden")
            else:
                yield name, _shortened(value) if isinstance(value, str) else value

    def _is_hidden(self, name: str) -> bool:
        """What the site knows of somebody else is personal data; what the workflow says to everybody is not."""
        return self.whom.hidden and self.variables.sources(name)[0][0] is Source.SITE


def obstacle(workflow: Workflow, user: Any) -> str:
    """Why this user, or a visitor for ``None``, may not use the workflow; ``""`` if they may. At most one query."""
    if not workflow.is_active:
        return gettext("This workflow is not active: nobody gets a session of it.")
    if user is None and not workflow.allow_anonymous:
        return gettext("This workflow is not open to visitors who are not logged in: they get no session of it.")
    if not workflow.is_open_to(user):
        return gettext("Only members of this workflow's groups get a session of it, and this is none of them.")
    return ""


def _shortened(text: str) -> str:
    more = len(text) - MAX_TEXT
    if more <= 0:
        return text
    return text[:MAX_TEXT] + ngettext("… and %d more character", "… and %d more characters", more) % more
