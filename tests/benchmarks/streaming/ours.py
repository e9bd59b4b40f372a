"""The app, as its documentation recommends it: what uvicorn serves."""

from __future__ import annotations

from django.core.asgi import get_asgi_application

from django_chatkit.server.asgi import BodyLimit

application = BodyLimit(get_asgi_application())
