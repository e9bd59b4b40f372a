"""What a site with users of its own does with this app, from the first migration to the last record: run by Django's
own test runner, in a process of its own. ``test_own_users`` starts it.
"""

from __future__ import annotations

import os
from io import StringIO
from typing import Any, ClassVar
from unittest.mock import patch

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test import Client, SimpleTestCase, TestCase, TransactionTestCase, override_settings, tag

from django_chatkit.models import ChatAttachment, ChatItem, ChatSession, ChatThread, Workflow

from ..callers import Browser, a_workflow
from ..conversations import a_file, a_thread, answered, said
from ..fake_openai import FakeOpenAI

ADMIN = "/admin/django_chatkit/"
#: Primary keys where they are texts: what breaks URLs, HTML, SQL, JSON, and links of the admin.
CODES = ('o\'brien/"ü" %20<b>&amp;_5F?#é😀\\', "O'BRIEN", "0", "x" * 100)


class Site(SimpleTestCase):
    """A site with a fake OpenAI."""

    more_settings: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        os.environ["no_proxy"] = "127.0.0.1"
        self.openai = self.enterContext(FakeOpenAI())
        values = {**settings.DJANGO_CHATKIT, "BASE_URL": self.openai.url, **self.more_settings}
        self.enterContext(override_settings(DJANGO_CHATKIT=values))

    def a_person(self, number: int = 0, **fields: Any) -> Any:
        users: Any = get_user_model()._default_manager
        if users.model.USERNAME_FIELD == "email":
            return users.create(email=f"ada+{number}@example.com", code=CODES[number], **fields)
        return users.create(username=f"ada{number}", **fields)

    def an_admin(self) -> Client:
        """Who may read conversations, too: that has to be granted, to superusers as well."""
        client, admin = Client(), self.a_person(3, is_staff=True, is_superuser=True)
        admin.user_permissions.add(Permission.objects.get(codename="read_conversations"))
        client.force_login(admin)
        return client

    def run_command(self, *arguments: Any, **options: Any) -> str:
        out = StringIO()
        call_command(*arguments, stdout=out, **options)
        return out.getvalue()

    def assert_found(self, client: Client, *urls: str) -> None:
        for url in urls:
            response = client.get(url)
            self.assertEqual(response.status_code, 200, (url, response.headers.get("Location")))


class Hosted(Site, TestCase):
    """Everything that needs no server extra."""

    def test_the_tables_refer_to_these_users(self) -> None:
        table = ChatSession._meta.db_table
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, table).values()
        users: Any = get_user_model()
        wanted = (users._meta.db_table, users._meta.pk.column)
        self.assertIn(wanted, [constraint["foreign_key"] for constraint in constraints])
        self.assertIn(users._meta.db_table, connection.introspection.table_names())
        self.assertFalse(apps.get_model("auth", "User")._meta.db_table in connection.introspection.table_names())

    def test_no_migration_is_missing(self) -> None:
        """Neither of theirs, nor of ours: our tables refer to users of any kind."""
        self.run_command("makemigrations", check=True, dry_run=True)

    def test_each_has_sessions_of_their_own(self) -> None:
        a_workflow()
        people = [self.a_person(number) for number in range(3)]
        browsers = [Browser(person) for person in people]
        for person, browser in zip(people, browsers, strict=True):
            issued = browser.issue()
            self.assertEqual(issued.status_code, 201, issued.content)
            self.assertEqual(browser.issue().status_code, 200)
            record = ChatSession.objects.get(session_id=issued.json()["id"])
            self.assertEqual((record.user, record.user_identifier), (person, f"user-{person.pk}"))
            self.assertEqual(self.openai.requests[-1].json["user"], f"user-{person.pk}")
        ids = [browser.list().json()["results"] for browser in browsers]
        self.assertEqual([len(own) for own in ids], [1, 1, 1])
        for number, browser in enumerate(browsers):
            other = ids[number - 1][0]["id"]
            self.assertEqual(browser.show(other).status_code, 404)
            self.assertEqual(browser.cancel(other).status_code, 404)
        self.assertEqual(browsers[0].cancel(ids[0][0]["id"]).json()["status"], "cancelled")
        self.assertEqual(self.openai.cancelled, [ids[0][0]["id"]])
        with self.captureOnCommitCallbacks(execute=True):
            browsers[1].logout()
        self.assertEqual(len(self.openai.cancelled), 2)

    def test_the_admin_shows_them(self) -> None:
        client, workflow, person = self.an_admin(), a_workflow(), self.a_person()
        Browser(person).issue()
        session = ChatSession.objects.get()
        sessions, threads = f"{ADMIN}chatsession/", f"{ADMIN}chatthread/"
        thread = a_thread(workflow, session.user_identifier, user=person)
        said(thread, "Hello")
        name = person.get_username()
        found = f"{sessions}?q={session.session_id}"
        self.assert_found(client, sessions, found, f"{sessions}{session.pk}/change/", f"{ADMIN}workflow/")
        self.assert_found(client, threads, f"{threads}{thread.pk}/change/", f"{ADMIN}workflow/{workflow.pk}/change/")
        self.assertContains(client.get(sessions), name)
        self.assertContains(client.get(f"{sessions}{session.pk}/change/"), name)
        self.assert_found(client, f"{sessions}?q={name.replace('+', '%2B')}", f"{ADMIN}workflow/statistics/")
        client.post(f"{sessions}{session.pk}/cancel/", {"confirmed": "yes"})
        session.refresh_from_db()
        self.assertEqual(session.status, "cancelled")

    def test_who_goes_leaves_records_without_a_user(self) -> None:
        workflow, person = a_workflow(), self.a_person()
        Browser(person).issue()
        thread = a_thread(workflow, f"user-{person.pk}", user=person)
        said(thread, "Hello")
        person.delete()
        self.assertEqual([session.user_id for session in ChatSession.objects.all()], [None])
        self.assertEqual([left.user_id for left in ChatThread.objects.all()], [None])

    def test_commands_know_them_by_name_and_by_key(self) -> None:
        a_workflow()
        ada, bob = self.a_person(), self.a_person(1)
        for person, name in ((ada, ada.get_username()), (bob, str(bob.pk))):
            Browser(person).issue()
            self.run_command("cancel_chatkit_sessions", user=name)
            self.assertEqual({s.status for s in ChatSession.objects.filter(user=person)}, {"cancelled"})
        ChatSession.objects.update(status="active")
        self.run_command("expire_chatkit_sessions", delete_older_than=0)


class Deleting(Site, TransactionTestCase):
    """What is counted when it is committed."""

    def test_what_is_kept_of_them_can_be_deleted(self) -> None:
        hosted, own = a_workflow(), a_workflow("help", backend="self_hosted", agent="echo", workflow_id="")
        ada, bob = self.a_person(), self.a_person(1)
        for person in (ada, bob):
            identifier = f"user-{person.pk}"
            Browser(person).issue(workflow=hosted.slug)
            thread = a_thread(own, identifier, user=person)
            said(thread, "Hello")
            answered(thread, "Hi", feedback="positive")
            a_file(own, identifier, thread)
        for kept, (person, name) in ((1, (ada, str(ada.pk))), (0, (bob, bob.get_username()))):
            told = self.run_command("delete_chatkit_user_data", name, yes=True)
            self.assertIn("1 threads with 2 items deleted.", told)
            for model in (ChatSession, ChatThread, ChatAttachment):
                self.assertEqual(model.objects.count(), kept, model)
            self.assertFalse(ChatSession.objects.filter(user=person).exists())

    def test_threads_are_purged(self) -> None:
        own = a_workflow("help", backend="self_hosted", agent="echo", workflow_id="")
        person = self.a_person()
        said(a_thread(own, f"user-{person.pk}", user=person, days=10), "Hello")
        self.run_command("purge_chatkit_threads", older_than=5)
        self.assertEqual((ChatThread.objects.count(), ChatItem.objects.count()), (0, 0))


@tag("server")
class SelfHosted(Site, TestCase):
    """What needs the server extra."""

    more_settings: ClassVar[dict[str, Any]] = {"AGENTS": {"echo": "tests.server.echo.respond"}}

    def setUp(self) -> None:
        from django_chatkit.server import database

        super().setUp()
        self.enterContext(patch.object(database, "in_this_thread", new=True))  # as the other tests of that part

    def test_each_has_threads_of_their_own(self) -> None:
        from ..server import chat
        from ..server.sending import Sender

        Workflow.objects.create(slug="help", name="Help", backend="self_hosted", agent="echo")
        send, threads = Sender("asgi"), []
        people = [self.a_person(number) for number in range(2)]
        for person in people:
            secret = Browser(person).issue().json()["client_secret"]
            headers = {"Authorization": f"Bearer {secret}"}
            how = {"content_type": "application/json", "headers": headers}
            told = send("POST", chat.CHAT, data=chat.create("Hello").model_dump_json(), **how)
            self.assertIn(b"Hello", told.body)
            thread = ChatThread.objects.latest("id")
            self.assertEqual((thread.user, thread.user_identifier), (person, f"user-{person.pk}"))
            threads.append(thread.thread_id)
            listed = send("POST", chat.CHAT, data=chat.threads().model_dump_json(), **how)
            self.assertIn(thread.thread_id.encode(), listed.body)
            others = [send("POST", chat.CHAT, data=chat.get(name).model_dump_json(), **how) for name in threads[:-1]]
            self.assertTrue(all(answer.status_code == 404 for answer in others))
