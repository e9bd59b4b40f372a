"""The app's routes, and those of what it is measured against."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from . import rivals


@csrf_exempt
def constant(request: HttpRequest) -> HttpResponse:
    """Django's share of any answer to somebody who is logged in."""
    return HttpResponse(b"{}" if request.user.is_authenticated else b"", content_type="application/json")


urlpatterns = [
    path("chatkit/", include("django_chatkit.urls")),
    path("constant/", constant),
    path("plain/", rivals.plain),
    path("client-per-request/", rivals.client_per_request),
    path("by-hand/", rivals.ByHand.as_view()),
    path("same-queries/", rivals.SameQueries.as_view()),
]
