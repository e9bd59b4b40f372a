"""Calls a Django site in this process, as a WSGI server would: what is timed is the site, and no server or client."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.test import Client

CSRF_TOKEN = "c" * 32


def login(user: User) -> dict[str, str]:
    """The cookies of somebody who has logged in."""
    client = Client()
    client.force_login(user)
    return {"csrftoken": CSRF_TOKEN, "sessionid": client.cookies["sessionid"].value}


class Caller:
    """Sends the same JSON to the same place, with the same cookies, each time it is called."""

    def __init__(self, path: str, body: Any, cookies: Mapping[str, str]) -> None:
        self._application = get_wsgi_application()
        self._body = json.dumps(body).encode()
        self._environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(self._body)),
            "HTTP_HOST": "localhost",
            "HTTP_ACCEPT": "*/*",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "HTTP_X_CSRFTOKEN": CSRF_TOKEN,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def __call__(self) -> Any:
        """The response, read and closed."""
        environ = {**self._environ, "wsgi.input": io.BytesIO(self._body)}
        response = self._application(environ, lambda *_: None)
        body = b"".join(response)
        response.close()
        if response.status_code not in (200, 201):
            raise RuntimeError(f"{self._environ['PATH_INFO']} answered {response.status_code}: {body[:500]!r}")
        return response
