"""The stand-in for OpenAI's API alone, mounted as the example project mounts it."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("openai/v1/", include("openai_standin.urls"))]
