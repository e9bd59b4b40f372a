"""``ChatKitConfiguration``: presets of titles, uploads and history."""

from __future__ import annotations

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MAX_FILE_SIZE_MB = 512

#: What OpenAI's API reference says of fields that are left out.
OPENAI_DEFAULTS: dict[str, dict[str, Any]] = {
    "automatic_thread_titling": {"enabled": True},
    "file_upload": {"enabled": False, "max_file_size": 512, "max_files": 10},
    "history": {"enabled": True, "recent_threads": None},
}


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
        _("largest number of files"),
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


def resolved(preset: ChatKitConfiguration | None) -> dict[str, dict[str, Any]]:
    """``chatkit_configuration`` with OpenAI's defaults where the preset is unset: ``None`` means no limit."""
    preset = preset or ChatKitConfiguration()
    given = preset.as_request()
    return {
        group: {name: default if given[group][name] is None else given[group][name] for name, default in row.items()}
        for group, row in OPENAI_DEFAULTS.items()
    }
