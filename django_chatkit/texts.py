"""What visitors read before, around and instead of the chat: every text of ours that a page can show.

They are translated when they are asked for; ``locale/`` holds the catalogues.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _


def widget_texts() -> dict[str, str]:
    """The texts of the element by the name that ``django-chatkit.js`` knows them by.

    Those that end in ``_debug`` are for developers and only there with ``DEBUG``, in English.
    """
    return {
        # The button of the floating layout, and its panel.
        "chat": _("Chat"),
        "open": _("Open the chat"),
        "close": _("Close the chat"),
        # On the way to a chat.
        "loading": _("Loading the chat…"),
        "slow": _("The chat is still loading. Your connection seems to be slow."),
        "again": _("Try again"),
        "again_now": _("You can try again now."),
        "log_in": _("Log in"),
        # No component.
        "script": _("The chat could not be loaded. A content blocker or your network may be in the way."),
        "blank": _("The chat does not appear. Please try again."),
        "network": _("This site cannot be reached. Please check your connection."),
        "offline": _("You are offline. The chat goes on as soon as you are online again."),
        "online": _("You are online again."),
        # No session.
        "login": _("Please log in to use the chat."),
        "logged_out": _("You have been logged out. Please log in again to go on."),
        "forbidden": _("Your account has no access to this chat."),
        "missing": _("This chat is not available at the moment."),
        "misconfigured": _("This chat is not set up correctly yet. Please try again later."),
        "upstream": _("The chat service has a problem right now. Please try again in a few minutes."),
        "timeout": _("The chat service takes too long to answer. Please try again."),
        "not_saved": _("The chat could not be started. Please try again."),
        "rejected": _("This page could not start the chat. Please reload the page."),
        "stale": _("This page is out of date. Please reload it."),
        "too_large": _("This page sends more than the chat can take."),
        # Translators: {when} is "in 42 seconds" in the visitor's language: the browser says it.
        "throttled": _("You have opened many chats. Please try again {when}."),
        # Translators: {when} is "in 42 seconds" in the visitor's language: the browser says it.
        "busy": _("Too many people are chatting right now. Please try again {when}."),
        "unavailable": _("The chat is not available right now. Please try again later."),
        # In the chat.
        # Translators: {when} is "in 42 seconds" in the visitor's language: the browser says it.
        "wait": _("You have sent many messages. Please try again {when}."),
        **(_DEBUG if settings.DEBUG else {}),
    }


#: What a developer should look at, by the text that it follows.
_DEBUG = {
    "script_debug": (
        "DEBUG: the browser could not load SCRIPT_URL. Does the Content-Security-Policy allow it (script-src "
        "https://cdn.platform.openai.com, or the nonce)? Does a content blocker stop it?"
    ),
    "blank_debug": (
        "DEBUG: OpenAI's script is loaded, but its component did not say that it is ready. Is this page's domain on "
        "the domain allowlist of your organization on OpenAI's platform? Does DOMAIN_KEY belong to it? Does the "
        "Content-Security-Policy allow its frame (frame-src https://cdn.platform.openai.com)?"
    ),
    "missing_debug": "DEBUG: no active workflow has this slug, or several are active and DEFAULT_WORKFLOW is not set.",
    "misconfigured_debug": "DEBUG: the log and `manage.py check_chatkit` say what is wrong.",
    "rejected_debug": (
        "DEBUG: the answer to the request says why. Usually a state variable that the workflow does not leave to the "
        "browser."
    ),
    "stale_debug": (
        "DEBUG: the CSRF token does not reach the server, or not from an origin that it trusts: CSRF_TRUSTED_ORIGINS, "
        "SECURE_PROXY_SSL_HEADER."
    ),
    "too_large_debug": "DEBUG: the request, with the state variables of this page, is larger than 64 KB.",
    "unavailable_debug": "DEBUG: the browser's console says what happened.",
}
