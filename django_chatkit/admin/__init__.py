"""The admin: workflows and presets are edited here, sessions are only looked at, and conversations by few."""

from .configurations import ChatKitConfigurationAdmin
from .sessions import ChatSessionAdmin
from .threads import ChatThreadAdmin
from .workflows import WorkflowAdmin

__all__ = ["ChatKitConfigurationAdmin", "ChatSessionAdmin", "ChatThreadAdmin", "WorkflowAdmin"]
