"""The page of one workflow in the admin, filled in and submitted as a browser would."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from django_chatkit.models import Workflow

from .submission import submission


def url(workflow: Workflow) -> str:
    return reverse("admin:django_chatkit_workflow_change", args=[workflow.pk])


def opened(client: Client, workflow: Workflow) -> dict[str, Any]:
    """What the browser would submit if nobody changed anything."""
    return submission(client.get(url(workflow)).text, "workflow_form")


def row(index: int, name: str = "", kind: str = "text", value: str = "", **more: str) -> dict[str, str]:
    """The controls of one row."""
    fields = {"name": name, "type": kind, "value": value, **more}
    return {f"state_variables-{index}-{field}": given for field, given in fields.items()}


def rows(*given: dict[str, str]) -> dict[str, str]:
    """A form that has these rows, as JavaScript may have added them."""
    data = {"state_variables-TOTAL_FORMS": str(len(given)), "state_variables-INITIAL_FORMS": "0"}
    for index, fields in enumerate(given):
        data |= row(index, **fields)
    return data


def save(client: Client, workflow: Workflow, changes: dict[str, Any]) -> Workflow:
    """Submit the page with changes, see that it is accepted, and return what is stored."""
    response = client.post(url(workflow), opened(client, workflow) | changes)
    assert response.status_code == 302, errors(response.text)
    return Workflow.objects.get(pk=workflow.pk)


def refused(client: Client, workflow: Workflow, changes: dict[str, Any]) -> str:
    """Submit the page with changes, see that it is refused and nothing is saved, and return the page."""
    before = Workflow.objects.values().get(pk=workflow.pk)
    response = client.post(url(workflow), opened(client, workflow) | changes)
    assert response.status_code == 200
    assert Workflow.objects.values().get(pk=workflow.pk) == before
    page: str = response.text
    return page


def errors(page: str) -> list[str]:
    """The errors of a page, or a part of it."""
    return re.findall(r'<ul class="errorlist[^>]*><li>(.*?)</li>', page)


def row_errors(page: str, index: int) -> dict[str, list[str]]:
    """The errors that are shown next to each control of one row."""
    shown = {}
    for field in ("name", "type", "value"):
        cell = page.split(f'name="state_variables-{index}-{field}"')[1].split("</td>")[0]
        if found := errors(cell):
            shown[field] = found
    return shown


def options(page: str, name: str) -> list[str]:
    """What a select offers, in the words that are seen."""
    select = page.split(f'<select name="{name}"')[1].split("</select>")[0]
    return [option.split(">")[1].split("<")[0] for option in select.split("<option")[1:]]
