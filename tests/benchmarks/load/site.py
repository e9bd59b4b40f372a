"""The site under load: the app, what one would write by hand instead, and an ordinary page that has to go on."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import openai
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_chatkit.models import ChatSession, Workflow


@cache
def client_of(key_name: str) -> openai.OpenAI:
    """One client for each key, as the SDK's documentation asks for, with the time limits of the app."""
    key = settings.DJANGO_CHATKIT["API_KEYS"][key_name]
    return openai.OpenAI(api_key=key["api_key"], base_url=key["base_url"], timeout=15)


class WantedSerializer(serializers.Serializer[Any]):
    workflow = serializers.SlugField()
    state_variables = serializers.DictField(required=False, default=dict)


class ByHand(APIView):
    """Who asks, what for, and a record of what came of it: a careful user's view."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        wanted = WantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        workflow = self._workflow(wanted.validated_data["workflow"])
        variables = {**workflow.state_variables, **wanted.validated_data["state_variables"]}
        identifier = str(request.user.pk)
        issued = client_of(workflow.api_key).beta.chatkit.sessions.create(
            user=identifier, workflow={"id": workflow.workflow_id, "state_variables": variables}
        )
        ChatSession.objects.create(
            session_id=issued.id,
            user=request.user,
            user_identifier=identifier,
            user_key=sha256(identifier.encode()).hexdigest(),
            workflow=workflow,
            workflow_id=issued.workflow.id,
            state_variables=variables,
            chatkit_configuration=issued.chatkit_configuration.to_dict(),
            max_requests_per_1_minute=issued.max_requests_per_1_minute,
            status=issued.status,
            expires_at=datetime.fromtimestamp(issued.expires_at, tz=UTC),
        )
        return Response({"client_secret": issued.client_secret, "expires_at": issued.expires_at}, status=201)

    def _workflow(self, slug: str) -> Workflow:
        try:
            return Workflow.objects.get(slug=slug, is_active=True)
        except Workflow.DoesNotExist:
            raise NotFound from None


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """One query, besides those for who asks."""
    return HttpResponse(f"Hello, {request.user.username}: we have {Workflow.objects.count()} assistants.")


urlpatterns = [
    path("chatkit/", include("django_chatkit.urls")),
    path("by-hand/", ByHand.as_view()),
    path("page/", page),
]
