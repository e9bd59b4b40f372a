from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from tests.urls import urlpatterns as app

urlpatterns = [*app, path("logout/", LogoutView.as_view(next_page="/gone/"))]
