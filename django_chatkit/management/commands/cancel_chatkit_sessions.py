"""``cancel_chatkit_sessions``: make the secrets of a user, of a workflow or of everybody useless now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router

from ... import sessions
from ...exceptions import ChatKitError, ChatKitNotConfigured
from ...models import ChatSession, ChatSessionQuerySet, Workflow
from ..arguments import user_of


class Command(BaseCommand):
    help = "Cancels active ChatKit sessions, at OpenAI and in the records. Fails if one could not be cancelled."

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--user", metavar="NAME", help="Name or primary key of a user.")
        which.add_argument("--workflow", metavar="SLUG", help="Sessions of this workflow.")
        which.add_argument("--all", action="store_true", help="Every active session.")
        which.add_argument(
            "--not-allowed",
            action="store_true",
            help="Sessions of everybody who may not use the workflow any more: deactivated or deleted users, those who "
            "have left its groups, visitors where it is closed to them, and all of workflows that are not active.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        failures = 0
        cancelled = 0
        for session in sessions.not_allowed() if options["not_allowed"] else _lean(self._selected(options)):
            try:
                sessions.cancel_session(session)
                cancelled += 1
            except (ChatKitError, ChatKitNotConfigured) as error:
                failures += 1
                self.stderr.write(f"{session.session_id}: {error}")
        self.stdout.write(f"{cancelled} sessions cancelled.")
        if failures:
            raise CommandError(f"{failures} sessions could not be cancelled; they expire by themselves.")

    def _selected(self, options: dict[str, Any]) -> ChatSessionQuerySet:
        active = ChatSession.objects.using(router.db_for_write(ChatSession)).active()
        if options["all"]:
            return active
        if options["user"] is not None:
            return active.filter(user=_user(options["user"]))
        return active.filter(workflow=_workflow(options["workflow"]))


def _lean(found: ChatSessionQuerySet) -> ChatSessionQuerySet:
    """All at once, because SQLite lets nobody write while rows are being read; and so without their big columns."""
    return found.select_related("workflow").defer("state_variables", "workflow__state_variables")


def _user(name: str) -> Any:
    user = user_of(name)
    if user is None:
        raise CommandError(f"There is no user with the name or primary key {name!r}.")
    return user


def _workflow(slug: str) -> Workflow:
    known = list(Workflow.objects.values_list("slug", flat=True))
    if slug not in known:  # asked like this, because MariaDB finds "support" for "SUPPORT"
        raise CommandError(f"There is no workflow {slug!r}; there are: {', '.join(known) or 'none'}.")
    return Workflow.objects.get(slug=slug)
