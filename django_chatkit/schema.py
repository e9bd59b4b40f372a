"""What drf-spectacular says of the API, for projects that use it; nothing else imports this module."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
    OpenApiViewExtension,
)
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)
from rest_framework import serializers

from .serializers import IssuedSessionSerializer, SessionRequestSerializer, SessionSerializer
from .validators import MAX_INTEGER, MAX_STATE_VARIABLES
from .views import CHAT_URL_HEADER, USER_HEADER

_ERROR = inline_serializer("ChatKitError", {"detail": serializers.CharField(), "code": serializers.CharField()})

_CALLER = {
    401: OpenApiResponse(_ERROR, "Not logged in, where the project's authentication has a challenge to send."),
    403: OpenApiResponse(_ERROR, "`not_authenticated`, `permission_denied`, or `csrf_failed`."),
}
_OPENAI = {
    502: OpenApiResponse(_ERROR, "`upstream_error`: OpenAI cannot be reached or fails."),
    503: OpenApiResponse(_ERROR, "`misconfigured`, `upstream_rate_limited` (with `Retry-After`) or `not_saved`."),
    504: OpenApiResponse(_ERROR, "`upstream_timeout`: OpenAI did not answer in time."),
}
_SITE = {503: OpenApiResponse(_ERROR, "`misconfigured`: the site cannot tell who its users are.")}
_UNKNOWN = {404: OpenApiResponse(_ERROR, "There is no such session, or it is somebody else's.")}
_REFUSED = {
    400: OpenApiResponse(
        OpenApiTypes.OBJECT, "Errors by field; or `detail` and the code `parse_error` if the body is no JSON."
    ),
    404: OpenApiResponse(_ERROR, "`workflow_not_found`: unknown or inactive."),
    413: OpenApiResponse(_ERROR, "The body is larger than 64 KB."),
    415: OpenApiResponse(_ERROR, "The body is not `application/json`."),
    429: OpenApiResponse(_ERROR, "`throttled`: too many new sessions; `Retry-After` says when to try again."),
}

_CHAT_URL = OpenApiParameter(
    CHAT_URL_HEADER,
    OpenApiTypes.URI_REF,
    OpenApiParameter.HEADER,
    response=[200, 201],
    description="Where the chat takes place, if this site runs the workflow. Absent if OpenAI does.",
)
_USER = OpenApiParameter(
    USER_HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    response=[200, 201],
    description="A pseudonym, always the same for a user or visitor: under which name to remember their last thread.",
)
_RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    response=[429, 503],
    description="Seconds to wait. With 503 only where OpenAI says how many.",
)

_TEXT = {"type": "string", "pattern": r"^[^\u0000]*$"}
_NUMBER = {"type": "number", "minimum": -MAX_INTEGER - 1, "maximum": MAX_INTEGER}


class _Request(OpenApiSerializerExtension):
    """The fields as they are, and none besides: any other is refused."""

    target_class = "django_chatkit.serializers.SessionRequestSerializer"

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        described = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**described, "additionalProperties": False}


class _StateVariables(OpenApiSerializerFieldExtension):
    target_class = "django_chatkit.serializers.StateVariablesField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        value = {"anyOf": [_TEXT, _NUMBER, {"type": "boolean"}]}
        return {"type": "object", "additionalProperties": value, "maxProperties": MAX_STATE_VARIABLES}


class _Slug(OpenApiSerializerFieldExtension):
    target_class = "django_chatkit.serializers.StrictCharField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> Any:
        return {"type": "string", "pattern": "^[-a-zA-Z0-9_]{1,50}$"}


class _List(OpenApiViewExtension):
    target_class = "django_chatkit.views.SessionListView"

    def view_replacement(self) -> Any:
        return extend_schema_view(
            get=extend_schema(
                tags=["chatkit"],
                operation_id="chatkit_sessions_list",
                responses={
                    200: SessionSerializer(many=True),
                    **_CALLER,
                    404: OpenApiResponse(_ERROR, "Bad cursor."),
                    **_SITE,
                },
            ),
            post=extend_schema(
                tags=["chatkit"],
                operation_id="chatkit_sessions_create",
                request=SessionRequestSerializer,
                parameters=[_CHAT_URL, _USER, _RETRY_AFTER],
                responses={
                    200: OpenApiResponse(IssuedSessionSerializer, "This browser's unexpired session, once more."),
                    201: OpenApiResponse(IssuedSessionSerializer, "A new session."),
                    **_CALLER,
                    **_REFUSED,
                    **_OPENAI,
                },
            ),
        )(_subclass(self.target))


class _Detail(OpenApiViewExtension):
    target_class = "django_chatkit.views.SessionDetailView"

    def view_replacement(self) -> Any:
        get = extend_schema(
            tags=["chatkit"],
            operation_id="chatkit_sessions_retrieve",
            responses={200: SessionSerializer, **_CALLER, **_UNKNOWN, **_SITE},
        )
        return extend_schema_view(get=get)(_subclass(self.target))


class _Cancel(OpenApiViewExtension):
    target_class = "django_chatkit.views.SessionCancelView"

    def view_replacement(self) -> Any:
        post = extend_schema(
            tags=["chatkit"],
            operation_id="chatkit_sessions_cancel",
            request=None,
            responses={200: SessionSerializer, **_CALLER, **_UNKNOWN, **_OPENAI},
        )
        return extend_schema_view(post=post)(_subclass(self.target))


def _subclass(view: Any) -> Any:
    """The description belongs to a copy: the view itself stays as it is."""
    return type(view.__name__, (view,), {"__doc__": view.__doc__})
