from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_chatkit import sessions
from django_chatkit.models import ChatAttachment, ChatFeedback, ChatItem, ChatThread
from django_chatkit.server.files import storage
from django_chatkit.sessions import batches, purging

from .callers import a_workflow
from .conversations import a_file, a_thread, answered, said

pytestmark = pytest.mark.django_db(transaction=True)


class Stubborn(InMemoryStorage):
    """Deletes nothing while ``fails``."""

    fails = True

    def delete(self, name: str) -> None:
        if self.fails:
            raise OSError(f"https://storage.example/{name}?signature=canary")
        super().delete(name)


class Forgetful(InMemoryStorage):
    """As some storages do: what is not there cannot be deleted."""

    def delete(self, name: str) -> None:
        raise FileNotFoundError(name)


@pytest.fixture(autouse=True)
def memory(settings: Any) -> None:
    use(settings, InMemoryStorage)


def use(settings: Any, kind: type) -> None:
    settings.STORAGES = {**settings.STORAGES, "chatkit": {"BACKEND": f"{kind.__module__}.{kind.__qualname__}"}}


def purge(*arguments: str) -> str:
    out = io.StringIO()
    call_command("purge_chatkit_threads", *arguments, stdout=out)
    return out.getvalue()


def a_conversation(workflow: Any, *, days: float) -> tuple[ChatThread, ChatAttachment]:
    thread = a_thread(workflow, days=days)
    file = a_file(workflow, thread=thread, days=days)
    said(thread, "Hello")
    answered(thread, "Hi", feedback="positive")
    return thread, file


def test_what_is_old_goes_with_everything_and_what_is_not_stays():
    workflow = a_workflow()
    _, old = a_conversation(workflow, days=31)
    thread, young = a_conversation(workflow, days=29)
    assert purge("--older-than", "30") == "1 threads with 2 items deleted, and 1 attachments.\n"
    assert [ChatThread.objects.get(), ChatAttachment.objects.get()] == [thread, young]
    assert (ChatItem.objects.count(), ChatFeedback.objects.count()) == (2, 1)
    assert (storage().exists(old.file), storage().exists(young.file)) == (False, True)
    assert purge("--older-than", "30") == "0 threads with 0 items deleted, and 0 attachments.\n"


def test_what_counts_is_the_last_use():
    thread = a_thread(a_workflow(), days=0.5)
    ChatThread.objects.update(created_at=thread.created_at - timedelta(days=900))
    purge("--older-than", "1")
    assert ChatThread.objects.exists()


def test_attachments_that_were_never_sent():
    workflow = a_workflow()
    old, never_arrived = a_file(workflow, days=31), a_file(workflow, days=31, content=None)
    young = a_file(workflow, days=29)
    sent = a_file(workflow, thread=a_thread(workflow), days=31)  # in a conversation that goes on
    assert purge("--older-than", "30") == "0 threads with 0 items deleted, and 2 attachments.\n"
    assert set(ChatAttachment.objects.all()) == {young, sent}
    assert not storage().exists(old.file)
    assert never_arrived.file == ""


def test_a_dry_run_counts_the_same_and_changes_nothing():
    workflow = a_workflow()
    for days in (31, 32, 1):
        a_conversation(workflow, days=days)
    a_file(workflow, days=40)
    counted = purge("--older-than", "30", "--dry-run")
    assert counted == "2 threads with 4 items would be deleted, and 3 attachments.\n"
    assert (ChatThread.objects.count(), ChatItem.objects.count(), ChatAttachment.objects.count()) == (3, 6, 4)
    assert purge("--older-than", "30") == counted.replace("would be deleted", "deleted")


def test_a_file_that_cannot_be_deleted_stops_nothing_and_is_tried_again(settings):
    use(settings, Stubborn)
    workflow = a_workflow()
    files = [a_conversation(workflow, days=40)[1] for _ in range(3)]
    errors = io.StringIO()
    with pytest.raises(CommandError, match=r"3 files could not be deleted\. Run this again"):
        call_command("purge_chatkit_threads", older_than=30, stdout=io.StringIO(), stderr=errors)
    assert sorted(errors.getvalue().splitlines()) == sorted(f"{file.file}: OSError" for file in files)
    assert not ChatThread.objects.exists()
    assert ChatAttachment.objects.filter(thread=None).count() == 3
    storage().fails = False
    assert purge("--older-than", "30") == "0 threads with 0 items deleted, and 3 attachments.\n"
    assert not any(storage().exists(file.file) for file in files)


def test_a_file_that_is_gone_already_is_deleted(settings):
    use(settings, Forgetful)
    a_conversation(a_workflow(), days=40)
    assert purge("--older-than", "30").endswith("and 1 attachments.\n")


def test_nothing_is_lost_when_it_is_killed_between_the_rows_and_the_files(monkeypatch):
    """The worst moment: the thread is gone, its files are not yet."""
    _, file = a_conversation(a_workflow(), days=40)
    monkeypatch.setattr(
        purging.Purge, "delete_attachments", lambda self, keys: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        purge("--older-than", "30")
    assert not ChatThread.objects.exists()
    assert storage().exists(file.file)
    monkeypatch.undo()
    purge("--older-than", "30")
    assert not ChatAttachment.objects.exists()


def test_files_stay_when_the_rows_do(monkeypatch):
    """A transaction that fails has deleted no file."""
    _, file = a_conversation(a_workflow(), days=40)
    monkeypatch.setattr(purging.Purge, "_delete_items", lambda self, keys: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        purge("--older-than", "30")
    assert storage().exists(file.file)
    assert ChatAttachment.objects.get().thread is not None


def test_an_attachment_that_is_sent_meanwhile_is_kept():
    workflow = a_workflow()
    file = a_file(workflow, days=40)
    done = sessions.Purge("default")
    ChatAttachment.objects.update(thread=a_thread(workflow))
    done.delete_attachments([file.pk])
    assert (done.attachments, storage().exists(file.file)) == (0, True)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
@pytest.mark.parametrize("size", ["1", "4", "100"])
def test_every_size_of_a_batch(monkeypatch, count, size):
    for module in (batches, purging):
        monkeypatch.setattr(module, "CHUNK", 2)
    workflow = a_workflow()
    for number in range(count):
        a_conversation(workflow, days=40 + number * 7 % 5)
        a_file(workflow, days=40)
    kept, _ = a_conversation(workflow, days=1)
    assert purge("--older-than", "30", "--batch-size", size) == (
        f"{count} threads with {2 * count} items deleted, and {2 * count} attachments.\n"
    )
    assert ChatThread.objects.get() == kept


def test_a_long_thread_is_not_loaded(monkeypatch):
    thread = a_thread(a_workflow(), days=40)
    ChatItem.objects.bulk_create(ChatItem(thread=thread, item_id=f"i{n}", payload="BIG") for n in range(2_500))
    with CaptureQueriesContext(connection) as captured:
        assert purge("--older-than", "30") == "1 threads with 2500 items deleted, and 0 attachments.\n"
    assert not any(
        "payload" in query["sql"] for query in captured.captured_queries if query["sql"].startswith("SELECT")
    )


def test_only_rows_of_the_batch_are_locked_and_read_by_an_index():
    with CaptureQueriesContext(connection) as captured:
        purge("--older-than", "30")
    walks = [query["sql"] for query in captured.captured_queries if "ORDER BY" in query["sql"]]
    assert len(walks) == 2  # threads, and attachments of none
    assert all("LIMIT" in sql for sql in walks)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is():
    workflow = a_workflow()
    for _ in range(3):
        a_thread(workflow, days=40)
    out = Terminal()
    call_command("purge_chatkit_threads", older_than=30, batch_size=2, stdout=out)
    assert out.getvalue().startswith("\r2 threads deleted so far\r3 threads deleted so far\r\x1b[K3 threads")


@pytest.mark.parametrize("arguments", [[], ["--older-than", "-1"], ["--older-than", "x"], ["--older-than", "²"]])
def test_it_must_be_said_how_old(arguments):
    with pytest.raises(CommandError, match="older-than"):
        purge(*arguments)


def test_the_default_storage_is_used_where_there_is_no_other(settings, tmp_path):
    settings.STORAGES = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    settings.MEDIA_ROOT = tmp_path
    _, file = a_conversation(a_workflow(), days=40)
    assert isinstance(storage(), FileSystemStorage)
    assert (tmp_path / file.file).exists()
    purge("--older-than", "30")
    assert not (tmp_path / file.file).exists()
