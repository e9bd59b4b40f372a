"""The application of ``live_asgi`` as the documentation recommends it."""

from __future__ import annotations

from django_chatkit.server.asgi import BodyLimit

from . import live_asgi

application = BodyLimit(live_asgi.application)
