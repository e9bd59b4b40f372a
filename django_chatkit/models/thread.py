"""What self-hosted workflows keep: threads, their items, attachments and feedback.

``payload`` is what OpenAI's server SDK dumps to JSON, as text because PostgreSQL's JSON refuses NUL; the other columns
are there to find and order rows. Every look-up goes through the owner (``user_key``) and the workflow, so ids of others
lead nowhere. ``created_at`` is the SDK's, for the order; it does not change with the payload.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .session import WorkflowForeignKey
from .workflow import Workflow


class ChatThread(models.Model):
    """One conversation of one owner with one workflow. Without its items: those are rows of their own."""

    thread_id = models.CharField(_("thread id"), max_length=255)
    workflow = WorkflowForeignKey(
        Workflow, on_delete=models.PROTECT, related_name="threads", verbose_name=_("workflow")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="chatkit_threads",
        verbose_name=_("user"),
    )
    user_identifier = models.CharField(_("user identifier"), max_length=512)
    user_key = models.CharField(_("user key"), max_length=64)
    payload = models.TextField(_("thread, as JSON"))
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    updated_at = models.DateTimeField(_("last used at"), default=timezone.now)

    class Meta:
        verbose_name = _("ChatKit thread")
        verbose_name_plural = _("ChatKit threads")
        ordering = ("-id",)
        default_permissions = ()
        permissions = (("read_conversations", _("Can read what visitors and agents wrote")),)
        constraints = (
            models.UniqueConstraint(fields=["user_key", "workflow", "thread_id"], name="chatkit_thread_unique"),
        )
        indexes = (
            models.Index(fields=["user_key", "workflow", "created_at", "id"], name="chatkit_thread_pages"),
            models.Index(fields=["updated_at", "id"], name="chatkit_thread_updated"),
            models.Index(fields=["thread_id"], name="chatkit_thread_ids"),
        )

    def __str__(self) -> str:
        return self.thread_id


class ChatItem(models.Model):
    """An item of a thread: a message, a widget, a tool call, …

    ``is_draft`` marks an answer that is still being written: it is saved every few seconds, so that a server that dies
    loses little, and replaced by the finished item.
    """

    thread = models.ForeignKey(
        ChatThread, on_delete=models.CASCADE, db_index=False, related_name="items", verbose_name=_("thread")
    )
    item_id = models.CharField(_("item id"), max_length=255)
    payload = models.TextField(_("item, as JSON"))
    is_draft = models.BooleanField(_("unfinished"), default=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("ChatKit item")
        verbose_name_plural = _("ChatKit items")
        ordering = ("created_at", "id")
        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=["thread", "item_id"], name="chatkit_item_unique"),)
        indexes = (models.Index(fields=["thread", "created_at", "id"], name="chatkit_item_pages"),)

    def __str__(self) -> str:
        return self.item_id


class ChatAttachment(models.Model):
    """A file that a visitor sends. It belongs to no thread until the message that it is attached to is sent.

    ``file`` is the file's name in the storage; empty until all of it has arrived. ``size`` is in bytes: as announced,
    then as received.
    """

    attachment_id = models.CharField(_("attachment id"), max_length=255)
    workflow = WorkflowForeignKey(
        Workflow, on_delete=models.PROTECT, related_name="attachments", verbose_name=_("workflow")
    )
    user_key = models.CharField(_("user key"), max_length=64)
    thread = models.ForeignKey(
        ChatThread,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="attachments",
        verbose_name=_("thread"),
    )
    payload = models.TextField(_("attachment, as JSON"))
    file = models.CharField(_("file in the storage"), max_length=255, blank=True)
    size = models.BigIntegerField(_("size in bytes"), default=0)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("ChatKit attachment")
        verbose_name_plural = _("ChatKit attachments")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=["user_key", "workflow", "attachment_id"], name="chatkit_attachment_unique"),
        )
        indexes = (models.Index(fields=["thread", "created_at", "id"], name="chatkit_attachment_orphans"),)

    def __str__(self) -> str:
        return self.attachment_id


class ChatFeedback(models.Model):
    """What the visitor thinks of an item; who changes their mind changes the row."""

    class Kind(models.TextChoices):
        POSITIVE = "positive", _("positive")
        NEGATIVE = "negative", _("negative")

    item = models.OneToOneField(ChatItem, on_delete=models.CASCADE, related_name="feedback", verbose_name=_("item"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)

    class Meta:
        verbose_name = _("ChatKit feedback")
        verbose_name_plural = _("ChatKit feedback")
        ordering = ("-id",)
        default_permissions = ()
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=("positive", "negative")), name="chatkit_feedback_kind"),
        )

    def __str__(self) -> str:
        return self.kind
