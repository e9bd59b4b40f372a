"""What README and docs say of the project, as far as it can be looked up."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from django_chatkit.conf import conf
from django_chatkit.views.troubles import _TROUBLES
from django_chatkit.widget import KEYWORDS

from .callers import a_workflow

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
README = PAGES["README.md"].read_text(encoding="utf-8")
ABOUT_PAGES = PAGES["docs/pages.md"].read_text(encoding="utf-8")


def anchors(path: Path) -> set[str]:
    """Those that the headings of a page make."""
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def directives(policy: str) -> dict[str, set[str]]:
    """A policy as a header, by directive."""
    parts = [part.split() for part in policy.split(";")]
    return {name: set(sources) for name, *sources in parts}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = PAGES[page]
    for target in re.findall(r"\]\((?!https://)([^)]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


def test_every_keyword_of_the_tag_is_told() -> None:
    table = ABOUT_PAGES[ABOUT_PAGES.index("| keyword |") : ABOUT_PAGES.index("The tag makes one query")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    told = re.findall(r"`(\w+)`", "".join(rows))
    assert {*told, "workflow"} == set(KEYWORDS)


def test_every_code_of_the_api_is_told() -> None:
    codes = {row[2] for row in _TROUBLES} | {"throttled", "csrf_failed", "workflow_not_found", "permission_denied"}
    assert not [code for code in codes if f"`{code}`" not in ABOUT_PAGES]


@pytest.mark.django_db
def test_every_permission_of_the_readme_exists_and_none_of_our_own_is_missing() -> None:
    table = README[README.index("| permission ") : README.index("## Who may chat")]
    told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    known = set(Permission.objects.filter(content_type__app_label="django_chatkit").values_list("codename", flat=True))
    own = {name for name in known if name.split("_")[0] not in {"add", "change", "delete", "view"}}
    assert told == own | {"view_chatsession"}
    assert told <= known


ADMIN_PAGES = (
    "index", "auth_user_add", "django_chatkit_workflow_add", "django_chatkit_workflow_changelist",
    "django_chatkit_workflow_statistics", "django_chatkit_chatkitconfiguration_add",
    "django_chatkit_chatsession_changelist",
)  # fmt: skip


@pytest.mark.django_db
def test_the_admin_says_what_the_guide_for_administrators_quotes(admin_client: Client, admin_user: User) -> None:
    admin_user.user_permissions.set(Permission.objects.filter(content_type__app_label="django_chatkit"))
    workflow = a_workflow()
    addresses = [reverse(f"admin:{name}") for name in ADMIN_PAGES]
    addresses += [reverse(f"admin:django_chatkit_workflow_{name}", args=[workflow.pk]) for name in ("change", "try")]
    html = "".join(admin_client.get(address).content.decode() for address in addresses)
    said = re.sub(r"\s+", " ", unescape(re.sub('<[^>]*value="([^"]*)"[^>]*>|<[^>]*>', r" \1 ", html))).lower()
    guide = PAGES["docs/administration.md"].read_text(encoding="utf-8")
    quoted = [re.sub(r"\s+", " ", words).rstrip(".") for words in re.findall(r"\*\*(.+?)\*\*", guide, re.DOTALL)]
    permissions = re.findall(r"^\| (Can [^|,]+) \|", guide, re.MULTILINE)
    names = set(Permission.objects.values_list("name", flat=True))
    assert not [words for words in quoted if words.lower() not in {"in bold", "+"} and words.lower() not in said]
    assert not set(permissions) - names


def test_every_setting_is_told() -> None:
    table = README[README.index("## Settings") : README.index("## Security")]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    told = re.findall("`([A-Z_]+)`", "".join(rows))
    assert set(told) == {name for name in dir(type(conf)) if name.isupper()}


def test_the_policy_is_the_same_as_a_header_and_in_djangos_words() -> None:
    (header,) = re.findall(r"```\n(default-src .*?)```", README, re.DOTALL)
    block = re.findall(r"^SECURE_CSP = (\{.*?^\})", ABOUT_PAGES, re.MULTILINE | re.DOTALL)[0]
    words = {"CSP.NONE": "\"'none'\"", "CSP.SELF": "\"'self'\"", "CSP.NONCE": "\"'nonce-…'\""}
    setting = eval(re.sub(r"CSP\.\w+", lambda word: words[word[0]], block))
    assert setting.pop("connect-src") == ["'self'", "https://api.openai.com"]
    expected = directives(header)
    assert expected.pop("connect-src") == {"'self'"}
    assert {name: set(sources) for name, sources in setting.items()} == expected
