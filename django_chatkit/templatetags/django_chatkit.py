"""``{% chatkit "support" %}``: the tag that puts a chat on a page, a thin layer over ``widget_config``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template import Context, TemplateSyntaxError
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext

from django_chatkit.conf import conf

register = template.Library()

#: Each keyword that sets an option, and where that option is in ``ChatKitOptions`` of ``@openai/chatkit``.
OPTIONS: dict[str, tuple[str, ...]] = {
    "locale": ("locale",),
    "color_scheme": ("theme", "colorScheme"),
    "theme": ("theme",),
    "frame_title": ("frameTitle",),
    "initial_thread": ("initialThread",),
    "header": ("header", "enabled"),
    "title": ("header", "title", "text"),
    "history": ("history", "enabled"),
    "greeting": ("startScreen", "greeting"),
    "prompts": ("startScreen", "prompts"),
    "placeholder": ("composer", "placeholder"),
    "disclaimer": ("disclaimer", "text"),
    "feedback": ("threadItemActions", "feedback"),
    "retry": ("threadItemActions", "retry"),
    "auto_scroll": ("thread", "autoScroll"),
}
#: Every keyword of the tag.
KEYWORDS = ("workflow", "state_variables", "height", *OPTIONS)


@register.inclusion_tag("django_chatkit/chatkit.html", takes_context=True)
def chatkit(context: Context, workflow: Any = None, **keywords: Any) -> dict[str, Any]:
    """Render the element, and before the first one of a page the module and the style sheet that it needs."""
    request = context.get("request") or getattr(context, "request", None)
    first = _is_first(context, request)
    return {
        "config": json.dumps(widget_config(request, workflow, **keywords), cls=DjangoJSONEncoder, allow_nan=False),
        "first": first,
        "nonce": _nonce(context, request) if first else "",
    }


def widget_config(
    request: HttpRequest | None,
    workflow: Any = None,
    *,
    state_variables: Mapping[str, Any] | None = None,
    height: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """What ``<django-chatkit config="…">`` is told, ready for JSON. No queries, and nothing secret: the page shows it.

    ``workflow`` is a slug, or anything with a ``slug``; ``None`` is the ``DEFAULT_WORKFLOW`` setting, and without that
    the server picks the only active workflow. ``state_variables`` are sent with the request for a session, which
    refuses names that the workflow does not leave to the browser. ``height`` is a CSS length. ``options`` are the
    keywords of ``OPTIONS``; ``None`` and ``""`` leave an option alone. Raises ``TemplateSyntaxError`` for an unknown
    keyword, ``ImproperlyConfigured`` if the app's URLs are not included.
    """
    config = {
        "url": _sessions_url(),
        "script": conf.SCRIPT_URL,
        "workflow": _slug(workflow),
        "state_variables": state_variables,
        "height": height,
        "csrf": _csrf(request),
        "options": _chatkit_options(options),
        "texts": _texts(),
    }
    return {name: value for name, value in config.items() if value not in (None, "")}


def _slug(workflow: Any) -> str | None:
    if workflow is None:
        return conf.DEFAULT_WORKFLOW
    slug = getattr(workflow, "slug", workflow)
    if not slug:
        raise TemplateSyntaxError(
            'The workflow of {% chatkit %} is empty. A slug needs quotes: {% chatkit "support" %}.'
        )
    return str(slug)


def _sessions_url() -> str:
    try:
        return reverse("django_chatkit:session-list")
    except NoReverseMatch as err:
        raise ImproperlyConfigured(
            'To use {% chatkit %}, add path("chatkit/", include("django_chatkit.urls")) to your urlpatterns.'
        ) from err


def _csrf(request: HttpRequest | None) -> dict[str, str | None]:
    """How the browser proves that a request is ours: where it may read the cookie, otherwise this page's token."""
    readable = not (settings.CSRF_USE_SESSIONS or settings.CSRF_COOKIE_HTTPONLY)
    return {
        "header": settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-"),
        "cookie": settings.CSRF_COOKIE_NAME if readable else None,
        "token": get_token(request) if request else None,
    }


def _chatkit_options(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Nest ``{"greeting": "Hi"}`` as ``{"startScreen": {"greeting": "Hi"}}``; a longer path wins over a shorter one."""
    for name in keywords:
        if name not in OPTIONS:
            raise TemplateSyntaxError(_unknown(name))
    options: dict[str, Any] = {}
    for name in sorted(keywords, key=lambda name: len(OPTIONS[name])):
        if keywords[name] not in (None, ""):
            _put(options, OPTIONS[name], keywords[name])
    return options


def _put(options: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *parents, leaf = path
    for name in parents:
        inner = options.get(name)
        # A theme may be a mere "dark"; the rest of the theme needs a dictionary of our own.
        options[name] = dict(inner) if isinstance(inner, Mapping) else {}
        options = options[name]
    options[leaf] = value


def _unknown(name: str) -> str:
    nearest = get_close_matches(name, KEYWORDS, n=1, cutoff=0)[0]
    return f"{{% chatkit %}} does not know the keyword {name!r}. Did you mean {nearest!r}?"


def _is_first(context: Context, request: HttpRequest | None) -> bool:
    """Whether this is the first chat of the page. A module that is there twice would still run only once."""
    seen = request.__dict__ if request else context.render_context
    first = "_django_chatkit_on_page" not in seen
    seen["_django_chatkit_on_page"] = True
    return first


def _nonce(context: Context, request: HttpRequest | None) -> str:
    """Django's own nonce or django-csp's. Both are lazy, and false until somebody reads them."""
    nonce = context.get("csp_nonce")
    if nonce is None:
        nonce = getattr(request, "csp_nonce", None)
    return "" if nonce is None else str(nonce)


def _texts() -> dict[str, str]:
    return {
        "loading": gettext("Loading the chat…"),
        "again": gettext("Try again"),
        "script": gettext("The chat could not be loaded. A content blocker or your network may be in the way."),
        "network": gettext("This site cannot be reached. Please check your connection."),
        "login": gettext("Please log in to use the chat."),
        "forbidden": gettext("Your account has no access to this chat."),
        "busy": gettext("Too many chats at the moment. Please try again in {seconds} seconds."),
        "unavailable": gettext("The chat is not available right now. Please try again later."),
    }
