"""Who a session is for: the identifier that OpenAI is given, and the login it belongs to.

Nothing the browser sends decides it: a user is identified by the site's authentication, a visitor who is not logged
in by a random value in the Django session.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.signed_cookies import SessionStore as CookieSession
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from .conf import conf
from .exceptions import ChatKitNotConfigured
from .models import ChatSession, ChatSessionQuerySet

LOGIN_KEY = "django_chatkit_login"
#: In place of ``LOGIN_KEY`` before a login. Django keeps what the session holds when somebody logs in: whoever had
#: planted or seen it before must not be able to log that login out.
VISIT_KEY = "django_chatkit_visit"
VISITOR_KEY = "django_chatkit_visitor"
VISITOR_PREFIX = "visitor-"
MAX_IDENTIFIER_LENGTH = 512


@dataclass(frozen=True)
class Owner:
    """``user`` is ``None`` for visitors who are not logged in; ``login_key`` is empty without a Django session."""

    user: Any
    identifier: str
    login_key: str = ""

    @property
    def key(self) -> str:
        """SHA-256 of the identifier in hex, which every database compares alike."""
        return hashlib.sha256(self.identifier.encode()).hexdigest()

    @property
    def pseudonym(self) -> str:
        """Tells a browser whether this is the user it has seen before, and nothing else about the user."""
        return salted_hmac("django_chatkit.pseudonym", self.identifier, algorithm="sha256").hexdigest()[:32]

    @property
    def account(self) -> Any:
        """The user if it is a row of the user table; a token's stateless user is not."""
        return self.user if isinstance(self.user, get_user_model()) else None

    def sessions(self) -> ChatSessionQuerySet:
        """The owner's own sessions."""
        if self.account is not None:
            return ChatSession.objects.filter(user=self.account)
        return ChatSession.objects.filter(user=None, user_key=self.key)


def authenticated_user(request: HttpRequest | None) -> Any:
    """The logged-in user of the request, or ``None``."""
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def owner_of(request: HttpRequest | None = None, user: Any = None, user_identifier: str | None = None) -> Owner:
    """Whom a new session is for: ``user_identifier`` if given, else ``user``, else the user or visitor of ``request``.

    Raises ``ChatKitNotConfigured`` if the identifier is unusable, ``ValueError`` if nobody is named.
    """
    user = user if user is not None and user.is_authenticated else authenticated_user(request)
    if user_identifier is None:
        user_identifier = _user_identifier(user, request) if user is not None else _visitor_identifier(request)
    return Owner(user, _checked(_namespaced(user_identifier)), _login_key(request, user))


def known_owner(request: HttpRequest) -> Owner | None:
    """Whose sessions the request may see; ``None`` for visitors who were never issued any."""
    if authenticated_user(request) is None and VISITOR_KEY not in getattr(request, "session", ()):
        return None
    return owner_of(request)


def is_visitor(identifier: str) -> bool:
    """Whether it is one of a visitor who is not logged in."""
    return identifier.startswith(str(_namespaced(VISITOR_PREFIX)))


def start_login(request: HttpRequest) -> None:
    """Give a new login its key at once, so that two tabs cannot make two. Who logs in again keeps it."""
    request.session.setdefault(LOGIN_KEY, secrets.token_hex(16))


def _user_identifier(user: Any, request: HttpRequest | None) -> Any:
    identify = conf.USER_IDENTIFIER
    if identify:
        return identify(user, request=request)
    if getattr(user, "pk", None) is None:
        raise ChatKitNotConfigured("The authenticated user has no primary key: set USER_IDENTIFIER.")
    return f"user-{user.pk}"


def _visitor_identifier(request: HttpRequest | None) -> str:
    if request is None:
        raise ValueError("Name somebody: pass request, user or user_identifier.")
    if not hasattr(request, "session"):
        raise ChatKitNotConfigured("Visitors who are not logged in need SessionMiddleware in MIDDLEWARE.")
    return VISITOR_PREFIX + _kept(request.session, VISITOR_KEY)


def _namespaced(identifier: Any) -> Any:
    namespace = conf.USER_NAMESPACE
    return f"{namespace}:{identifier}" if namespace and identifier and isinstance(identifier, str) else identifier


def _checked(identifier: Any) -> str:
    if isinstance(identifier, str) and 0 < len(identifier) <= MAX_IDENTIFIER_LENGTH and identifier.isprintable():
        return identifier
    raise ChatKitNotConfigured(
        "A user identifier is text of 1 to 512 printable characters, USER_NAMESPACE included: see USER_IDENTIFIER."
    )


def _login_key(request: HttpRequest | None, user: Any) -> str:
    """Empty for callers that a token identifies: they have no Django session, and are not given one."""
    session = getattr(request, "session", None)
    if session is None or (user is not None and not _is_logged_in(user, session)):
        return ""
    return _kept(session, VISIT_KEY if user is None else LOGIN_KEY)


def _kept(session: Any, name: str) -> str:
    """A random value in the Django session. Saved at once: when OpenAI has answered, other tabs may have saved too."""
    if name not in session:
        is_stored = getattr(session, "session_key", None) and not isinstance(session, CookieSession)
        unchanged = is_stored and not session.modified
        session[name] = secrets.token_hex(16)
        if unchanged:
            with suppress(UpdateError):  # logged out in another tab: SessionMiddleware will say so
                session.save()
                session.modified = False
    value: str = session[name]
    return value


def _is_logged_in(user: Any, session: Any) -> bool:
    return isinstance(user, get_user_model()) and session.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
