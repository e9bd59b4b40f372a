"""Two pages: help for everybody, and the chat for those who are logged in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .assistant import state_variables

#: Offered by the empty chat: what the button says, and what it sends.
PROMPTS = [
    {"label": "Where is my parcel?", "prompt": "I ordered tea last week. Where is my parcel?"},
    {"label": "Tea for the evening", "prompt": "Which of your teas have no caffeine?"},
    {"label": "My green tea is bitter", "prompt": "My green tea turns out bitter. What am I doing wrong?"},
]


def home(request: HttpRequest) -> HttpResponse:
    """Brewing times and common questions."""
    return render(request, "shop/home.html")


@login_required
def chat(request: HttpRequest) -> HttpResponse:
    """The chat, beside what the assistant is told about the visitor."""
    told = state_variables(None, user=request.user, request=request)
    return render(request, "shop/chat.html", {"told": told, "prompts": PROMPTS})
