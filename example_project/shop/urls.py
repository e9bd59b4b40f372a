"""The pages of the shop."""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from . import views

app_name = "shop"
urlpatterns = [
    path("", views.home, name="home"),
    path("chat/", views.chat, name="chat"),
    path("favicon.ico", RedirectView.as_view(url=static("shop/leaf.svg"))),  # the admin's pages name no icon
]
