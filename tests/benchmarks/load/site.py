"""The site under load: the app, what one would write by hand instead, and an ordinary page that has to go on."""

from __future__ import annotations

from functools import cache

import openai
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from django_chatkit.models import Workflow
from tests.benchmarks import rivals


@cache
def client_of(key_name: str) -> openai.OpenAI:
    """One client for each key, as the SDK's documentation asks for, with the time limits of the app."""
    key = settings.DJANGO_CHATKIT["API_KEYS"][key_name]
    return openai.OpenAI(api_key=key["api_key"], base_url=key["base_url"], timeout=15)


class ByHand(rivals.ByHand):
    """Each workflow has a key of its own, and so an upstream."""

    def client_for(self, workflow: Workflow) -> openai.OpenAI:
        return client_of(workflow.api_key)


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """One query, besides those for who asks."""
    return HttpResponse(f"Hello, {request.user.username}: we have {Workflow.objects.count()} assistants.")


urlpatterns = [
    path("chatkit/", include("django_chatkit.urls")),
    path("by-hand/", ByHand.as_view()),
    path("page/", page),
]
