from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command

from django_chatkit import sessions
from django_chatkit.models import ChatSession

from .behaviours import answer, error, silent
from .callers import a_user, a_workflow, chatkit
from .records import ACTIVE, CANCELLED, records, statuses

pytestmark = pytest.mark.django_db


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("cancel_chatkit_sessions", *arguments, stdout=out, stderr=err)
    finally:
        run.errors = err.getvalue()
        run.output = out.getvalue()
    return out.getvalue()


@pytest.fixture
def issued(openai):
    """Ada has two sessions, Bob one of another workflow."""
    ada, bob = a_user("ada"), a_user("bob")
    support, sales = a_workflow("support"), a_workflow("sales")
    wanted = ((support, ada), (sales, ada), (sales, bob))
    return [sessions.create_session(workflow, user=user).session for workflow, user in wanted]


def test_those_of_a_user_by_name(openai, issued):
    assert run("--user=ada") == "2 sessions cancelled.\n"
    assert sorted(openai.cancelled) == sorted(session.session_id for session in issued[:2])
    assert statuses() == [CANCELLED, CANCELLED, ACTIVE]


def test_those_of_a_user_by_primary_key(openai, issued):
    assert run(f"--user={issued[2].user.pk}") == "1 sessions cancelled.\n"
    assert statuses() == [ACTIVE, ACTIVE, CANCELLED]


def test_a_name_that_is_the_key_of_another_user(openai, issued):
    """Which of the two is meant must be said: by the other's key, or the other's name."""
    other = issued[0].user
    named = a_user(str(other.pk))
    sessions.create_session(issued[0].workflow, user=named)
    with pytest.raises(CommandError, match=f"whose primary key is {named.pk}, .* whose name is '{other.username}'"):
        run(f"--user={other.pk}")
    assert statuses() == [ACTIVE] * 4
    run(f"--user={named.pk}")
    run(f"--user={other.username}")
    assert statuses() == [CANCELLED, CANCELLED, ACTIVE, CANCELLED]


@pytest.mark.parametrize("name", ["nobody", "-1", "", "0", "9" * 30, "1.5"])
def test_an_unknown_user(openai, issued, name):
    with pytest.raises(CommandError, match="There is no user with the name or primary key"):
        run(f"--user={name}")
    assert statuses() == [ACTIVE] * 3
    assert openai.cancelled == []


def test_those_of_a_workflow(openai, issued):
    assert run("--workflow=sales") == "2 sessions cancelled.\n"
    assert statuses() == [ACTIVE, CANCELLED, CANCELLED]


@pytest.mark.parametrize("slug", ["nothing", ""])
def test_an_unknown_workflow(openai, issued, slug):
    with pytest.raises(CommandError, match=r"There is no workflow .*; there are: sales, support"):
        run(f"--workflow={slug}")
    assert statuses() == [ACTIVE] * 3


def test_no_workflow_at_all(openai):
    with pytest.raises(CommandError, match="there are: none"):
        run("--workflow=support")


def test_everything(openai, issued):
    assert run("--all") == "3 sessions cancelled.\n"
    assert statuses() == [CANCELLED] * 3
    assert run("--all") == "0 sessions cancelled.\n"
    assert len(openai.cancelled) == 3


def test_only_active_ones(openai):
    records(a_workflow(), 1, lives=-1)
    assert run("--all") == "0 sessions cancelled.\n"
    assert openai.requests == []


def test_those_without_openais_id(openai):
    openai.script(answer(200, {"client_secret": "ek_1", "expires_at": 4_000_000_000}))
    sessions.create_session(a_workflow(), user_identifier="x")
    assert run("--all") == "1 sessions cancelled.\n"
    assert statuses() == [CANCELLED]


def test_failures_are_reported_and_the_rest_goes_on(openai, issued):
    openai.script(error(404, "not_found"))
    with pytest.raises(CommandError, match="1 sessions could not be cancelled; they expire by themselves") as caught:
        run("--all")
    assert caught.value.returncode == 1
    assert run.output == "2 sessions cancelled.\n"
    (failed,) = ChatSession.objects.active()
    assert run.errors == f"{failed.session_id}: OpenAI answered 404 (not_found).\n"


def test_failures_of_every_kind(openai, issued, settings):
    chatkit(settings, TIMEOUT=(15, 2), MAX_RETRIES=0)  # one is silent, and one has to answer
    openai.script(silent, error(500))
    issued[0].workflow.api_key = "gone"
    issued[0].workflow.save()
    with pytest.raises(CommandError, match="3 sessions"):
        run("--all")
    assert run.output == "0 sessions cancelled.\n"
    assert "no key of the workflow's name" in run.errors
    assert "did not answer in time" in run.errors
    assert "OpenAI answered 500" in run.errors
    assert "sk-tests" not in run.errors
    assert statuses() == [ACTIVE] * 3


@pytest.mark.parametrize("arguments", [[], ["--all", "--user=ada"], ["--user=ada", "--workflow=sales"]])
def test_which_ones_must_be_said(openai, issued, arguments):
    with pytest.raises(CommandError):
        run(*arguments)
    assert statuses() == [ACTIVE] * 3


def test_reading_is_over_before_the_first_is_cancelled(openai, issued, django_assert_max_num_queries):
    """SQLite lets nobody write while a cursor is open, and OpenAI takes its time."""
    with django_assert_max_num_queries(20) as queries:
        run("--all")
    reads = [query["sql"] for query in queries if query["sql"].startswith("SELECT") and "expires_at" in query["sql"]]
    assert len(reads) == 1
    assert not re.search('["`]state_variables', reads[0])
