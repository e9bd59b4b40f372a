"""What a page tells the chats that are on it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse


def widgets_of(page: HttpResponse | str) -> list[dict[str, Any]]:
    """The configuration of every ``{% chatkit %}`` on the page, in their order."""
    parser = _Elements()
    parser.feed(page if isinstance(page, str) else page.content.decode(page.charset))
    parser.close()
    return parser.found


def widget_of(page: HttpResponse | str, workflow: str | None = None) -> dict[str, Any]:
    """The configuration of the only chat on the page, or of the only one with this workflow's slug.

    Among others it has ``workflow``, ``layout``, ``url``, ``state_variables`` and ``options``, which are ChatKit's own.
    Raises ``AssertionError`` unless there is exactly one.
    """
    found = widgets_of(page)
    wanted = [widget for widget in found if workflow in (None, widget.get("workflow"))]
    if len(wanted) != 1:
        slugs = ", ".join(repr(widget.get("workflow")) for widget in found) or "none"
        which = "" if workflow is None else f" with the workflow {workflow!r}"
        raise AssertionError(f"The page has {len(wanted)} chats{which}, not one. On it are: {slugs}.")
    return wanted[0]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "django-chatkit":
            self.found.append(json.loads(dict(attrs).get("config") or "{}"))
