"""The example project's pages, and ``render/``: a page, or with ``part`` a part of one, made of the template given.

``head`` goes into the page's head; ``strict`` is for a strict Content-Security-Policy; ``other`` is the slug of a
workflow that the template may read.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from django_chatkit.models import Workflow

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<meta name="viewport" content="width=device-width">%s</head><body>
<main>%s</main><p id="after">After the chat.</p></body></html>"""

#: Nothing inline, and only what carries the nonce. OpenAI's script is not on any list of hosts.
STRICT = "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; connect-src 'self'; img-src 'self'"


def render(request: HttpRequest) -> HttpResponse:
    source = "{% load django_chatkit %}" + request.GET["source"]
    if "part" not in request.GET:
        source = PAGE % (request.GET.get("head", ""), source)
    nonce = secrets.token_urlsafe(16)
    context: dict[str, Any] = {"csp_nonce": nonce} if "strict" in request.GET else {}
    context["other"] = Workflow.objects.filter(slug=request.GET.get("other")).first()
    response = HttpResponse(engines["django"].from_string(source).render(context, request))
    if "strict" in request.GET:
        response["Content-Security-Policy"] = STRICT.format(nonce=nonce)
    return response


urlpatterns = [path("render/", render), path("", include("config.urls"))]
