"""Create, cancel and expire sessions: the one place where OpenAI's API, the records and the signals meet."""

from .ending import cancel_login, cancel_session, delete_sessions, expire_sessions
from .issuing import (
    IssuedSession,
    PreparedSession,
    create_session,
    issue_session,
    prepare_session,
    remember_session,
    reuse_session,
)

__all__ = [
    "IssuedSession",
    "PreparedSession",
    "cancel_login",
    "cancel_session",
    "create_session",
    "delete_sessions",
    "expire_sessions",
    "issue_session",
    "prepare_session",
    "remember_session",
    "reuse_session",
]
