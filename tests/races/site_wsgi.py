"""The site: for gunicorn, or with ``python -m tests.races.site_wsgi`` in one thread, on a port that it prints."""

from __future__ import annotations

from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

if __name__ == "__main__":
    server = WSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(application)
    print(server.server_port, flush=True)  # noqa: T201
    server.serve_forever()
