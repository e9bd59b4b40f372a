"""The app's routes, and those of what it is measured against."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("chatkit/", include("django_chatkit.urls"))]
