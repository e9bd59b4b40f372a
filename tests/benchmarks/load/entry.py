"""What servers import. With its URLs at once, as a first request would otherwise have to wait for them."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

wsgi, asgi = get_wsgi_application(), get_asgi_application()
import_module(settings.ROOT_URLCONF)
