"""The state variables of a session: three layers, of which the later one wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ..conf import conf
from ..exceptions import ChatKitNotConfigured
from ..identity import Owner
from ..models import Workflow
from ..validators import validate_state_variables


class Source(Enum):
    """Who says what a state variable is."""

    WORKFLOW = "workflow"
    SITE = "site"  # the function of the STATE_VARIABLES setting
    PAGE = "page"


@dataclass(frozen=True)
class StateVariables:
    """``layers`` are in the order in which they are merged."""

    layers: Mapping[Source, Mapping[str, Any]] = field(repr=False)

    @cached_property
    def merged(self) -> dict[str, Any]:
        """What the session is told."""
        return {name: value for layer in self.layers.values() for name, value in layer.items()}

    def sources(self, name: str) -> list[tuple[Source, Any]]:
        """Who says what about this one: the value that counts first, then those that it overrides."""
        found = [(source, layer[name]) for source, layer in self.layers.items() if name in layer]
        return found[::-1]


def state_variables_of(
    workflow: Workflow, owner: Owner, request: HttpRequest | None, given: Mapping[str, Any]
) -> StateVariables:
    """The workflow's, those of the ``STATE_VARIABLES`` setting, and the given ones.

    Raises ``ChatKitNotConfigured`` where the site's own are no good, ``ValidationError`` where the given ones are not.
    """
    hook = conf.STATE_VARIABLES
    try:
        computed = hook(workflow, user=owner.user, request=request) if hook else {}
        for part in (workflow.state_variables, computed):
            validate_state_variables(part)
        variables = StateVariables({Source.WORKFLOW: workflow.state_variables, Source.SITE: computed})
        validate_state_variables(variables.merged)
    except ValidationError as error:
        problems = " ".join(error.messages)
        raise ChatKitNotConfigured(f"The state variables of workflow {workflow.slug!r}: {problems}") from None
    if given:
        variables = StateVariables({**variables.layers, Source.PAGE: given})
        validate_state_variables(variables.merged)
    return variables
