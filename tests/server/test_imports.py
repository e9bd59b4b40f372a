"""What Django loads at its start loads nothing of OpenAI's: that would take a second and 100 MB in every process."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import django
django.setup()
from django.contrib import admin
from django.urls import get_resolver, reverse
import django_chatkit.admin, django_chatkit.sessions, django_chatkit.server.views, django_chatkit.server.uploads
assert get_resolver().url_patterns and reverse("django_chatkit:chat", args=["help"])
assert admin.site._registry
loaded = {"chatkit", "agents", "pydantic", "openai"} & set(sys.modules)
assert not loaded, loaded
"""


def test_nothing_is_imported_before_the_first_request():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)
