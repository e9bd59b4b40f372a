"""``check_chatkit``: issue and cancel a real session, and say in plain words what is wrong if that fails."""

from __future__ import annotations

import secrets
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import sessions
from ...diagnosis import explain
from ...exceptions import ChatKitError, ChatKitNotConfigured
from ...models import Workflow


class Command(BaseCommand):
    help = (
        "Issues and cancels a real session of a workflow. Exit status: 0 if that works, 1 if this site must be "
        "mended, 2 if OpenAI cannot be reached or fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", help="Slug of the workflow; the default one if left out.")

    def handle(self, *_args: Any, **options: Any) -> None:
        workflow = self._workflow(options["slug"])
        try:
            prepared = sessions.prepare_session(workflow, user_identifier=f"check-{secrets.token_hex(8)}")
            started = time.monotonic()
            issued = sessions.issue_session(prepared)
            duration = time.monotonic() - started
            sessions.cancel_session(issued.session)
        except (ChatKitError, ChatKitNotConfigured) as error:
            diagnosis = explain(error)
            raise CommandError(f"{workflow.slug}: {diagnosis.text}", returncode=1 if diagnosis.ours else 2) from None
        except Exception as error:
            raise CommandError(
                f"{workflow.slug}: no session could be made without a user and a request. Does the function of the "
                f"STATE_VARIABLES setting work without them? {type(error).__name__}: {error}"
            ) from error
        self.stdout.write(f"{workflow.slug}: a session was issued in {duration:.2f} s and cancelled.")

    def _workflow(self, slug: str | None) -> Workflow:
        try:
            return Workflow.objects.embedded(slug)
        except Workflow.DoesNotExist:
            raise CommandError(
                f"There is no active workflow {slug!r}." if slug else "Name a workflow: there is no default one."
            ) from None
