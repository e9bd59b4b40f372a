"""``{% chatkit "support" %}``: the tag that puts a chat on a page, a thin layer over ``widget_config``."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.template import Context
from django.utils.translation import get_language, get_language_bidi

from django_chatkit.widget import widget_config

register = template.Library()


@register.inclusion_tag("django_chatkit/chatkit.html", takes_context=True)
def chatkit(context: Context, workflow: Any = None, **keywords: Any) -> dict[str, Any]:
    """Render the element, and before the first one of a page the module and the style sheet that it needs."""
    request = context.get("request") or getattr(context, "request", None)
    first = _is_first(context, request)
    config = widget_config(request, workflow, **keywords)
    return {
        "config": json.dumps(config, cls=DjangoJSONEncoder, allow_nan=False),
        "layout": config["layout"],
        "height": config.get("height"),
        "language": get_language() or "en",
        "direction": "rtl" if get_language_bidi() else "ltr",
        "first": first,
        "nonce": _nonce(context, request) if first else "",
    }


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
