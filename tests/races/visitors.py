"""Users with a browser, who call the site over HTTP."""

from __future__ import annotations

from typing import Any

import requests
from django.contrib.auth.models import User
from requests.cookies import cookiejar_from_dict

from tests.callers import CSRF_TOKEN, SESSIONS
from tests.records import a_request

from .processes import PATIENCE


def cookies_of(user: User) -> dict[str, str]:
    """The cookies of a new login of this user."""
    request = a_request(user)
    request.session.save()
    return {"sessionid": request.session.session_key, "csrftoken": CSRF_TOKEN}


class Visitor:
    """A logged-in user's browser. ``issue`` can be called by several threads at once, as by several tabs."""

    def __init__(self, url: str, user: User) -> None:
        self.url, self.user, self.cookies = url, user, cookies_of(user)

    def issue(self, **fields: Any) -> requests.Response:
        with requests.Session() as tab:
            tab.trust_env = False
            tab.cookies = cookiejar_from_dict(dict(self.cookies))
            headers = {"X-CSRFToken": CSRF_TOKEN}
            response = tab.post(self.url + SESSIONS, json=fields, headers=headers, timeout=PATIENCE)
            self.cookies.update({cookie.name: cookie.value for cookie in response.cookies})
            return response
