"""Presets, workflows and session records, with the limits of OpenAI's API as database constraints; and the threads of
self-hosted workflows.
"""

from .configuration import ChatKitConfiguration
from .look import Look
from .session import ChatSession, ChatSessionQuerySet
from .thread import ChatAttachment, ChatFeedback, ChatItem, ChatThread
from .workflow import Workflow, WorkflowQuerySet

__all__ = [
    "ChatAttachment",
    "ChatFeedback",
    "ChatItem",
    "ChatKitConfiguration",
    "ChatSession",
    "ChatSessionQuerySet",
    "ChatThread",
    "Look",
    "Workflow",
    "WorkflowQuerySet",
]
