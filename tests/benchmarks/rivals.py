"""What one would write instead of using the app: views that issue sessions of the workflow ``support``."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

import openai
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_chatkit.models import ChatSession, Workflow

WORKFLOW_ID = "wf_support"


def client() -> openai.OpenAI:
    return openai.OpenAI(
        api_key=settings.DJANGO_CHATKIT["API_KEY"], base_url=os.environ["BENCHMARK_UPSTREAM"], timeout=10
    )


shared_client = cache(client)


@csrf_exempt
def plain(request: HttpRequest) -> JsonResponse:
    """(a) Checks nothing, records nothing."""
    session = shared_client().beta.chatkit.sessions.create(user=str(request.user.pk), workflow={"id": WORKFLOW_ID})
    return JsonResponse({"client_secret": session.client_secret})


@csrf_exempt
def client_per_request(request: HttpRequest) -> JsonResponse:
    """(b) The same, as the public samples do it."""
    session = client().beta.chatkit.sessions.create(user=str(request.user.pk), workflow={"id": WORKFLOW_ID})
    return JsonResponse({"client_secret": session.client_secret})


class WantedSerializer(serializers.Serializer[Any]):
    workflow = serializers.SlugField()
    state_variables = serializers.DictField(required=False, default=dict)


class ByHand(APIView):
    """(c) Careful: who asks, what for, and a record of what came of it."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        wanted = WantedSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            workflow = Workflow.objects.get(slug=wanted.validated_data["workflow"], is_active=True)
        except Workflow.DoesNotExist:
            raise NotFound from None
        variables = {**workflow.state_variables, **wanted.validated_data["state_variables"]}
        identifier = f"user-{request.user.pk}"
        issued = self.client_for(workflow).beta.chatkit.sessions.create(
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

    def client_for(self, workflow: Workflow) -> openai.OpenAI:
        return shared_client()


class SameQueries(APIView):
    """What a reused session asks of the database, and nothing else."""

    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        workflow = Workflow.objects.select_related("chatkit_configuration").get(slug=request.data["workflow"])
        workflow.is_open_to(request.user)
        sessions = ChatSession.objects.active(timezone.now()).defer("state_variables")
        session = sessions.filter(
            pk=request.data["record"], user_key=request.data["user_key"], workflow=workflow
        ).first()
        return Response({"id": session.session_id})
