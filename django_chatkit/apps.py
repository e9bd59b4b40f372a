"""The app: registers system checks and signal receivers."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DjangoChatKitConfig(AppConfig):
    """``django_chatkit`` in ``INSTALLED_APPS``."""

    name = "django_chatkit"
    label = "django_chatkit"
    verbose_name = _("ChatKit")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (importing it registers them)
