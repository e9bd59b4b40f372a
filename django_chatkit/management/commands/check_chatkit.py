"""``check_chatkit``: issue and cancel a real session, and say in plain words what is wrong if that fails.

Of a self-hosted workflow, try its agent, its storage and the cache, too. All of it is ``sessions.try_workflow``.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import sessions
from ...models import Workflow


class Command(BaseCommand):
    help = (
        "Issues and cancels a real session of a workflow. If this site runs it, also looks whether its agent can be "
        "used, files can be stored, requests counted, and the domain key is set. Exit status: 0 if that works, 1 if "
        "this site must be mended, 2 if OpenAI cannot be reached or fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", nargs="?", help="Slug of the workflow; the default one if left out.")

    def handle(self, *_args: Any, **options: Any) -> None:
        workflow = self._workflow(options["slug"])
        trial = sessions.try_workflow(workflow)
        for finding in trial.findings:
            self.stdout.write(f"{workflow.slug}: {finding}")
        if trial.problems:
            lines = "\n".join(f"{workflow.slug}: {problem.text}" for problem in trial.problems)
            raise CommandError(lines, returncode=trial.returncode)

    def _workflow(self, slug: str | None) -> Workflow:
        try:
            return Workflow.objects.embedded(slug)
        except Workflow.DoesNotExist:
            raise CommandError(
                f"There is no active workflow {slug!r}." if slug else "Name a workflow: there is no default one."
            ) from None
