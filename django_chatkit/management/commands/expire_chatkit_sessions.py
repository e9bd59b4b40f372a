"""``expire_chatkit_sessions``: mark what is past its time, and delete what ended long ago."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections, router
from django.utils import timezone

from ... import sessions
from ...models import ChatSession
from ..arguments import count, days


class Command(BaseCommand):
    help = (
        "Marks ChatKit session records that are past their time as expired. Safe to run at any time, several times "
        "at once, and to be killed."
    )

    # Run by a clock, and in need of nothing that is checked: importing the site's agents takes seconds.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--batch-size", type=count, default=20_000, metavar="N", help="Records per transaction (20000)."
        )
        parser.add_argument(
            "--sleep", type=_seconds, default=0.0, metavar="S", help="Seconds to wait between two batches (0)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count, change nothing.")
        parser.add_argument(
            "--delete-older-than",
            type=days,
            metavar="DAYS",
            help="Also delete records of sessions that ended longer ago than this.",
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="Database to work on (the one the records are written to).",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        given = options["delete_older_than"]
        older_than = None if given is None else timedelta(days=given)
        if options["dry_run"]:
            self._count(options["database"], older_than)
        else:
            self._work(options, older_than)

    def _count(self, database: str | None, older_than: timedelta | None) -> None:
        records = ChatSession.objects.using(database or router.db_for_write(ChatSession))
        self.stdout.write(f"{records.stale().count()} sessions would be marked as expired.")
        if older_than is not None:
            moment = timezone.now() - older_than
            ended, ending = records.ended_before(moment), records.stale().filter(expires_at__lt=moment)
            self.stdout.write(f"{ended.count() + ending.count()} records would be deleted.")

    def _work(self, options: dict[str, Any], older_than: timedelta | None) -> None:
        how: dict[str, Any] = {
            "batch_size": options["batch_size"],
            "sleep": options["sleep"],
            "using": options["database"],
        }
        expired = sessions.expire_sessions(**how, progress=self._progress("marked as expired"))
        self._report(f"{expired} sessions marked as expired.")
        if older_than is not None:
            deleted = sessions.delete_sessions(older_than=older_than, **how, progress=self._progress("deleted"))
            self._report(f"{deleted} records deleted.")

    def _progress(self, what: str) -> Any:
        """A line that grows, on a terminal only: a cron job's mail shall hold the result and nothing else."""
        if not self.stdout.isatty():
            return None
        return lambda number: self.stdout.write(f"\r{number} {what} so far", ending="")

    def _report(self, text: str) -> None:
        self.stdout.write(("\r\x1b[K" if self.stdout.isatty() else "") + text)


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number
