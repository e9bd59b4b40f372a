"""What ``<django-chatkit>`` is told: the workflow's look, what the page says over it, and where to go."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.shortcuts import resolve_url
from django.template import TemplateSyntaxError
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language

from .conf import conf
from .locales import chatkit_locale
from .models import Workflow
from .models.look import CHOICES, Layout, Look
from .texts import widget_texts

#: Each keyword that sets an option, and where that option is in ``ChatKitOptions`` of ``@openai/chatkit``.
OPTIONS: dict[str, tuple[str, ...]] = {
    "locale": ("locale",),
    "color_scheme": ("theme", "colorScheme"),
    "accent": ("theme", "color", "accent", "primary"),
    "radius": ("theme", "radius"),
    "density": ("theme", "density"),
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
KEYWORDS = ("workflow", "state_variables", "layout", "height", "resume", *OPTIONS)
#: ``AccentColor`` needs a level: ChatKit's own for an accent that is only a colour.
ACCENT_LEVEL = 1


def widget_config(
    request: HttpRequest | None,
    workflow: Any = None,
    *,
    state_variables: Mapping[str, Any] | None = None,
    layout: str | None = None,
    height: str | None = None,
    resume: bool = True,
    **options: Any,
) -> dict[str, Any]:
    """What ``<django-chatkit config="…">`` is told, ready for JSON. Nothing secret: the page shows it.

    ``workflow`` is a slug, or a ``Workflow``; ``None`` is the ``DEFAULT_WORKFLOW`` setting, or the only active one. One
    query for a slug, none for one that this request has asked for already, and none for a ``Workflow``. A workflow
    that does not exist has no look: the server refuses its session, and the page then says so.

    ``layout`` is one of ``Layout``, ``height`` a CSS length. ``resume=False`` does not open the visitor's last thread
    of this tab again. ``state_variables`` are sent with the request for a session, which refuses names that the
    workflow does not leave to the browser. ``options`` are the keywords of ``OPTIONS``: they win over the workflow's
    look, where ``None`` and ``""`` leave it alone. Raises ``TemplateSyntaxError`` for an unknown keyword or choice,
    ``ImproperlyConfigured`` if the app's URLs are not included.
    """
    _check_names(options)
    over = _nested(options)
    _check_choices(over, layout)
    found = _workflow(request, workflow)
    look = found.look() if found else {}
    chosen = _nested({"locale": chatkit_locale(get_language() or "en"), **look})
    merged = _merged(chosen, over)
    config = {
        "url": _sessions_url(),
        "script": conf.SCRIPT_URL,
        "workflow": _slug(workflow),
        "state_variables": state_variables,
        "layout": layout or look.get("layout", Layout.INLINE),
        "height": height,
        "resume": resume,
        "domain_key": conf.DOMAIN_KEY,
        "login_url": _login_url(),
        "csrf": _csrf(request),
        "options": _as_chatkit_takes_them(merged),
        "color_scheme": _at(merged, "color_scheme"),
        "texts": widget_texts(),
    }
    return {name: value for name, value in config.items() if value not in (None, "")}


def _check_names(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in OPTIONS:
            nearest = get_close_matches(name, KEYWORDS, n=1, cutoff=0)[0]
            raise TemplateSyntaxError(f"{{% chatkit %}} does not know the keyword {name!r}. Did you mean {nearest!r}?")


def _check_choices(options: Mapping[str, Any], layout: str | None) -> None:
    for name, choices in CHOICES.items():
        value = layout if name == "layout" else _at(options, name)
        if value and value not in choices.values:
            raise TemplateSyntaxError(f"{{% chatkit %}}: {name} is one of {', '.join(choices.values)}, not {value!r}.")


def _at(options: Mapping[str, Any], keyword: str) -> Any:
    """What these options say where ``keyword`` has its place; ``None`` if nothing."""
    found: Any = options
    for part in OPTIONS[keyword]:
        found = (found or {}).get(part)
    return found


def _workflow(request: HttpRequest | None, workflow: Any) -> Workflow | None:
    """The workflow, with its look and nothing else. A request asks once for each."""
    if isinstance(workflow, Workflow):
        return workflow
    slug = _slug(workflow)
    known: dict[str | None, Workflow | None] = {} if request is None else request.__dict__.setdefault(_SEEN, {})
    if slug and not slug.isprintable():  # PostgreSQL refuses to be asked for it
        return None
    if slug not in known:
        try:
            known[slug] = Workflow.objects.only("slug", *(field.name for field in Look._meta.fields)).named(slug)
        except Workflow.DoesNotExist:
            known[slug] = None
    return known[slug]


_SEEN = "_django_chatkit_workflows"


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


def _login_url() -> str | None:
    """Where people log in; a project may have no such page."""
    try:
        url: str = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return None
    return url


def _csrf(request: HttpRequest | None) -> dict[str, str | None]:
    """How the browser proves that a request is ours: where it may read the cookie, otherwise this page's token."""
    readable = not (settings.CSRF_USE_SESSIONS or settings.CSRF_COOKIE_HTTPONLY)
    return {
        "header": settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-"),
        "cookie": settings.CSRF_COOKIE_NAME if readable else None,
        "token": get_token(request) if request else None,
    }


def _nested(keywords: Mapping[str, Any]) -> dict[str, Any]:
    """``{"greeting": "Hi"}`` as ``{"startScreen": {"greeting": "Hi"}}``; a longer path wins over a shorter one."""
    nested: dict[str, Any] = {}
    known = [name for name in keywords if name in OPTIONS and keywords[name] not in (None, "")]
    for name in sorted(known, key=lambda name: len(OPTIONS[name])):
        value = _theme(keywords[name]) if name == "theme" else keywords[name]
        for part in reversed(OPTIONS[name]):
            value = {part: value}
        nested = _merged(nested, value)
    return nested


def _theme(value: Any) -> Mapping[str, Any]:
    """ChatKit takes a colour scheme for a theme, too. A part of it that is no dictionary has no place for ours."""
    theme = {"colorScheme": value} if isinstance(value, str) else value
    color = theme.get("color", {}) if isinstance(theme, Mapping) else None
    if not isinstance(color, Mapping) or not isinstance(color.get("accent", {}), Mapping):
        raise TemplateSyntaxError(
            f"{{% chatkit %}}: theme, its color and its accent are dictionaries as in @openai/chatkit, not {value!r}."
        )
    return theme


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Both, dictionary by dictionary; ``over`` wins. Neither is changed."""
    merged = dict(under)
    for name, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


def _as_chatkit_takes_them(options: dict[str, Any]) -> dict[str, Any]:
    """With what belongs to an accent and a title, and without the colour scheme, which is the element's affair: ChatKit
    knows none that follows the page or the visitor.
    """
    theme = {name: value for name, value in options.get("theme", {}).items() if name != "colorScheme"}
    if _at(options, "accent"):
        theme = _merged({"color": {"accent": {"level": ACCENT_LEVEL}}}, theme)
    named = {"frameTitle": _at(options, "title"), **options, "theme": theme}
    return {name: value for name, value in named.items() if value not in (None, {})}
