"""Presets, workflows and session records, with the limits of OpenAI's API as database constraints."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .conf import conf
from .validators import validate_names, validate_state_variables

MAX_FILE_SIZE_MB = 512
MAX_EXPIRES_AFTER = 600


def refuse_latest(version: str) -> None:
    """The API accepts the word ``latest`` as a version, and the chat then breaks."""
    if version.strip().lower() == "latest":
        raise ValidationError(
            _("OpenAI accepts “latest” here, but the chat then breaks. Leave this empty for the latest version."),
            code="latest",
        )


class ChatKitConfiguration(models.Model):
    """A reusable preset of ``chatkit_configuration``. A field that is ``None`` is left to OpenAI's default."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    automatic_thread_titling_enabled = models.BooleanField(
        _("automatic thread titles"),
        null=True,
        blank=True,
        help_text=_("Whether each thread gets a title made from its first messages. OpenAI's default: on."),
    )
    file_upload_enabled = models.BooleanField(
        _("file upload"),
        null=True,
        blank=True,
        help_text=_("Whether visitors may send files. OpenAI's default: off."),
    )
    file_upload_max_file_size = models.PositiveIntegerField(
        _("largest file, in megabytes"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_FILE_SIZE_MB)],
        help_text=_("1 to 512 megabytes. OpenAI's default: 512."),
    )
    file_upload_max_files = models.PositiveIntegerField(
        _("most files"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many files a session may hold, at least 1. OpenAI's default: 10."),
    )
    history_enabled = models.BooleanField(
        _("history"),
        null=True,
        blank=True,
        help_text=_("Whether visitors can open their earlier threads. OpenAI's default: on."),
    )
    history_recent_threads = models.PositiveIntegerField(
        _("recent threads"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many earlier threads visitors can see, at least 1. OpenAI's default: no limit."),
    )

    class Meta:
        verbose_name = _("ChatKit configuration")
        verbose_name_plural = _("ChatKit configurations")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(file_upload_max_file_size__isnull=True)
                | Q(file_upload_max_file_size__gte=1, file_upload_max_file_size__lte=MAX_FILE_SIZE_MB),
                name="chatkit_configuration_max_file_size",
                violation_error_message=_("A file may have 1 to 512 megabytes."),
            ),
            models.CheckConstraint(
                condition=Q(file_upload_max_files__isnull=True) | Q(file_upload_max_files__gte=1),
                name="chatkit_configuration_max_files",
                violation_error_message=_("At least 1 file."),
            ),
            models.CheckConstraint(
                condition=Q(history_recent_threads__isnull=True) | Q(history_recent_threads__gte=1),
                name="chatkit_configuration_recent_threads",
                violation_error_message=_("At least 1 thread."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def as_request(self) -> dict[str, Any]:
        """``chatkit_configuration`` of the sessions request; unset fields are ``None``."""
        return {
            "automatic_thread_titling": {"enabled": self.automatic_thread_titling_enabled},
            "file_upload": {
                "enabled": self.file_upload_enabled,
                "max_file_size": self.file_upload_max_file_size,
                "max_files": self.file_upload_max_files,
            },
            "history": {"enabled": self.history_enabled, "recent_threads": self.history_recent_threads},
        }


class Workflow(models.Model):
    """What a page embeds: an OpenAI workflow, who may use it, and what its sessions are created with."""

    slug = models.SlugField(
        _("slug"),
        unique=True,
        help_text=_('What templates and the API call this workflow, as in {% chatkit "support" %}. Public.'),
    )
    name = models.CharField(_("name"), max_length=100)
    workflow_id = models.CharField(
        _("workflow id"),
        max_length=255,
        validators=[RegexValidator(r"^[!-~]+\Z", _("A workflow id has no spaces and no accents."))],
        help_text=_("From OpenAI's Agent Builder: wf_…"),
    )
    version = models.CharField(
        _("version"),
        max_length=255,
        blank=True,
        validators=[refuse_latest],
        help_text=_("A deployed version of the workflow. Empty: the latest deployed one."),
    )
    state_variables = models.JSONField(
        _("state variables"),
        default=dict,
        blank=True,
        validators=[validate_state_variables],
        help_text=_("What the workflow is told: at most 64 names of at most 64 characters, with their values."),
    )
    client_state_variables = models.JSONField(
        _("state variables the browser may set"),
        default=list,
        blank=True,
        validators=[validate_names],
        help_text=_("A page may set these, and no others. Never list one that a permission depends on."),
    )
    tracing_enabled = models.BooleanField(
        _("tracing"),
        null=True,
        blank=True,
        help_text=_("Whether OpenAI keeps traces of this workflow's runs. OpenAI's default: on."),
    )
    chatkit_configuration = models.ForeignKey(
        ChatKitConfiguration,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="workflows",
        verbose_name=_("ChatKit configuration"),
        help_text=_("Titles, uploads and history. Empty: OpenAI's defaults."),
    )
    expires_after = models.PositiveIntegerField(
        _("session lifetime, in seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_EXPIRES_AFTER)],
        help_text=_("1 to 600 seconds; the page gets a new session by itself. OpenAI's default: 600."),
    )
    max_requests_per_1_minute = models.PositiveIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How many messages a session may send in a minute, at least 1. OpenAI's default: 10."),
    )
    api_key = models.CharField(
        _("API key"),
        max_length=100,
        blank=True,
        help_text=_("The name of an entry of the API_KEYS setting, never a key. Empty: the default key."),
    )
    allow_anonymous = models.BooleanField(
        _("open to visitors who are not logged in"),
        default=False,
        help_text=_("Each browser then gets a random identity of its own. Their use is billed to you."),
    )
    groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="+",
        verbose_name=_("groups"),
        help_text=_("Only members of these groups may use it. Empty: everyone who is logged in."),
    )
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Unset this instead of deleting."))

    class Meta:
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_after__isnull=True) | Q(expires_after__gte=1, expires_after__lte=MAX_EXPIRES_AFTER),
                name="chatkit_workflow_expires_after",
                violation_error_message=_("A session lives 1 to 600 seconds."),
            ),
            models.CheckConstraint(
                condition=Q(max_requests_per_1_minute__isnull=True) | Q(max_requests_per_1_minute__gte=1),
                name="chatkit_workflow_max_requests",
                violation_error_message=_("At least 1 request per minute."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The key's name must be one the settings know; a key itself must never be typed here."""
        super().clean()
        if self.api_key and self.api_key not in conf.API_KEYS:
            raise ValidationError(
                {"api_key": _("The API_KEYS setting has no entry of this name. Never enter a key itself here.")}
            )

    def is_open_to(self, user: AbstractBaseUser | AnonymousUser | None) -> bool:
        """Whether ``groups`` admit this user. One query; ``None`` and anonymous users are members of nothing."""
        own = getattr(user, "groups", None) or Group.objects.none()
        admitted = self.groups.annotate(mine=Exists(own.filter(pk=OuterRef("pk")))).values_list("mine", flat=True)
        return any(admitted) or not admitted

    def as_request(self, state_variables: dict[str, Any]) -> dict[str, Any]:
        """This workflow's part of the sessions request; unset fields are ``None``."""
        preset = self.chatkit_configuration
        return {
            "workflow": {
                "id": self.workflow_id,
                "version": self.version or None,
                "state_variables": state_variables or None,
                "tracing": {"enabled": self.tracing_enabled},
            },
            "chatkit_configuration": preset.as_request() if preset else None,
            "expires_after": {"anchor": "created_at", "seconds": self.expires_after} if self.expires_after else None,
            "rate_limits": {"max_requests_per_1_minute": self.max_requests_per_1_minute},
        }


class WorkflowForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key whose column attribute is ``<name>_pk``: ``workflow_id`` is OpenAI's word for something else."""

    def get_attname(self) -> str:
        return f"{self.name}_pk"


class ChatSessionQuerySet(models.QuerySet["ChatSession"]):
    """The questions that are asked of session records."""

    def active(self, now: datetime | None = None) -> ChatSessionQuerySet:
        """Active and not past ``expires_at``, whether or not ``expire_chatkit_sessions`` has run."""
        return self.filter(status=ChatSession.Status.ACTIVE, expires_at__gt=now or timezone.now())

    def stale(self, now: datetime | None = None) -> ChatSessionQuerySet:
        """Still marked active, though past ``expires_at``."""
        return self.filter(status=ChatSession.Status.ACTIVE, expires_at__lte=now or timezone.now())


class ChatSession(models.Model):
    """One issued session, and what really ran in it. The client secret is never stored.

    ``user_key`` is the SHA-256 of ``user_identifier`` in hex: every look-up by owner uses it, because databases
    compare text by their collation. ``login_key`` is a random value kept in the Django session of the login that the
    session was issued to.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")

    #: Starts the id of a record for which OpenAI's answer brought none. It cannot be cancelled at OpenAI.
    LOCAL_ID_PREFIX = "local_"

    session_id = models.CharField(_("session id"), max_length=255, unique=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="chatkit_sessions",
        verbose_name=_("user"),
    )
    user_identifier = models.CharField(_("user identifier"), max_length=512)
    user_key = models.CharField(_("user key"), max_length=64)
    login_key = models.CharField(_("login key"), max_length=64, blank=True)
    workflow = WorkflowForeignKey(
        Workflow, on_delete=models.PROTECT, related_name="sessions", verbose_name=_("workflow")
    )
    workflow_id = models.CharField(_("workflow id"), max_length=255)
    workflow_version = models.CharField(_("workflow version"), max_length=255, blank=True)
    tracing_enabled = models.BooleanField(_("tracing"), null=True, blank=True)
    state_variables = models.JSONField(_("state variables"), default=dict, blank=True)
    chatkit_configuration = models.JSONField(_("resolved configuration"), default=dict, blank=True)
    max_requests_per_1_minute = models.PositiveIntegerField(_("requests per minute"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.ACTIVE)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    request_id = models.CharField(
        _("request id"), max_length=128, blank=True, help_text=_("OpenAI's support asks for it.")
    )

    objects = ChatSessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("ChatKit session")
        verbose_name_plural = _("ChatKit sessions")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=("active", "expired", "cancelled")),
                name="chatkit_session_status",
            ),
        )
        indexes = (
            models.Index(fields=["status", "expires_at", "id"], name="chatkit_session_expiry"),
            models.Index(fields=["user", "id"], name="chatkit_session_user"),
            models.Index(fields=["user_key", "id"], name="chatkit_session_user_key"),
            models.Index(fields=["login_key"], name="chatkit_session_login"),
            models.Index(fields=["ended_at", "id"], name="chatkit_session_ended"),
            models.Index(fields=["created_at"], name="chatkit_session_created"),
        )

    def __str__(self) -> str:
        return self.session_id

    @property
    def is_local(self) -> bool:
        """Whether the id is ours, because OpenAI's answer brought none."""
        return self.session_id.startswith(self.LOCAL_ID_PREFIX)

    @property
    def current_status(self) -> str:
        """``status``, but ``expired`` as soon as ``expires_at`` has passed."""
        if self.status == self.Status.ACTIVE and self.expires_at <= timezone.now():
            return str(self.Status.EXPIRED)
        return self.status
