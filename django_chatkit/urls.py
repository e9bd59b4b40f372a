"""Mount with ``path("chatkit/", include("django_chatkit.urls"))``."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "django_chatkit"
urlpatterns: list[URLPattern] = []
