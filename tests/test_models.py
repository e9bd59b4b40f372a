from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from django_chatkit.models import ChatKitConfiguration, ChatSession, Workflow
from django_chatkit.models.workflow import StateVariablesDecoder

pytestmark = pytest.mark.django_db

LARGEST = 2**31 - 1


def made_workflow(slug="support", **fields):
    return Workflow.objects.create(**{"slug": slug, "name": slug.title(), "workflow_id": "wf_1", **fields})


def made_session(session_id="cksess_1", **fields):
    workflow = fields.pop("workflow", None) or Workflow.objects.first() or made_workflow()
    given = {"workflow": workflow, "workflow_id": "wf_1", "expires_at": timezone.now() + timedelta(minutes=10)}
    return ChatSession.objects.create(
        session_id=session_id, **{"user_identifier": "1", "user_key": "k", **given, **fields}
    )


#: Model, field, values that both the form and the database take, and values that both refuse.
RANGES = [
    (ChatKitConfiguration, "file_upload_max_file_size", [None, 1, 512], [0, 513, -1, LARGEST]),
    (ChatKitConfiguration, "file_upload_max_files", [None, 1, LARGEST], [0, -1]),
    (ChatKitConfiguration, "history_recent_threads", [None, 1, LARGEST], [0, -1]),
    (Workflow, "expires_after", [None, 1, 600], [0, 601, -1, LARGEST]),
    (Workflow, "max_requests_per_1_minute", [None, 1, LARGEST], [0, -1]),
]
GOOD = [(model, field, value) for model, field, good, _ in RANGES for value in good]
BAD = [(model, field, value) for model, field, _, bad in RANGES for value in bad]


def unsaved(model, **fields):
    if model is Workflow:
        return Workflow(**{"slug": "support", "name": "Support", "workflow_id": "wf_1", **fields})
    return ChatKitConfiguration(**{"name": "Preset", **fields})


@pytest.mark.parametrize(("model", "field", "value"), GOOD)
def test_limits_admit(model, field, value):
    item = unsaved(model, **{field: value})
    item.full_clean()
    item.save()
    item.refresh_from_db()
    assert getattr(item, field) == value


@pytest.mark.parametrize(("model", "field", "value"), BAD)
def test_limits_are_form_errors(model, field, value):
    with pytest.raises(ValidationError) as caught:
        unsaved(model, **{field: value}).full_clean()
    assert field in caught.value.message_dict


@pytest.mark.parametrize(("model", "field", "value"), BAD)
def test_limits_are_database_constraints(model, field, value):
    item = unsaved(model)
    item.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.filter(pk=item.pk).update(**{field: value})
    with pytest.raises(DatabaseError), transaction.atomic():
        item.delete()
        unsaved(model, **{field: value}).save()


@pytest.mark.parametrize("status", ["lost", "", "activated"])
def test_statuses_are_a_database_constraint(status):
    session = made_session()
    with pytest.raises(IntegrityError), transaction.atomic():
        ChatSession.objects.filter(pk=session.pk).update(status=status)


@pytest.mark.parametrize("status", ChatSession.Status.values)
def test_every_status_can_be_stored(status):
    session = made_session(status=status)
    session.refresh_from_db()
    assert session.status == status


def test_the_constraint_knows_every_status():
    (constraint,) = (one for one in ChatSession._meta.constraints if one.name == "chatkit_session_status")
    assert set(dict(constraint.condition.children)["status__in"]) == set(ChatSession.Status.values)


@pytest.mark.parametrize(
    ("model", "again"),
    [
        (ChatKitConfiguration, {"name": "Preset"}),
        (Workflow, {"slug": "support", "name": "Another"}),
    ],
)
def test_names_are_unique(model, again):
    unsaved(model).save()
    with pytest.raises(ValidationError, match="already exists"):
        unsaved(model, **again).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        unsaved(model, **again).save()


def test_session_ids_are_unique():
    made_session("cksess_1")
    with pytest.raises(IntegrityError), transaction.atomic():
        made_session("cksess_1")


@pytest.mark.parametrize("slug", ["a b", "ä", "a/b", "", "s" * 51])
def test_bad_slugs(slug):
    with pytest.raises(ValidationError) as caught:
        unsaved(Workflow, slug=slug).full_clean()
    assert list(caught.value.message_dict) == ["slug"]


@pytest.mark.parametrize("workflow_id", ["", "wf 1", "wf_é", "wf_1\n", " wf_1", "w" * 256])
def test_bad_workflow_ids(workflow_id):
    with pytest.raises(ValidationError) as caught:
        unsaved(Workflow, workflow_id=workflow_id).full_clean()
    assert list(caught.value.message_dict) == ["workflow_id"]


@pytest.mark.parametrize("version", ["latest", "LATEST", " Latest "])
def test_the_version_latest_is_refused_with_its_reason(version):
    with pytest.raises(ValidationError) as caught:
        unsaved(Workflow, version=version).full_clean()
    assert caught.value.message_dict == {
        "version": ["OpenAI accepts “latest” here, but the chat then breaks. Leave this empty for the latest version."]
    }


@pytest.mark.parametrize("version", ["", "1", "latest-1", "20260801"])
def test_other_versions_are_fine(version):
    unsaved(Workflow, version=version).full_clean()


def test_each_bad_state_variable_is_named():
    with pytest.raises(ValidationError) as caught:
        unsaved(Workflow, state_variables={"plan": None, "n" * 65: 1}).full_clean()
    (first, second) = caught.value.message_dict["state_variables"]
    assert first.startswith("“plan”: ")
    assert second.startswith("“nnn")


def test_each_bad_name_for_the_browser_is_named():
    with pytest.raises(ValidationError) as caught:
        unsaved(Workflow, client_state_variables=["page", 5]).full_clean()
    assert caught.value.message_dict["client_state_variables"] == ["“5”: a name is text of 1 to 64 characters."]


def test_state_variables_come_back_as_they_were():
    variables = {"text": "grüße 日本語 🎉", "int": 2**63 - 1, "float": 0.1, "yes": True, "": "", "quote": "'\""}
    workflow = made_workflow(state_variables=variables, client_state_variables=["page"])
    workflow.refresh_from_db()
    assert workflow.state_variables == variables
    types = {name: type(value) for name, value in workflow.state_variables.items()}
    assert types == {"text": str, "int": int, "float": float, "yes": bool, "": str, "quote": str}
    assert workflow.client_state_variables == ["page"]


@pytest.mark.parametrize("number", [1e19, -1e19, 1e300, 2.0**63, 1.5, 2**63 - 1, -(2**63)], ids=repr)
def test_a_number_comes_back_as_what_it_was(number):
    """PostgreSQL answers ``1e19`` without its exponent, which would be a whole number that is not admitted."""
    workflow = made_workflow(state_variables={"n": number})
    workflow.refresh_from_db()
    assert workflow.state_variables == {"n": number}
    workflow.full_clean()


@pytest.mark.parametrize(
    ("digits", "value"),
    [("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)), ("10000000000000000000", 1e19)],
)
def test_what_exceeds_64_bits_was_a_float(digits, value):
    decoded = json.loads(digits, cls=StateVariablesDecoder)
    assert (type(decoded), decoded) == (type(value), value)


def test_each_workflow_has_variables_of_its_own():
    Workflow().state_variables["a"] = 1
    Workflow().client_state_variables.append("a")
    assert (Workflow().state_variables, Workflow().client_state_variables) == ({}, [])


@pytest.mark.parametrize(("name", "admitted"), [("", True), ("second", True), ("third", False), ("sk-canary", False)])
def test_the_key_is_a_name_of_the_settings(settings, name, admitted):
    settings.DJANGO_CHATKIT = {"API_KEYS": {"second": "sk-2"}}
    workflow = unsaved(Workflow, api_key=name)
    if admitted:
        workflow.full_clean()
    else:
        with pytest.raises(ValidationError) as caught:
            workflow.full_clean()
        assert list(caught.value.message_dict) == ["api_key"]
        assert "canary" not in str(caught.value)


def test_a_preset_in_use_cannot_be_deleted():
    preset = ChatKitConfiguration.objects.create(name="Preset")
    workflow = made_workflow(chatkit_configuration=preset)
    with pytest.raises(ProtectedError):
        preset.delete()
    workflow.delete()
    preset.delete()


def test_a_workflow_in_use_cannot_be_deleted():
    session = made_session()
    with pytest.raises(ProtectedError):
        session.workflow.delete()
    assert Workflow.objects.filter(pk=session.workflow_pk).exists()
    session.delete()
    session.workflow.delete()


def test_a_group_in_use_can_be_deleted():
    group = Group.objects.create(name="staff")
    workflow = made_workflow()
    workflow.groups.add(group)
    group.delete()
    assert not workflow.groups.exists()


def test_the_record_outlives_its_user():
    user = User.objects.create(username="ada")
    session = made_session(user=user, user_identifier="user-1")
    user.delete()
    session.refresh_from_db()
    assert (session.user, session.user_identifier) == (None, "user-1")


def test_openais_workflow_id_is_not_the_foreign_key():
    workflow = made_workflow()
    session = made_session(workflow=workflow, workflow_id="wf_openai")
    found = ChatSession.objects.select_related("workflow").get(workflow=workflow, workflow_id="wf_openai")
    assert (found.workflow, found.workflow_pk, found.workflow_id) == (workflow, workflow.pk, "wf_openai")
    assert ChatSession.objects.values_list("workflow", "workflow_pk", "workflow__slug").get() == (
        workflow.pk,
        workflow.pk,
        "support",
    )
    assert list(workflow.sessions.all()) == [session]
    assert ChatSession.objects.defer("workflow").get().workflow == workflow
    assert ChatSession.objects.prefetch_related("workflow").get().workflow == workflow


def test_a_session_can_be_moved_to_another_workflow():
    session, other = made_session(), made_workflow("billing")
    session.workflow_pk = other.pk
    assert session.workflow == other
    session.save(update_fields=["workflow"])
    session.refresh_from_db()
    assert session.workflow == other


def test_records_survive_dumpdata():
    session = made_session(state_variables={"plan": "gold"}, user=User.objects.create(username="ada"))
    dumped = serializers.serialize("json", [session])
    session.delete()
    (again,) = serializers.deserialize("json", dumped)
    again.save()
    found = ChatSession.objects.get()
    assert (found.workflow_pk, found.workflow_id, found.state_variables) == (
        session.workflow_pk,
        "wf_1",
        {"plan": "gold"},
    )


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def _five_sessions(now):
    made_session("running", expires_at=now + timedelta(seconds=1))
    made_session("overdue", expires_at=now - timedelta(seconds=1))
    made_session("on the second", expires_at=now)
    ended = {"expires_at": now + timedelta(minutes=5), "ended_at": now - timedelta(days=1)}
    made_session("cancelled", status="cancelled", **ended)
    made_session("expired", status="expired", **ended)


def session_ids(sessions):
    return {session.session_id for session in sessions}


@pytest.mark.usefixtures("_five_sessions")
def test_active_needs_no_command_to_have_run(now):
    assert session_ids(ChatSession.objects.active(now)) == {"running"}


@pytest.mark.usefixtures("_five_sessions")
def test_stale_is_what_the_command_has_to_do(now):
    assert session_ids(ChatSession.objects.stale(now)) == {"overdue", "on the second"}


def test_active_and_stale_are_asked_of_the_present():
    made_session("running")
    made_session("overdue", expires_at=timezone.now() - timedelta(milliseconds=1))
    assert session_ids(ChatSession.objects.active()) == {"running"}
    assert session_ids(ChatSession.objects.stale()) == {"overdue"}


@pytest.mark.usefixtures("_five_sessions")
def test_ended_before(now):
    assert session_ids(ChatSession.objects.ended_before(now)) == {"cancelled", "expired"}
    assert session_ids(ChatSession.objects.ended_before(now - timedelta(days=1))) == set()


@pytest.mark.usefixtures("_five_sessions")
def test_queries_can_be_combined(now):
    assert ChatSession.objects.filter(session_id="running").active(now).exists()
    assert not ChatSession.objects.filter(session_id="overdue").active(now).exists()


@pytest.mark.parametrize(
    ("status", "lifetime", "shown"),
    [
        ("active", 60, "active"),
        ("active", -1, "expired"),
        ("active", 0, "expired"),
        ("cancelled", 60, "cancelled"),
        ("cancelled", -1, "cancelled"),
        ("expired", 60, "expired"),
    ],
)
def test_current_status(status, lifetime, shown):
    session = ChatSession(status=status, expires_at=timezone.now() + timedelta(seconds=lifetime))
    assert session.current_status == shown
    assert type(session.current_status) is str


@pytest.mark.parametrize(("session_id", "is_local"), [("cksess_1", False), ("local_1", True), ("cksess_local_", False)])
def test_is_local(session_id, is_local):
    assert ChatSession(session_id=session_id).is_local is is_local


def test_a_record_has_no_room_for_a_secret():
    """But for the digest of one of our own: 64 characters, which are the SHA-256 in hex."""
    (digest,) = [field for field in ChatSession._meta.get_fields() if "secret" in field.name]
    assert (digest.name, digest.max_length) == ("secret_digest", 64)


def test_microseconds_are_kept():
    moment = datetime(2026, 8, 1, 12, 0, 0, 123456, tzinfo=timezone.get_default_timezone())
    session = made_session(expires_at=moment)
    session.refresh_from_db()
    assert session.expires_at == moment


def test_the_longest_values_fit():
    session = made_session(
        "s" * 255,
        user_identifier="ü" * 512,
        user_key="k" * 64,
        login_key="l" * 64,
        request_id="r" * 128,
        workflow_id="w" * 255,
    )
    session.refresh_from_db()
    assert (len(session.session_id), len(session.user_identifier)) == (255, 512)


def test_newest_first():
    first, second = made_session("cksess_1"), made_session("cksess_2")
    assert list(ChatSession.objects.all()) == [second, first]


def test_they_are_shown_by_name():
    assert str(unsaved(ChatKitConfiguration)) == "Preset"
    assert str(unsaved(Workflow)) == "Support"
    assert str(ChatSession(session_id="cksess_1")) == "cksess_1"


def test_groups_of_a_workflow(django_assert_num_queries):
    staff, sales = Group.objects.create(name="staff"), Group.objects.create(name="sales")
    member, other, nobody = (User.objects.create(username=name) for name in ("member", "other", "nobody"))
    member.groups.add(staff, sales)
    other.groups.add(sales)
    workflow, everyones = made_workflow(), made_workflow("everyones")
    workflow.groups.add(staff, Group.objects.create(name="board"))
    expected = {member: True, other: False, nobody: False, AnonymousUser(): False, None: False}
    for user, admitted in expected.items():
        with django_assert_num_queries(1):
            assert workflow.is_open_to(user) is admitted
        with django_assert_num_queries(1):
            assert everyones.is_open_to(user) is True


def test_a_user_without_groups_is_a_member_of_nothing():
    workflow = made_workflow()
    assert workflow.is_open_to(object()) is True
    workflow.groups.add(Group.objects.create(name="staff"))
    assert workflow.is_open_to(object()) is False


def test_a_superuser_is_no_member_either():
    workflow = made_workflow()
    workflow.groups.add(Group.objects.create(name="staff"))
    assert workflow.is_open_to(User.objects.create(username="root", is_superuser=True)) is False


def test_embedded_by_slug(django_assert_num_queries):
    preset = ChatKitConfiguration.objects.create(name="Preset")
    made_workflow("support", chatkit_configuration=preset)
    made_workflow("billing")
    with django_assert_num_queries(1):
        found = Workflow.objects.embedded("support")
        assert (found.slug, found.chatkit_configuration) == ("support", preset)


@pytest.mark.parametrize(
    ("slugs", "default", "asked", "found"),
    [
        (["support"], None, None, "support"),
        (["support"], None, "", "support"),
        (["support", "billing"], "billing", None, "billing"),
        (["support", "billing"], "billing", "support", "support"),
        (["support", "billing"], None, None, None),
        (["support"], "billing", None, None),
        (["support"], None, "billing", None),
        (["support"], None, "SUPPORT", None),
        (["support"], None, "support ", None),
        (["support"], "Support", None, None),
        ([], None, None, None),
        ([], None, "support", None),
    ],
)
def test_which_workflow_is_meant(settings, slugs, default, asked, found):
    settings.DJANGO_CHATKIT = {"DEFAULT_WORKFLOW": default}
    for slug in slugs:
        made_workflow(slug)
    made_workflow("former", is_active=False)
    if found:
        assert Workflow.objects.embedded(asked).slug == found
    else:
        with pytest.raises(Workflow.DoesNotExist):
            Workflow.objects.embedded(asked)


def test_an_inactive_workflow_is_not_embedded():
    made_workflow("former", is_active=False)
    with pytest.raises(Workflow.DoesNotExist):
        Workflow.objects.embedded("former")


def test_request_of_a_workflow_where_nothing_is_set():
    assert unsaved(Workflow).as_request({}) == {
        "workflow": {"id": "wf_1", "version": None, "state_variables": None, "tracing": {"enabled": None}},
        "chatkit_configuration": None,
        "expires_after": None,
        "rate_limits": {"max_requests_per_1_minute": None},
    }


def test_request_of_a_workflow_where_everything_is_set():
    preset = ChatKitConfiguration(
        automatic_thread_titling_enabled=False,
        file_upload_enabled=True,
        file_upload_max_file_size=5,
        file_upload_max_files=3,
        history_enabled=False,
        history_recent_threads=7,
    )
    workflow = unsaved(
        Workflow,
        version="2",
        tracing_enabled=False,
        chatkit_configuration=preset,
        expires_after=60,
        max_requests_per_1_minute=4,
        state_variables={"not": "these"},
    )
    assert workflow.as_request({"plan": "gold"}) == {
        "workflow": {
            "id": "wf_1",
            "version": "2",
            "state_variables": {"plan": "gold"},
            "tracing": {"enabled": False},
        },
        "chatkit_configuration": {
            "automatic_thread_titling": {"enabled": False},
            "file_upload": {"enabled": True, "max_file_size": 5, "max_files": 3},
            "history": {"enabled": False, "recent_threads": 7},
        },
        "expires_after": {"anchor": "created_at", "seconds": 60},
        "rate_limits": {"max_requests_per_1_minute": 4},
    }


def test_request_of_an_empty_preset():
    workflow = unsaved(Workflow, chatkit_configuration=ChatKitConfiguration())
    assert workflow.as_request({})["chatkit_configuration"] == {
        "automatic_thread_titling": {"enabled": None},
        "file_upload": {"enabled": None, "max_file_size": None, "max_files": None},
        "history": {"enabled": None, "recent_threads": None},
    }


def test_indexes_of_the_table():
    """The expiry query walks (status, expires_at, id). No index is partial: MariaDB has no such thing."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, ChatSession._meta.db_table).values()
    columns = {tuple(index["columns"]) for index in found if index["index"]}
    assert columns >= {
        ("status", "expires_at", "id"),
        ("user_id", "id"),
        ("user_key", "id"),
        ("login_key",),
        ("ended_at", "id"),
        ("workflow_pk", "created_at"),
        ("created_at", "workflow_pk", "status", "expires_at"),
    }
    assert not any(index.condition for index in ChatSession._meta.indexes)
