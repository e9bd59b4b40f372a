"""Mount with ``path("openai/v1/", include("openai_standin.urls"))``."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "openai_standin"
urlpatterns = [
    path("chatkit/sessions", views.create, name="session-create"),
    path("chatkit/sessions/<str:session_id>/cancel", views.cancel, name="session-cancel"),
    path("", views.unknown),
    path("<path:rest>", views.unknown),
]
