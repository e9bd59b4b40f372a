from __future__ import annotations

import re
import time
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.signals import post_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_chatkit import sessions
from django_chatkit.exceptions import (
    ChatKitConfigurationRejected,
    ChatKitConnectionError,
    ChatKitNotConfigured,
    ChatKitServerError,
    ChatKitTimeout,
)
from django_chatkit.models import ChatSession
from django_chatkit.sessions import batches, ending
from django_chatkit.signals import session_cancelled, sessions_expired

from .behaviours import acting, answer, error, hang_up, silent
from .callers import a_user, a_workflow, chatkit
from .records import ACTIVE, CANCELLED, EXPIRED, a_record, heard, records, statuses
from .second_database import second_database

LOCAL = {"client_secret": "ek_1", "expires_at": 4_000_000_000}


def issued(workflow=None):
    return sessions.create_session(workflow or a_workflow(), user_identifier="x").session


def from_database(session):
    return ChatSession.objects.get(pk=session.pk)


# One session


@pytest.mark.django_db
def test_cancel(openai):
    session = issued()
    before = timezone.now()
    assert sessions.cancel_session(session) is session
    assert openai.cancelled == [session.session_id]
    for record in (session, from_database(session)):
        assert (record.status, record.current_status) == (CANCELLED, CANCELLED)
        assert before <= record.ended_at <= timezone.now()
    assert not ChatSession.objects.active().exists()


@pytest.mark.django_db(transaction=True)
def test_cancel_what_openai_calls_expired(openai):
    session = issued()
    openai.script(answer(content={"id": session.session_id, "object": "chatkit.session", "status": "expired"}))
    with heard(session_cancelled) as cancelled, heard(sessions_expired) as expired:
        sessions.cancel_session(session)
    assert session.status == from_database(session).status == EXPIRED
    assert session.ended_at is not None
    assert not cancelled
    assert [(told["ids"], told["using"]) for told in expired] == [([session.pk], "default")]


@pytest.mark.django_db(transaction=True)
def test_cancel_twice(openai):
    session = issued()
    with heard(session_cancelled) as cancelled:
        sessions.cancel_session(session)
        ended_at = session.ended_at
        sessions.cancel_session(session)
        sessions.cancel_session(from_database(session))
    assert len(cancelled) == len(openai.cancelled) == 1
    assert from_database(session).ended_at == ended_at


@pytest.mark.django_db(transaction=True)
def test_cancelled_by_two_at_once(openai):
    """Both have read it as active; the later one neither announces it nor changes when it ended."""
    session = issued()
    mine, theirs = from_database(session), from_database(session)
    with heard(session_cancelled) as cancelled:
        sessions.cancel_session(mine)
        sessions.cancel_session(theirs)
    assert len(cancelled) == 1
    assert (theirs.status, theirs.ended_at) == (CANCELLED, mine.ended_at)
    assert from_database(session).ended_at == mine.ended_at


@pytest.mark.django_db(transaction=True)
def test_expired_while_it_was_being_cancelled(openai):
    session = issued()
    ended_at = session.expires_at
    ChatSession.objects.update(status=EXPIRED, ended_at=ended_at)
    with heard(session_cancelled) as cancelled:
        assert sessions.cancel_session(session).status == EXPIRED
    assert cancelled == []
    assert from_database(session).ended_at == ended_at


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fields", [{"lives": -1}, {"status": EXPIRED}, {"status": CANCELLED}])
def test_what_has_ended_is_left_alone(openai, fields):
    (session,) = records(a_workflow(), 1, **fields)
    before = ChatSession.objects.values().get()
    with heard(session_cancelled) as cancelled:
        assert sessions.cancel_session(session) is session
    assert openai.requests == cancelled == []
    assert ChatSession.objects.values().get() == before


@pytest.mark.django_db
def test_cancel_without_openais_id(openai):
    openai.script(answer(200, LOCAL))
    session = issued()
    sessions.cancel_session(session)
    assert len(openai.requests) == 1
    assert from_database(session).status == CANCELLED


@pytest.mark.django_db
def test_the_workflows_own_key_cancels(openai, settings):
    chatkit(settings, API_KEYS={"second": "sk-tests-second"})
    sessions.cancel_session(issued(a_workflow(api_key="second")))
    assert openai.requests[-1].headers["Authorization"] == "Bearer sk-tests-second"


REFUSALS = [
    ([error(404)], ChatKitConfigurationRejected),
    ([error(500)] * 2, ChatKitServerError),
    ([hang_up] * 2, ChatKitConnectionError),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("behaviours", "kind"), REFUSALS)
def test_it_stays_active_when_openai_refuses(openai, settings, behaviours, kind):
    chatkit(settings, MAX_RETRIES=1)
    session = issued()
    openai.script(*behaviours)
    with pytest.raises(kind):
        sessions.cancel_session(session)
    for record in (session, from_database(session)):
        assert (record.status, record.ended_at) == (ACTIVE, None)
    assert sessions.cancel_session(session).status == CANCELLED


@pytest.mark.django_db
def test_it_stays_active_without_a_key(openai, settings):
    session = issued()
    chatkit(settings, API_KEY="no key")
    with pytest.raises(ChatKitNotConfigured):
        sessions.cancel_session(session)
    assert from_database(session).status == ACTIVE


@pytest.mark.django_db
def test_cancelling_is_repeated(openai):
    session = issued()
    openai.script(error(500), acting(hang_up))
    assert sessions.cancel_session(session).status == CANCELLED
    assert len(openai.requests) == 4


@pytest.mark.django_db
def test_the_deadline_of_cancelling(openai, settings):
    chatkit(settings, TIMEOUT=60, DEADLINE=60)
    session = issued()
    openai.script(silent)
    started = time.monotonic()
    with pytest.raises(ChatKitTimeout):
        sessions.cancel_session(session, deadline=0.3)
    assert 0.3 <= time.monotonic() - started < 10


@pytest.mark.django_db
def test_queries_of_cancelling(openai, django_assert_num_queries):
    session = issued()
    with django_assert_num_queries(2):
        sessions.cancel_session(session)


class WritesToDefault:
    """As on a site that reads from a replica."""

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, *args, **hints):
        return True


@pytest.mark.django_db(transaction=True)
def test_it_is_written_where_the_router_says(openai, settings, tmp_path):
    session = issued()
    settings.DATABASE_ROUTERS = [WritesToDefault()]
    with second_database(tmp_path) as replica, heard(session_cancelled) as cancelled:
        session.workflow.save(using=replica, force_insert=True)
        session.save(using=replica, force_insert=True)
        read = ChatSession.objects.using(replica).get()
        assert read._state.db == replica
        sessions.cancel_session(read)
        assert read.status == CANCELLED
        assert ChatSession.objects.using(replica).get().status == ACTIVE
    assert from_database(session).status == CANCELLED
    assert len(cancelled) == 1


# All sessions of a login


def of_login(workflow, openai, count, login_key="tab", **fields):
    """Sessions that OpenAI knows, issued to a login."""
    made = [sessions.create_session(workflow, user_identifier="x").session for _ in range(count)]
    ChatSession.objects.filter(pk__in=[session.pk for session in made]).update(login_key=login_key, **fields)
    return made


@pytest.mark.django_db
def test_cancel_login(openai):
    workflow, user = a_workflow(), a_user()
    mine = of_login(workflow, openai, 2, user=user)
    of_login(workflow, openai, 2, "another device", user=user)
    of_login(workflow, openai, 1, "")
    sessions.cancel_login("tab")
    assert openai.cancelled == [session.session_id for session in reversed(mine)]
    assert statuses() == [CANCELLED, CANCELLED, ACTIVE, ACTIVE, ACTIVE]


@pytest.mark.django_db
def test_only_active_ones_of_a_login(openai, caplog):
    workflow = a_workflow()
    for fields in ({"lives": -1}, {"status": EXPIRED}, {"status": CANCELLED}):
        records(workflow, 1, login_key="tab", **fields)
    sessions.cancel_login("tab")
    assert openai.requests == caplog.records == []


@pytest.mark.django_db
def test_cancelling_a_login_can_be_turned_off(openai, settings):
    of_login(a_workflow(), openai, 1)
    chatkit(settings, CANCEL_ON_LOGOUT=False)
    sessions.cancel_login("tab")
    assert statuses() == [ACTIVE]
    assert openai.cancelled == []


@pytest.mark.django_db
def test_one_that_fails_does_not_keep_the_others(openai, caplog):
    of_login(a_workflow(), openai, 3)
    openai.script(error(404))
    sessions.cancel_login("tab")
    assert statuses() == [CANCELLED, CANCELLED, ACTIVE]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("django_chatkit", "WARNING")
    assert record.getMessage() == "1 sessions of a logout were not cancelled; they expire by themselves."


@pytest.mark.django_db
def test_a_login_takes_two_seconds_at_most(openai, settings, caplog):
    chatkit(settings, TIMEOUT=60, DEADLINE=60)
    of_login(a_workflow(), openai, 3)
    openai.script(*[silent] * 9)
    asked = len(openai.requests)
    started = time.monotonic()
    sessions.cancel_login("tab")
    assert 1.5 < time.monotonic() - started < 10
    assert len(openai.requests) == asked + 1
    assert caplog.records[0].getMessage().startswith("3 sessions")
    assert statuses() == [ACTIVE] * 3


@pytest.mark.django_db
def test_a_key_that_is_gone_does_not_break_a_logout(openai, settings, caplog):
    of_login(a_workflow(), openai, 1)
    chatkit(settings, API_KEY="no key")
    sessions.cancel_login("tab")
    assert caplog.records[0].getMessage().startswith("1 sessions")


@pytest.mark.django_db
def test_a_broken_setting_does_not_break_a_logout(settings, caplog):
    settings.DJANGO_CHATKIT = "sk-tests-default-key"
    sessions.cancel_login("tab")
    assert "DJANGO_CHATKIT must be a dictionary" in caplog.records[0].getMessage()
    assert "sk-tests" not in caplog.text


@pytest.mark.django_db
def test_a_broken_database_does_not_break_a_logout(openai, caplog, django_db_blocker):
    with django_db_blocker.block():
        sessions.cancel_login("tab")
    (record,) = caplog.records
    assert record.getMessage().startswith("The sessions of a logout were not cancelled (")


@pytest.mark.django_db
def test_a_login_without_sessions_is_one_query(openai, django_assert_num_queries):
    with django_assert_num_queries(1):
        sessions.cancel_login("tab")
    assert openai.requests == []


@pytest.mark.django_db
def test_what_ends_a_login_is_not_loaded(openai, django_assert_max_num_queries):
    """State variables take up to 10 MiB a session, and nobody looks at them."""
    of_login(a_workflow(state_variables={"big": "x" * 1000}), openai, 1)
    with django_assert_max_num_queries(4) as queries:
        sessions.cancel_login("tab")
    assert not re.search('["`]state_variables', queries.captured_queries[0]["sql"])


# Those that are past their time


@pytest.mark.django_db
def test_expire():
    workflow = a_workflow()
    stale = records(workflow, 3, lives=-1)
    records(workflow, 2)
    records(workflow, 1, lives=-1, status=CANCELLED, ended_at=timezone.now())
    records(workflow, 1, lives=-1, status=EXPIRED, ended_at=timezone.now())
    others = list(ChatSession.objects.exclude(pk__in=[row.pk for row in stale]).order_by("id").values())
    assert sessions.expire_sessions() == 3
    for row in stale:
        now = from_database(row)
        assert (now.status, now.ended_at) == (EXPIRED, row.expires_at)
    assert list(ChatSession.objects.exclude(pk__in=[row.pk for row in stale]).order_by("id").values()) == others
    assert sessions.expire_sessions() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30])
@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("listening", [True, False])
def test_every_size_of_a_batch(monkeypatch, count, alike, listening):
    """Of rows that ended at the same moment, and of rows whose keys are in another order than their ends. Where nobody
    listens, their keys are not even read.
    """
    monkeypatch.setattr(batches, "CHUNK", 4)
    workflow, moment = a_workflow(), timezone.now() - timedelta(hours=1)
    ends = [moment if alike else moment - timedelta(seconds=index * 7 % 5) for index in range(count)]
    ChatSession.objects.bulk_create(a_record(workflow, expires_at=end) for end in ends)
    records(workflow, 2)
    with heard(sessions_expired) if listening else nullcontext():
        assert sessions.expire_sessions(batch_size=10) == count
    assert sorted(statuses()) == [ACTIVE] * 2 + [EXPIRED] * count


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["America/St_Johns", "Asia/Kathmandu"])
def test_expire_without_time_zones(settings, zone):
    settings.TIME_ZONE = zone
    settings.USE_TZ = False
    workflow = a_workflow()
    stale = records(workflow, 5, lives=-1)
    records(workflow, 2, lives=60)
    assert sessions.expire_sessions(batch_size=2) == 5
    assert ChatSession.objects.filter(status=EXPIRED, ended_at=F("expires_at")).count() == len(stale)
    assert sessions.delete_sessions(older_than=timedelta(seconds=0), batch_size=2) == 5


@pytest.mark.django_db
def test_progress():
    records(a_workflow(), 5, lives=-1)
    told = []
    sessions.expire_sessions(batch_size=2, progress=told.append)
    assert told == [2, 4, 5]


@pytest.mark.django_db
def test_no_progress_without_work():
    told = []
    records(a_workflow(), 2, lives=-1)
    sessions.expire_sessions(batch_size=2, progress=told.append)
    sessions.expire_sessions(batch_size=2, progress=told.append)
    assert told == [2]


@pytest.mark.django_db
def test_sleeping_between_batches():
    records(a_workflow(), 5, lives=-1)
    started = time.monotonic()
    sessions.expire_sessions(batch_size=2, sleep=0.1)
    assert 0.2 <= time.monotonic() - started < 10


@pytest.mark.django_db
def test_sqlite_lets_others_write_between_batches():
    """Those who wait for its only writer look ten times a second, and give up after five seconds."""
    records(a_workflow(), 5, lives=-1)
    moments = []

    def slow(execute, *statement):
        moments.append(time.monotonic())
        time.sleep(0.06)
        return execute(*statement)

    with connection.execute_wrapper(slow):
        sessions.expire_sessions(batch_size=2, progress=lambda count: moments.append(None))
    gaps = [moments[index + 1] - moments[index - 1] - 0.06 for index in (moments.index(None),)]
    assert (gaps[0] > 0.1) is (not connection.features.has_select_for_update)


@pytest.mark.django_db
@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_holds_something(size):
    with pytest.raises(ValueError, match="at least 1"):
        sessions.expire_sessions(batch_size=size)
    with pytest.raises(ValueError, match="at least 1"):
        sessions.delete_sessions(older_than=timedelta(0), batch_size=size)


class Stop(BaseException):
    pass


@pytest.mark.django_db(transaction=True)
def test_each_batch_is_committed():
    records(a_workflow(), 5, lives=-1)

    def stop(count):
        raise Stop

    with pytest.raises(Stop):
        sessions.expire_sessions(batch_size=2, progress=stop)
    assert sorted(statuses()) == [ACTIVE] * 3 + [EXPIRED] * 2
    assert sessions.expire_sessions(batch_size=2) == 3


@pytest.mark.django_db
def test_what_comes_in_meanwhile_waits_for_the_next_run():
    """A walk comes to an end, however many sessions are issued or end while it goes on."""
    workflow = a_workflow()
    records(workflow, 4, lives=-60)

    def issue(count):
        records(workflow, 2)
        records(workflow, 2, lives=-120)
        records(workflow, 1, lives=0)

    assert sessions.expire_sessions(batch_size=2, progress=issue) == 4
    assert sessions.expire_sessions() == 6
    assert ChatSession.objects.filter(status=ACTIVE).count() == 4


@pytest.mark.django_db
def test_only_what_it_has_changed_itself_is_counted(monkeypatch):
    """Another run, or somebody who cancels, may be faster with some rows of a range."""
    monkeypatch.setattr(ending, "takes_ranges", lambda _using: True)
    records(a_workflow(), 5, lives=-60)
    mark = ending._mark_expired

    def be_late(rows):
        ChatSession.objects.filter(pk=rows.order_by("id").first().pk).update(status=CANCELLED)
        return mark(rows)

    monkeypatch.setattr(ending, "_mark_expired", be_late)
    assert sessions.expire_sessions() == 4
    assert statuses() == [CANCELLED] + [EXPIRED] * 4


def shapes(queries):
    """The statements without what differs between batches."""
    kept = [query["sql"] for query in queries.captured_queries]
    return [sql.split()[0] + (" COUNT" if "COUNT(" in sql else "") for sql in kept]


@pytest.mark.django_db
@pytest.mark.parametrize("walk", ["expire", "delete"])
def test_queries_per_batch(django_assert_max_num_queries, walk):
    """The same few for each batch, however many there are, and no recount."""
    workflow = a_workflow()
    ended = {} if walk == "expire" else {"status": EXPIRED, "ended_at": timezone.now() - timedelta(days=2)}

    def work(count):
        records(workflow, count, lives=-60, **ended)
        with django_assert_max_num_queries(1000) as queries:
            if walk == "expire":
                done = sessions.expire_sessions(batch_size=10)
            else:
                done = sessions.delete_sessions(older_than=timedelta(days=1), batch_size=10)
        assert done == count
        return shapes(queries)

    one, two, nine = work(10), work(20), work(90)
    batch, last = len(two) - len(one), 2 * len(one) - len(two)
    assert len(nine) == 9 * batch + last
    assert batch <= 5  # savepoint, the writer's lock of SQLite, read, write, release
    assert not any("COUNT" in shape for shape in nine)


@pytest.mark.django_db
def test_a_batch_does_not_read_again_what_earlier_ones_left(django_assert_max_num_queries):
    rows = records(a_workflow(), 4, lives=-60)
    with django_assert_max_num_queries(100) as queries:
        sessions.expire_sessions(batch_size=2)
    reads = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("SELECT")]
    assert len(reads) == 3
    assert str(rows[1].pk) in reads[1].split("WHERE")[1]
    assert str(rows[3].pk) in reads[2].split("WHERE")[1]


@pytest.mark.django_db(transaction=True)
def test_expire_on_another_database(tmp_path):
    workflow = a_workflow()
    records(workflow, 1, lives=-1)
    with second_database(tmp_path) as other:
        workflow.save(using=other, force_insert=True)
        ChatSession.objects.using(other).bulk_create([a_record(workflow, lives=-1), a_record(workflow, lives=-1)])
        assert sessions.expire_sessions(using=other) == 2
        assert set(ChatSession.objects.using(other).values_list("status", flat=True)) == {EXPIRED}
        assert statuses() == [ACTIVE]
        assert sessions.delete_sessions(older_than=timedelta(0), using=other) == 2
    assert sessions.expire_sessions() == 1


# Those that ended long ago


def ended(workflow, days, status=EXPIRED):
    return records(workflow, 1, status=status, ended_at=timezone.now() - timedelta(days=days))[0]


@pytest.mark.django_db
def test_delete():
    workflow = a_workflow()
    ended(workflow, 31)
    ended(workflow, 30.1, CANCELLED)
    kept = [ended(workflow, 29.9), ended(workflow, 0), *records(workflow, 1, lives=-86_400 * 40)]
    assert sessions.delete_sessions(older_than=timedelta(days=30)) == 2
    assert list(ChatSession.objects.order_by("id")) == kept
    assert sessions.delete_sessions(older_than=timedelta(days=30)) == 0


@pytest.mark.django_db
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11])
def test_delete_in_batches(monkeypatch, count):
    monkeypatch.setattr(batches, "CHUNK", 2)
    workflow, told = a_workflow(), []
    records(workflow, count, status=EXPIRED, ended_at=timezone.now() - timedelta(days=2))
    kept = ended(workflow, 0)
    arguments = {"older_than": timedelta(days=1), "batch_size": 5, "progress": told.append}
    assert sessions.delete_sessions(**arguments) == count
    assert list(ChatSession.objects.all()) == [kept]
    assert told == [*range(5, count + 1, 5), *([count] if count % 5 else [])]


@pytest.mark.django_db
def test_who_listens_to_deletions_hears_of_each_once():
    """The rows are locked before: two runs at once then tell of different ones."""
    records(a_workflow(), 3, lives=-5, status=EXPIRED, ended_at=timezone.now() - timedelta(days=2))
    heard_of: list[int] = []

    def listen(instance, **_kwargs):
        heard_of.append(instance.pk)

    post_delete.connect(listen, sender=ChatSession)
    try:
        with CaptureQueriesContext(connection) as queries:
            assert sessions.delete_sessions(older_than=timedelta(days=1)) == 3
    finally:
        post_delete.disconnect(listen, sender=ChatSession)
    assert len(set(heard_of)) == len(heard_of) == 3
    if connection.features.has_select_for_update:
        assert any("FOR UPDATE" in query["sql"] for query in queries)
