"""The tag that one would write instead of using the app's: ``{% load handwritten %}{% assistant "support" %}``."""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.middleware.csrf import get_token
from django.template import Context, Engine
from django.urls import reverse

from django_chatkit.models import Workflow

register = template.Library()
ELEMENT = Engine(
    libraries={"static": "django.templatetags.static"}, builtins=["django.templatetags.static"]
).from_string(
    """<link rel="stylesheet" href="{% static "assistant.css" %}">
<script type="module" src="{% static "assistant.js" %}"></script>
<chat-assistant config="{{ config }}"></chat-assistant>"""
)


@register.inclusion_tag(ELEMENT, takes_context=True)
def assistant(context: Context, slug: str) -> dict[str, Any]:
    workflow = Workflow.objects.get(slug=slug, is_active=True)
    config = {
        "url": reverse("django_chatkit:session-list"),
        "workflow": workflow.slug,
        "csrf": get_token(context["request"]),
        "greeting": workflow.greeting,
        "prompts": workflow.prompts,
        "accent": workflow.accent,
        "placeholder": workflow.placeholder,
    }
    return {"config": json.dumps(config)}
