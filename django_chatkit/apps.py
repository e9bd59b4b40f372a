"""The app: registers system checks and signal receivers."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext_lazy as _


class DjangoChatKitConfig(AppConfig):
    """``django_chatkit`` in ``INSTALLED_APPS``."""

    name = "django_chatkit"
    label = "django_chatkit"
    verbose_name = _("ChatKit")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, receivers  # noqa: F401  (importing checks registers them)

        user_logged_in.connect(receivers.start_login, dispatch_uid="django_chatkit.start_login")
        user_logged_out.connect(receivers.cancel_on_logout, dispatch_uid="django_chatkit.cancel_on_logout")
        pre_delete.connect(
            receivers.cancel_on_deletion,
            sender=settings.AUTH_USER_MODEL,
            dispatch_uid="django_chatkit.cancel_on_deletion",
        )
        pre_delete.connect(
            receivers.remember_workflows, sender="auth.Group", dispatch_uid="django_chatkit.remember_workflows"
        )
        post_delete.connect(
            receivers.close_workflows, sender="auth.Group", dispatch_uid="django_chatkit.close_workflows"
        )
        if apps.is_installed("drf_spectacular"):
            from . import schema  # noqa: F401  (importing it registers the descriptions)
