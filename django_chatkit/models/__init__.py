"""Presets, workflows and session records, with the limits of OpenAI's API as database constraints."""

from .configuration import ChatKitConfiguration
from .session import ChatSession, ChatSessionQuerySet
from .workflow import Workflow, WorkflowQuerySet

__all__ = ["ChatKitConfiguration", "ChatSession", "ChatSessionQuerySet", "Workflow", "WorkflowQuerySet"]
