"""The application that is attacked, as the documentation recommends it: with ``BodyLimit`` around it.

``SHORTENED`` in its settings makes limits shorter than anybody wants to wait in a test, ``LARGEST_FILE`` is what the
operating system lets the process write into one file.
"""

from __future__ import annotations

import resource
from importlib import import_module

from django.conf import settings

from django_chatkit.server.asgi import BodyLimit

from .. import live_asgi

application = BodyLimit(live_asgi.application)

for path, value in getattr(settings, "SHORTENED", {}).items():
    module, _, name = path.rpartition(".")
    assert hasattr(import_module(module), name)
    setattr(import_module(module), name, value)
if hasattr(settings, "LARGEST_FILE"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (settings.LARGEST_FILE, settings.LARGEST_FILE))
