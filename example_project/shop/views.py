"""Two pages: help for everybody, and the chat for those who are logged in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .assistant import state_variables
from .demo_data import current_workflow


def home(request: HttpRequest) -> HttpResponse:
    """Brewing times and common questions."""
    return render(request, "shop/home.html")


@login_required
def chat(request: HttpRequest) -> HttpResponse:
    """The chat, beside what the assistant is told about the visitor."""
    told = state_variables(None, user=request.user, request=request)
    return render(request, "shop/chat.html", {"told": told, "workflow": current_workflow()})
