"""``purge_chatkit_threads``: delete conversations of self-hosted workflows that nobody has used for long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router
from django.utils import timezone

from ... import sessions
from ...models import ChatAttachment, ChatItem, ChatThread
from ..arguments import count, days


class Command(BaseCommand):
    help = (
        "Deletes the threads of self-hosted workflows that were last used longer ago than that, with their items, "
        "feedback, attachments and files, and attachments as old that were never sent. Safe to run at any time and to "
        "be killed. Fails if a file could not be deleted; run it again then. Threads at OpenAI are not touched."
    )

    # Run by a clock, and in need of nothing that is checked: importing the site's agents takes seconds.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=days, required=True, metavar="DAYS", help="Days since a thread was last used."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count, change nothing.")
        parser.add_argument("--batch-size", type=count, default=500, metavar="N", help="Threads per transaction (500).")

    def handle(self, *_args: Any, **options: Any) -> None:
        older_than = timedelta(days=options["older_than"])
        if options["dry_run"]:
            self._count(older_than)
            return
        purge = sessions.purge_threads(
            older_than=older_than, batch_size=options["batch_size"], progress=self._progress()
        )
        text = f"{purge.threads} threads with {purge.items} items deleted, and {purge.attachments} attachments."
        self.stdout.write(("\r\x1b[K" if self.stdout.isatty() else "") + text)
        if purge.failures:
            for failure in purge.failures:
                self.stderr.write(failure)
            raise CommandError(f"{len(purge.failures)} files could not be deleted. Run this again to try once more.")

    def _count(self, older_than: timedelta) -> None:
        moment, using = timezone.now() - older_than, router.db_for_write(ChatThread)
        threads = sessions.old_threads(moment, using)
        items = ChatItem.objects.using(using).filter(thread__in=threads).count()
        attachments = ChatAttachment.objects.using(using).filter(thread__in=threads).count()
        attachments += sessions.unsent_attachments(moment, using).count()
        self.stdout.write(
            f"{threads.count()} threads with {items} items would be deleted, and {attachments} attachments."
        )

    def _progress(self) -> Any:
        """A line that grows, on a terminal only: a cron job's mail shall hold the result and nothing else."""
        if not self.stdout.isatty():
            return None
        return lambda number: self.stdout.write(f"\r{number} threads deleted so far", ending="")
