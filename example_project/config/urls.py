"""The site's own pages, the login, the admin, ChatKit, the choice of a language, and the stand-in unless it is live."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("shop.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("chatkit/", include("django_chatkit.urls")),
]
if not settings.CHATKIT_DEMO_LIVE:
    urlpatterns.append(path("openai/v1/", include("openai_standin.urls")))
