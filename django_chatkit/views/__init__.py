"""The HTTP API: issue, list, show and cancel the caller's own sessions."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from rest_framework import exceptions, generics, serializers, status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from .. import csrf, sessions
from ..conf import conf
from ..exceptions import ChatKitError, ChatKitNotConfigured
from ..identity import Owner, authenticated_user, known_owner
from ..models import ChatSession, Workflow
from ..parsers import StrictJSONParser
from ..reuse import cookies_of
from ..serializers import IssuedSessionSerializer, SessionRequestSerializer, SessionSerializer
from ..throttling import SessionThrottle
from ..transactions import give_connections_back, outside_transactions
from .troubles import SessionNotFound, Trouble, WorkflowNotFound, answer_with_code, log

#: On the answer that issues a session: where the chat of a self-hosted workflow is. Hosted ones have none.
CHAT_URL_HEADER = "X-ChatKit-URL"
#: On the same answer, for whom it is: the same for the same user, and nothing that anybody could learn from it.
USER_HEADER = "X-ChatKit-User"

SESSION_ID = re.compile("[A-Za-z0-9_-]{1,255}")


class JSONOnly(BaseContentNegotiation):
    """Answers are JSON, whatever the caller says it accepts: a page in the browsable API would print secrets."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        media_type = request.content_type.split(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class NewestFirst(CursorPagination):
    """Pages by primary key."""

    page_size = 20
    ordering = "-id"

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor and not re.fullmatch("[0-9]{1,19}", str(cursor.position)):  # DRF lets much pass for the first page
            raise exceptions.NotFound(self.invalid_cursor_message)
        return cursor


class ChatKitView(generics.GenericAPIView[ChatSession]):
    """What all views share. The project's own authentication classes decide who calls; its other DRF settings do not
    reach this API.
    """

    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    pagination_class = NewestFirst
    filter_backends = ()
    throttle_classes = ()
    versioning_class = None
    http_method_names = ("get", "head", "post")
    queryset = ChatSession.objects.all()
    serializer_class = SessionSerializer
    lookup_field = "session_id"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """Never in a transaction: it would be open while OpenAI is being called."""
        return outside_transactions(super().as_view(**initkwargs))

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """A body that is sent in chunks, or over HTTP/2, may come without a length: DRF would take it for none."""
        if not request.META.get("CONTENT_LENGTH") and _may_have_body(request):
            request.META["CONTENT_LENGTH"] = "-1"
        cookies_of(request)  # before anything can fail and be reported
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """What is not offered to anybody is a 405 for everybody, before it is asked who calls."""
        if request.method not in self.allowed_methods:
            raise exceptions.MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)

    def get_authenticators(self) -> list[Any]:
        classes: Any = api_settings.DEFAULT_AUTHENTICATION_CLASSES
        return [authenticator() for authenticator in classes]

    def get_permissions(self) -> list[Any]:
        return [permission() for permission in conf.PERMISSION_CLASSES]

    def get_exception_handler(self) -> Any:
        return answer_with_code

    def perform_authentication(self, request: Request) -> None:
        """Authenticate, then check CSRF unless a header has shown who calls. Nothing is parsed before that."""
        refused = csrf.failure(request._request)
        try:
            super().perform_authentication(request)
        except (exceptions.AuthenticationFailed, exceptions.NotAuthenticated):
            raise
        except exceptions.APIException:  # SessionAuthentication parses the body to look for a token
            if refused is None:
                raise
            raise csrf.CSRFFailed(refused) from None
        if refused is not None and not csrf.header_authenticates(request):
            raise csrf.CSRFFailed(refused)

    def check_permissions(self, request: Request) -> None:
        """Visitors who are not logged in may see and cancel what they were issued."""
        if authenticated_user(request) or not known_owner(request._request):
            super().check_permissions(request)

    def check_object_permissions(self, request: Request, obj: ChatSession) -> None:
        """As ``check_permissions``, which some of DRF's compound permissions ask again here."""
        if authenticated_user(request):
            super().check_object_permissions(request, obj)

    def get_queryset(self) -> QuerySet[ChatSession]:
        """The caller's own sessions; somebody else's do not exist."""
        owner = known_owner(self.request._request)
        own = owner.sessions() if owner else super().get_queryset().none()
        return own.select_related("workflow").defer("state_variables", "workflow__state_variables")

    def get_object(self) -> ChatSession:
        """The session of the URL. Databases disagree about the case of ids and about what else one may hold."""
        session_id = self.kwargs["session_id"]
        known = self.get_queryset().filter(session_id=session_id) if SESSION_ID.fullmatch(session_id) else ()
        session = next((session for session in known if session.session_id == session_id), None)
        if session is None:
            raise SessionNotFound
        self.check_object_permissions(self.request, session)
        return session

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, ChatKitError | ChatKitNotConfigured):
            trouble = Trouble(exc)
            log(exc, trouble)
            exc = trouble
        response = super().handle_exception(exc)
        if isinstance(exc, csrf.CSRFFailed):
            response[csrf.TOKEN_HEADER] = csrf.fresh_token(self.request)
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


class SessionListView(ChatKitView):
    """Issue a session, or list one's own."""

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return SessionRequestSerializer if self.request.method == "POST" else SessionSerializer

    def check_permissions(self, request: Request) -> None:
        """For a new session they depend on the workflow: see ``_admit``."""
        if request.method != "POST":
            super().check_permissions(request)

    def get(self, request: Request) -> Response:
        """The caller's sessions, newest first, without their secrets."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def post(self, request: Request) -> Response:
        """A ChatKit session of a workflow for the caller, with its client secret.

        200 if this browser's unexpired session was handed out again, 201 if a new one was issued.
        """
        wanted = self._validated(request)
        workflow = self._workflow(wanted.get("workflow"))
        self._admit(request, workflow)
        prepared = self._prepared(request, workflow, wanted.get("state_variables", {}))
        issued = None if wanted["refresh"] else sessions.reuse_session(prepared, request._request)
        if issued is None:
            self._throttle(request, prepared.owner)
            give_connections_back()
            issued = sessions.issue_session(prepared)
        context = {"client_secret": issued.client_secret}
        answer = IssuedSessionSerializer(issued.session, context=context).data
        response = Response(answer, status.HTTP_200_OK if issued.reused else status.HTTP_201_CREATED)
        sessions.remember_session(request._request, response, prepared, issued)
        response[USER_HEADER] = prepared.owner.pseudonym
        if workflow.is_self_hosted:
            response[CHAT_URL_HEADER] = reverse("django_chatkit:chat", args=[workflow.slug])
        return response

    def _validated(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted: dict[str, Any] = serializer.validated_data
        return wanted

    def _workflow(self, slug: str | None) -> Workflow:
        try:
            return Workflow.objects.using(router.db_for_write(Workflow)).embedded(slug)
        except Workflow.DoesNotExist:
            raise WorkflowNotFound from None

    def _admit(self, request: Request, workflow: Workflow) -> None:
        """``allow_anonymous`` opens a workflow to visitors who are not logged in; ``groups`` close it to others.

        Permission classes cannot open one to visitors: it is then open to everyone who is logged in.
        """
        user = authenticated_user(request)
        if user is not None or not workflow.allow_anonymous:
            super().check_permissions(request)
        is_open = workflow.has_no_groups or workflow.is_open_to(user)
        if not is_open or (user is None and not workflow.allow_anonymous):
            self.permission_denied(request)

    def _prepared(
        self, request: Request, workflow: Workflow, state_variables: dict[str, Any]
    ) -> sessions.PreparedSession:
        refused = [name for name in state_variables if name not in workflow.client_state_variables]
        if refused:
            problems = [f"“{name}”: a page may not set this state variable of this workflow." for name in refused]
            raise serializers.ValidationError({"state_variables": problems})
        try:
            return sessions.prepare_session(workflow, request=request._request, state_variables=state_variables)
        except DjangoValidationError as error:
            raise serializers.ValidationError({"state_variables": error.messages}) from None

    def _throttle(self, request: Request, owner: Owner) -> None:
        throttle = SessionThrottle(owner)
        if not throttle.allow_request(request, self):
            self.throttled(request, throttle.wait())


class SessionDetailView(ChatKitView):
    """One of the caller's own sessions."""

    def get(self, request: Request, session_id: str) -> Response:
        """The session as it is now, without its secret. Somebody else's is a 404, as is one that never existed."""
        return Response(self.get_serializer(self.get_object()).data)


class SessionCancelView(ChatKitView):
    """Cancel one of the caller's own sessions."""

    def get_queryset(self) -> QuerySet[ChatSession]:
        """From the database that is written to: a replica may not know yet what was issued just now."""
        return super().get_queryset().using(router.db_for_write(ChatSession))

    def post(self, request: Request, session_id: str) -> Response:
        """Make the session's secret useless. Cancelling what has ended changes nothing."""
        session = self.get_object()
        give_connections_back()
        return Response(self.get_serializer(sessions.cancel_session(session)).data)


def _may_have_body(request: HttpRequest) -> bool:
    return "HTTP_TRANSFER_ENCODING" in request.META or request.content_type == StrictJSONParser.media_type
