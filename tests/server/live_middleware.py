"""Middleware as many sites have it: it asks the database about each request."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin


class Asking(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        User.objects.exists()
