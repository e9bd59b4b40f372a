"""The application that uvicorn and daphne serve in tests."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.server.live_settings")
application = get_asgi_application()
