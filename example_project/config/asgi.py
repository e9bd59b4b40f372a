"""The example as an ASGI application, with its static files."""

from __future__ import annotations

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django_application = get_asgi_application()

# Django must be set up before these.
from django_chatkit.conf import conf  # noqa: E402
from django_chatkit.server.asgi import BodyLimit  # noqa: E402

# OpenAI's SDK comes with it, and takes seconds to load: better now than while the first visitor waits.
conf.agent("shop-assistant")

application = BodyLimit(ASGIStaticFilesHandler(django_application))
