"""``{% chatkit "support" %}``: the tag that puts a chat on a page, a thin layer over ``widget_config``."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.utils.translation import get_language, get_language_bidi

from django_chatkit import __version__
from django_chatkit.widget import widget_config

register = template.Library()

MODULE = "django_chatkit/django-chatkit.js"
#: What the module imports, and what that imports in turn.
#: Without a hint, a browser learns of each when it has read the one before, and asks for a session after the last.
IMPORTS = (
    "element", "chat", "config", "errors", "links", "note", "options", "panel", "script", "session", "memory",
    "self-hosted",
)  # fmt: skip


@register.inclusion_tag("django_chatkit/chatkit.html", takes_context=True)
def chatkit(context: Context, workflow: Any = None, **keywords: Any) -> dict[str, Any]:
    """Render the element, and before the first one of a page the modules and the style sheets that it needs."""
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
        **(_early() if first else {}),
        "nonce": _nonce(context, request) if first else "",
    }


def _is_first(context: Context, request: HttpRequest | None) -> bool:
    """Whether this is the first chat of the page. A module that is there twice would still run only once."""
    seen = request.__dict__ if request else context.render_context
    first = "_django_chatkit_on_page" not in seen
    seen["_django_chatkit_on_page"] = True
    return first


def _early() -> dict[str, Any]:
    """Addresses that the browser should ask for at once, spelled as imports spell them.

    OpenAI's script is not among them: the policy of a page refuses a hint with the nonce of a part that is swapped in.
    """
    module = static(MODULE)
    return {
        "module": module,
        "imports": [urljoin(module, f"django-chatkit/{name}.js?v={__version__}") for name in IMPORTS],
        "sheet": urljoin(module, f"django-chatkit/panel.css?v={__version__}"),
    }


def _nonce(context: Context, request: HttpRequest | None) -> str:
    """Django's own nonce or django-csp's. Both are lazy, and false until somebody reads them."""
    nonce = context.get("csp_nonce")
    if nonce is None:
        nonce = getattr(request, "csp_nonce", None)
    return "" if nonce is None else str(nonce)
