"""The example project's pages, and ``render/``: a page, or with ``part`` a part of one, made of the template given."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<meta name="viewport" content="width=device-width"></head><body>
<main>%s</main><p id="after">After the chat.</p></body></html>"""

#: Nothing inline, and only what carries the nonce. OpenAI's script is not on any list of hosts.
STRICT = "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; connect-src 'self'; img-src 'self'"


def render(request: HttpRequest) -> HttpResponse:
    source = "{% load django_chatkit %}" + request.GET["source"]
    if "part" not in request.GET:
        source = PAGE % source
    nonce = secrets.token_urlsafe(16)
    context = {"csp_nonce": nonce} if "strict" in request.GET else {}
    response = HttpResponse(engines["django"].from_string(source).render(context, request))
    if "strict" in request.GET:
        response["Content-Security-Policy"] = STRICT.format(nonce=nonce)
    return response


urlpatterns = [path("render/", render), path("", include("config.urls"))]
