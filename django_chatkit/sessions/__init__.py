"""Create, cancel and expire sessions, and delete what they leave: the one place where the backends, the records and
the signals meet.
"""

from .access import not_allowed
from .backends import Destination
from .ending import cancel_login, cancel_self_hosted, cancel_session, delete_sessions, expire_sessions
from .forgetting import Forgotten, Person, forget, found, person_of, visitor
from .issuing import (
    IssuedSession,
    PreparedSession,
    create_session,
    issue_session,
    prepare_session,
    remember_session,
    reuse_session,
)
from .presenting import session_of, session_of_address
from .purging import Purge, delete_threads, old_threads, purge_threads, unsent_attachments
from .state_variables import Source, StateVariables
from .trial import Trial, try_workflow

__all__ = [
    "Destination",
    "Forgotten",
    "IssuedSession",
    "Person",
    "PreparedSession",
    "Purge",
    "Source",
    "StateVariables",
    "Trial",
    "cancel_login",
    "cancel_self_hosted",
    "cancel_session",
    "create_session",
    "delete_sessions",
    "delete_threads",
    "expire_sessions",
    "forget",
    "found",
    "issue_session",
    "not_allowed",
    "old_threads",
    "person_of",
    "prepare_session",
    "purge_threads",
    "remember_session",
    "reuse_session",
    "session_of",
    "session_of_address",
    "try_workflow",
    "unsent_attachments",
    "visitor",
]
