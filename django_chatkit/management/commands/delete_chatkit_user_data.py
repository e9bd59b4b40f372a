"""``delete_chatkit_user_data``: delete everything that is kept of one user, here and at OpenAI."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import sessions
from ..arguments import user_of


class Command(BaseCommand):
    help = (
        "Deletes everything of one user: threads, attachments and files of self-hosted workflows, threads at OpenAI "
        "of hosted ones, and the records of sessions, after cancelling the active ones. Fails if anything could not "
        "be deleted; run it again then. The user's account, and what the admin's log says about who read what, stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "user", metavar="USER", help="Name or primary key of a user; or a user identifier, as the records have it."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count, change nothing.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *_args: Any, **options: Any) -> None:
        person = self._person(options["user"])
        if options["dry_run"]:
            self._report(sessions.found(person), "would be deleted", "would be cancelled")
            return
        if not options["yes"] and input("Delete all of it, for good? Type yes: ").strip() != "yes":
            raise CommandError("Nothing was deleted.")
        self._report(sessions.forget(person), "deleted", "cancelled")

    def _person(self, name: str) -> sessions.Person:
        user = user_of(name)
        if user is not None:
            person = sessions.person_of(user)
            self.stdout.write(f"User {user} (primary key {user.pk}), identified by: {_listed(person.identifiers)}")
            return person
        try:
            person = sessions.visitor(name)
        except ValueError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"No user has the name or primary key {name!r}: taken as a user identifier.")
        return person

    def _report(self, done: sessions.Forgotten, deleted: str, cancelled: str) -> None:
        self.stdout.write(f"{done.cancelled} active sessions {cancelled}.")
        self.stdout.write(f"{done.threads} threads with {done.items} items {deleted}.")
        self.stdout.write(f"{done.attachments} attachments {deleted}.")
        self.stdout.write(f"{done.openai_threads} threads at OpenAI {deleted}.")
        self.stdout.write(f"{done.sessions} records of sessions {deleted}.")
        if done.failures:
            for failure in done.failures:
                self.stderr.write(failure)
            raise CommandError("Not everything could be found or deleted. Mend that, and run this again.")


def _listed(identifiers: tuple[str, ...]) -> str:
    return ", ".join(map(repr, identifiers)) or "nothing"
