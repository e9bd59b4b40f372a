"""Work that a database breaks off is begun again where that can help."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from django_chatkit.sessions.batches import ATTEMPTS, past_deadlocks


class DeadlockError(Exception):
    sqlstate = "40P01"


def mariadbs():
    return OperationalError(1213, "Deadlock found when trying to get lock; try restarting transaction")


def postgresqls():
    error = OperationalError("deadlock detected")
    error.__cause__ = DeadlockError()
    return error


class Work:
    """Fails as often as there are errors."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.begun = 0

    def __call__(self):
        self.begun += 1
        if self.errors:
            raise self.errors.pop()


@pytest.mark.parametrize("deadlock", [mariadbs, postgresqls])
def test_a_deadlock_is_past_at_the_next_attempt(deadlock):
    work = Work(deadlock(), deadlock())
    past_deadlocks(work, "default")
    assert work.begun == 3


def test_at_some_time_it_is_enough(monkeypatch):
    monkeypatch.setattr("django_chatkit.sessions.batches.time.sleep", lambda seconds: None)
    work = Work(*(mariadbs() for _ in range(ATTEMPTS)))
    with pytest.raises(OperationalError):
        past_deadlocks(work, "default")
    assert work.begun == ATTEMPTS


@pytest.mark.django_db
def test_somebody_elses_transaction_is_not_repeated():
    work = Work(mariadbs())
    with pytest.raises(OperationalError):
        past_deadlocks(work, "default")
    assert work.begun == 1


def test_other_errors_are_not_repeated():
    work = Work(OperationalError(2006, "Server has gone away"))
    with pytest.raises(OperationalError):
        past_deadlocks(work, "default")
    assert work.begun == 1
