"""The admin's page on which a workflow is tried out, and those who look at it."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils.html import strip_tags

from django_chatkit.models import Workflow


def url(workflow: Workflow) -> str:
    return reverse("admin:django_chatkit_workflow_try", args=[workflow.pk])


def staff(*codenames: str, name: str = "staff") -> Client:
    """Somebody with these permissions, logged in."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def part(client: Client, workflow: Workflow, section: str, **query: str) -> str:
    """A section of the page, as HTML."""
    response = client.get(url(workflow), query)
    assert response.status_code == 200
    return section_of(response.text, section)


def section_of(page: str, section: str) -> str:
    return page.split(f'<section class="module chatkit-part" id="chatkit-{section}"')[1].split("</section>")[0]


def words(html: str) -> str:
    """What is read, in one line."""
    return " ".join(unescape(strip_tags(html)).split())


def table(html: str) -> dict[str, str]:
    """The rows of all tables with a name and one value."""
    rows = [row.split("</th>") for row in html.split("<tr>")[1:] if "</th>" in row]
    return {words(name): words(rest[0].split("</tr>")[0]) for name, *rest in rows}


def sent(html: str) -> Any:
    """The JSON that is shown, as text."""
    return unescape(html.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])
