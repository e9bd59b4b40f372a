"""Mount with ``path("chatkit/", include("django_chatkit.urls"))``."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "django_chatkit"
urlpatterns = [
    path("sessions/", views.SessionListView.as_view(), name="session-list"),
    path("sessions/<str:session_id>/", views.SessionDetailView.as_view(), name="session-detail"),
    path("sessions/<str:session_id>/cancel/", views.SessionCancelView.as_view(), name="session-cancel"),
]
