"""What answers: an agent, a function or a server of the site's own, found by its name in ``AGENTS``."""

from __future__ import annotations

from .agent import AgentServer
from .base import DjangoChatKitServer
from .inputs import AgentInputs
from .kinds import GeneratorServer, kind_problem, server_for

__all__ = [
    "AgentInputs",
    "AgentServer",
    "DjangoChatKitServer",
    "GeneratorServer",
    "kind_problem",
    "server_for",
]
