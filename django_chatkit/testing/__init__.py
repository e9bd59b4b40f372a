"""For the tests of projects that use this app: ChatKit without a network, and each of its errors on demand.

docs/testing.md is the guide. Nothing else of the app imports this package.
"""

from __future__ import annotations

from .api import ReceivedRequest
from .chat import ChatRefused, Conversation, Reply, canned_agent
from .fake import FakeChatKit, fake_chatkit
from .pages import widget_of, widgets_of

__all__ = [
    "ChatRefused",
    "Conversation",
    "FakeChatKit",
    "ReceivedRequest",
    "Reply",
    "canned_agent",
    "fake_chatkit",
    "widget_of",
    "widgets_of",
]
