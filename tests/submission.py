"""What a browser without JavaScript sends when it submits a form as the server rendered it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any


def submission(html: str, form_id: str) -> dict[str, Any]:
    """Names and values of the form's controls, as the test client's ``post`` takes them; without the buttons."""
    browser = _Browser(form_id)
    browser.feed(html)
    browser.close()
    assert browser.seen, f"no form {form_id}"
    return {name: values if len(values) > 1 else values[0] for name, values in browser.values.items()}


class _Browser(HTMLParser):
    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.seen = self.inside = False
        self.inert = 0
        self.values: dict[str, list[str]] = {}
        self.text: str | None = None
        self.name = ""
        self.select: dict[str, Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("id") == self.form_id:
            self.seen = self.inside = True
        self.inert += tag == "template"
        if self.inside and not self.inert:
            getattr(self, f"_start_{tag}", lambda given: None)(given)

    def handle_endtag(self, tag: str) -> None:
        self.inert -= tag == "template"
        if self.inside and not self.inert:
            getattr(self, f"_end_{tag}", lambda: None)()

    def handle_data(self, data: str) -> None:
        if self.text is not None:
            self.text += data

    def _end_form(self) -> None:
        self.inside = False

    def _start_input(self, given: dict[str, str]) -> None:
        if given.get("type") in ("submit", "button", "image") or "name" not in given:
            return
        if given.get("type") in ("checkbox", "radio") and "checked" not in given:
            return
        value = re.sub(r"[\r\n]", "", given.get("value", "on" if given.get("type") == "checkbox" else ""))
        self.values.setdefault(given["name"], []).append(value)

    def _start_textarea(self, given: dict[str, str]) -> None:
        self.name, self.text = given["name"], ""

    def _end_textarea(self) -> None:
        # The parser drops the first line break; submitting makes CRLF of every other.
        text = re.sub(r"\r\n?|\n", "\n", self.text or "").removeprefix("\n")
        self.values.setdefault(self.name, []).append(text.replace("\n", "\r\n"))
        self.text = None

    def _start_select(self, given: dict[str, str]) -> None:
        self.select = {"name": given["name"], "multiple": "multiple" in given, "first": None, "chosen": []}

    def _start_option(self, given: dict[str, str]) -> None:
        if self.select is None:  # of a list of suggestions
            return
        if self.select["first"] is None:
            self.select["first"] = given["value"]
        if "selected" in given:
            self.select["chosen"].append(given["value"])

    def _end_select(self) -> None:
        assert self.select is not None
        chosen = self.select["chosen"]
        if not chosen and not self.select["multiple"]:
            chosen = [self.select["first"]]
        if chosen:
            self.values.setdefault(self.select["name"], []).extend(chosen)
        self.select = None
