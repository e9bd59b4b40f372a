"""``ChatSession``: the record of an issued session."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .workflow import StateVariablesDecoder, Workflow


def digest_of(client_secret: str) -> str:
    """What the record of a self-hosted session keeps of its secret: SHA-256 in hex, enough for 256 random bits."""
    return hashlib.sha256(client_secret.encode(errors="replace")).hexdigest()


class WorkflowForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key whose column attribute is ``<name>_pk``: ``workflow_id`` is OpenAI's word for something else."""

    def get_attname(self) -> str:
        return f"{self.name}_pk"


class ChatSessionQuerySet(models.QuerySet["ChatSession"]):
    """The questions that are asked of session records."""

    def active(self, now: datetime | None = None) -> ChatSessionQuerySet:
        """Active and not past ``expires_at``, whether or not ``expire_chatkit_sessions`` has run."""
        return self.filter(status=ChatSession.Status.ACTIVE, expires_at__gt=now or timezone.now())

    def of_secret(self, client_secret: str) -> ChatSessionQuerySet:
        """The self-hosted session that this client secret was issued for, if there is one."""
        return self.filter(secret_digest=digest_of(client_secret))

    def stale(self, now: datetime | None = None) -> ChatSessionQuerySet:
        """Still marked active, though past ``expires_at``."""
        return self.filter(status=ChatSession.Status.ACTIVE, expires_at__lte=now or timezone.now())

    def ended_before(self, moment: datetime) -> ChatSessionQuerySet:
        """Expired or cancelled before ``moment``."""
        return self.filter(ended_at__lt=moment)


class ChatSession(models.Model):
    """One issued session, and what really ran in it. The client secret is never stored; of a self-hosted session's
    own, ``secret_digest`` holds the SHA-256 in hex.

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
        Workflow, on_delete=models.PROTECT, db_index=False, related_name="sessions", verbose_name=_("workflow")
    )
    backend = models.CharField(
        _("backend"), max_length=20, choices=Workflow.Backend.choices, default=Workflow.Backend.HOSTED
    )
    secret_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    workflow_id = models.CharField(
        _("workflow id"), max_length=255, help_text=_("OpenAI's id of the workflow, or the agent of a self-hosted one.")
    )
    workflow_version = models.CharField(_("workflow version"), max_length=255, blank=True)
    tracing_enabled = models.BooleanField(_("tracing"), null=True, blank=True)
    state_variables = models.JSONField(_("state variables"), decoder=StateVariablesDecoder, default=dict, blank=True)
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
        permissions = (
            ("cancel_chatsession", _("Can cancel ChatKit sessions")),
            ("read_state_variables", _("Can read the state variables of ChatKit sessions")),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=("active", "expired", "cancelled")),
                name="chatkit_session_status",
            ),
            models.CheckConstraint(
                condition=Q(backend="hosted", secret_digest="") | Q(backend="self_hosted") & ~Q(secret_digest=""),
                name="chatkit_session_backend",
            ),
        )
        indexes = (
            models.Index(fields=["status", "expires_at", "id"], name="chatkit_session_expiry"),
            models.Index(fields=["user", "id"], name="chatkit_session_user"),
            models.Index(fields=["user_key", "id"], name="chatkit_session_user_key"),
            models.Index(fields=["login_key"], name="chatkit_session_login"),
            models.Index(fields=["secret_digest"], name="chatkit_session_secret"),
            models.Index(fields=["ended_at", "id"], name="chatkit_session_ended"),
            models.Index(fields=["workflow", "created_at"], name="chatkit_session_workflow"),
            models.Index(fields=["created_at", "workflow", "status", "expires_at"], name="chatkit_session_statistics"),
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

    @property
    def current_ended_at(self) -> datetime | None:
        """``ended_at``, or ``expires_at`` as soon as that has passed."""
        if self.ended_at is None and self.current_status == self.Status.EXPIRED:
            return self.expires_at
        return self.ended_at
