"""The admin: workflows and presets are edited here, sessions are only looked at."""

from .configurations import ChatKitConfigurationAdmin
from .sessions import ChatSessionAdmin
from .workflows import WorkflowAdmin

__all__ = ["ChatKitConfigurationAdmin", "ChatSessionAdmin", "WorkflowAdmin"]
