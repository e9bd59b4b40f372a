"""The app and its admin, and beside them what one would write without it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from .plain import PlainSessionDetail, PlainSessionList, plain_site

urlpatterns = [
    path("admin/", admin.site.urls),
    path("chatkit/", include("django_chatkit.urls")),
    path("plain/", plain_site.urls),
    path("plain-sessions/", PlainSessionList.as_view()),
    path("plain-sessions/<str:session_id>/", PlainSessionDetail.as_view()),
]
