"""The shapes of requests and answers."""

from __future__ import annotations

from typing import Any

from rest_framework import ISO_8601, serializers

from .models import ChatSession
from .validators import validate_state_variables


class StrictBooleanField(serializers.BooleanField):
    """``true`` or ``false``, and none of the many words that forms send."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictCharField(serializers.CharField):
    """Text, and no number that could be written as such."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class StateVariablesField(serializers.DictField):
    """Names and primitive values, left as they are; each error names its entry."""

    default_validators = [validate_state_variables]  # noqa: RUF012

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        return data


class SessionRequestSerializer(serializers.Serializer[Any]):
    """What a page asks for; any other field is refused."""

    workflow = StrictCharField(
        required=False,
        trim_whitespace=False,
        help_text="Slug of the workflow. Left out: the default one.",
    )
    state_variables = StateVariablesField(
        required=False,
        help_text="Only names that the workflow lists in client_state_variables.",
    )
    refresh = StrictBooleanField(
        required=False,
        default=False,
        help_text="Always issue a new session, as when the old secret has expired.",
    )

    class Meta:
        ref_name = "ChatKitSessionRequest"

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError({name: ["Unknown field."] for name in sorted(unknown)})
        return attrs


class _SessionSerializer(serializers.Serializer[ChatSession]):
    """What every answer says of a session."""

    id = serializers.CharField(source="session_id", help_text="OpenAI's id of the session.")
    expires_at = serializers.SerializerMethodField(help_text="Unix seconds.")
    status = serializers.ChoiceField(source="current_status", choices=ChatSession.Status.choices)
    workflow = serializers.CharField(source="workflow.slug", help_text="Slug of the workflow.")
    max_requests_per_1_minute = serializers.IntegerField(allow_null=True)
    chatkit_configuration = serializers.JSONField(help_text="Titles, uploads (sizes in megabytes) and history.")

    def get_expires_at(self, session: ChatSession) -> int:
        return int(session.expires_at.timestamp())


class SessionSerializer(_SessionSerializer):
    """A session in lists and on its own: never with its secret."""

    created_at = serializers.DateTimeField(format=ISO_8601)
    ended_at = serializers.DateTimeField(source="current_ended_at", format=ISO_8601, allow_null=True)

    class Meta:
        ref_name = "ChatKitSession"


class IssuedSessionSerializer(_SessionSerializer):
    """A session with its client secret."""

    client_secret = serializers.SerializerMethodField(help_text="For OpenAI's component, and for nothing else.")

    class Meta:
        ref_name = "IssuedChatKitSession"

    def get_client_secret(self, session: ChatSession) -> str:
        secret: str = self.context["client_secret"]  # a Secret, which shows itself in JSON only
        return secret
