from __future__ import annotations

import io
import time
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from django_chatkit.management.commands.expire_chatkit_sessions import Command
from django_chatkit.models import ChatSession

from .callers import a_workflow
from .records import ACTIVE, CANCELLED, EXPIRED, a_record, records, statuses
from .second_database import second_database

pytestmark = pytest.mark.django_db


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(*arguments, stdout=None):
    stdout = stdout or io.StringIO()
    call_command(Command(), *arguments, stdout=stdout)
    return stdout.getvalue()


def ended(workflow, days, count=1, **fields):
    return records(workflow, count, status=EXPIRED, ended_at=timezone.now() - timedelta(days=days), **fields)


def test_it_expires_and_counts():
    workflow = a_workflow()
    records(workflow, 3, lives=-1)
    records(workflow, 1)
    assert run() == "3 sessions marked as expired.\n"
    assert statuses() == [EXPIRED] * 3 + [ACTIVE]
    assert run() == "0 sessions marked as expired.\n"


def test_it_deletes_only_when_told():
    ended(a_workflow(), 1000)
    run()
    assert ChatSession.objects.count() == 1


def test_it_deletes_what_ended_long_ago():
    workflow = a_workflow()
    ended(workflow, 31, 2)
    kept = [*ended(workflow, 29), *records(workflow, 1)]
    records(workflow, 1, status=CANCELLED, ended_at=timezone.now() - timedelta(days=31))
    output = run("--delete-older-than=30")
    assert output == "0 sessions marked as expired.\n3 records deleted.\n"
    assert list(ChatSession.objects.order_by("id")) == kept


def test_everything_that_has_ended_may_go():
    workflow = a_workflow()
    records(workflow, 2, lives=-1)
    assert run("--delete-older-than=0") == "2 sessions marked as expired.\n2 records deleted.\n"
    assert not ChatSession.objects.exists()


def test_what_it_expires_may_be_old_enough_to_go():
    """``ended_at`` is when the session ended, not when the command noticed."""
    records(a_workflow(), 2, lives=-31 * 86_400)
    assert run("--delete-older-than=30") == "2 sessions marked as expired.\n2 records deleted.\n"
    assert not ChatSession.objects.exists()


def everything():
    return list(ChatSession.objects.order_by("id").values())


def test_a_dry_run_changes_nothing_and_says_what_would_happen():
    workflow = a_workflow()
    records(workflow, 2, lives=-1)
    records(workflow, 3, lives=-31 * 86_400)
    records(workflow, 1)
    ended(workflow, 31, 4)
    ended(workflow, 29)
    before = everything()
    output = run("--dry-run", "--delete-older-than=30")
    assert output == "5 sessions would be marked as expired.\n7 records would be deleted.\n"
    assert run("--dry-run") == "5 sessions would be marked as expired.\n"
    assert everything() == before
    assert run("--delete-older-than=30") == "5 sessions marked as expired.\n7 records deleted.\n"


def test_batches(django_assert_max_num_queries):
    records(a_workflow(), 20, lives=-1)
    with django_assert_max_num_queries(1000) as one:
        assert run("--batch-size=1000").startswith("20 ")
    ChatSession.objects.update(status=ACTIVE)
    with django_assert_max_num_queries(1000) as ten:
        assert run("--batch-size=2").startswith("20 ")
    assert len(ten) > 5 * len(one)


def test_sleep():
    records(a_workflow(), 3, lives=-1)
    started = time.monotonic()
    run("--batch-size=1", "--sleep=0.1")
    assert time.monotonic() - started >= 0.3


def test_a_line_that_grows_on_a_terminal():
    ended(a_workflow(), 31, 3)
    records(ChatSession.objects.first().workflow, 3, lives=-1)
    output = run("--batch-size=2", "--delete-older-than=30", stdout=Terminal())
    assert output == (
        "\r2 marked as expired so far\r3 marked as expired so far\r\x1b[K3 sessions marked as expired.\n"
        "\r2 deleted so far\r3 deleted so far\r\x1b[K3 records deleted.\n"
    )


BAD = [
    ("--batch-size", ["0", "-1", "1.5", "many", "", "1000001", "10000000000000000000000", "²"]),
    ("--sleep", ["-1", "nan", "inf", "long", ""]),
    ("--delete-older-than", ["-1", "1.5", "never", "", "36501", "99999999999"]),
    ("--database", ["nowhere", ""]),
]


@pytest.mark.parametrize(("option", "value"), [(option, value) for option, values in BAD for value in values])
def test_bad_arguments(option, value):
    records(a_workflow(), 1, lives=-1)
    with pytest.raises(CommandError, match=option):
        run(f"{option}={value}")
    assert statuses() == [ACTIVE]


GOOD = [("--batch-size", "1"), ("--batch-size", "1000000"), ("--sleep", "0"), ("--delete-older-than", "36500")]


@pytest.mark.parametrize(("option", "value"), GOOD)
def test_the_limits_themselves(option, value):
    records(a_workflow(), 1, lives=-1)
    assert run(f"{option}={value}").startswith("1 sessions marked as expired.\n")


def test_options_given_in_python():
    records(a_workflow(), 3, lives=-31 * 86_400)
    out = io.StringIO()
    call_command("expire_chatkit_sessions", batch_size=2, delete_older_than=30, database="default", stdout=out)
    assert out.getvalue().splitlines()[-1] == "3 records deleted."


@pytest.mark.django_db(transaction=True)
def test_another_database(tmp_path):
    workflow = a_workflow()
    records(workflow, 1, lives=-1)
    with second_database(tmp_path) as other:
        workflow.save(using=other, force_insert=True)
        theirs = ChatSession.objects.using(other)
        theirs.bulk_create([a_record(workflow, lives=-31 * 86_400), a_record(workflow, lives=-1)])
        arguments = [f"--database={other}", "--delete-older-than=30"]
        assert run(*arguments, "--dry-run").splitlines() == [
            "2 sessions would be marked as expired.",
            "1 records would be deleted.",
        ]
        assert run(*arguments) == "2 sessions marked as expired.\n1 records deleted.\n"
        assert [row.status for row in theirs.all()] == [EXPIRED]
    assert statuses() == [ACTIVE]
