"""Mount with ``path("chatkit/", include("django_chatkit.urls"))``."""

from __future__ import annotations

from django.urls import path

from . import views
from .server import uploads
from .server import views as server

app_name = "django_chatkit"
urlpatterns = [
    path("sessions/", views.SessionListView.as_view(), name="session-list"),
    path("sessions/<str:session_id>/", views.SessionDetailView.as_view(), name="session-detail"),
    path("sessions/<str:session_id>/cancel/", views.SessionCancelView.as_view(), name="session-cancel"),
    path("chat/<slug:slug>/", server.chat, name="chat"),
    path("chat/<slug:slug>/attachments/", uploads.direct_upload, name="attachment-list"),
    path("chat/<slug:slug>/attachments/<str:attachment_id>/", uploads.attachment, name="attachment-detail"),
]
