"""The demo's users and its workflow. Loading them again repairs them and keeps what was changed in the admin."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import Group, User

from django_chatkit.models import ChatKitConfiguration, Workflow

from .assistant import CLUB

SLUG = "support"


@dataclass(frozen=True)
class Login:
    """A user whose password is the user name: for this demo only."""

    name: str
    who: str
    is_admin: bool = False
    in_club: bool = False


LOGINS = (
    Login("demo", "a visitor"),
    Login("mika", "another visitor, in the tea club", in_club=True),
    Login("admin", "the administrator", is_admin=True),
)


def load_users() -> None:
    """Make sure that everybody in ``LOGINS`` can log in."""
    club, _ = Group.objects.get_or_create(name=CLUB)
    for login in LOGINS:
        user, _ = User.objects.get_or_create(username=login.name)
        if not user.check_password(login.name):  # setting it again would end the user's logins
            user.set_password(login.name)
        user.is_active = True
        user.is_staff = user.is_superuser = login.is_admin
        user.save()
        if login.in_club:
            user.groups.add(club)


def load_workflow(workflow_id: str) -> None:
    """Make sure that ``support`` exists, is active and runs ``workflow_id``. Raises ``ValidationError``."""
    workflow = Workflow.objects.filter(slug=SLUG).first() or new_workflow()
    workflow.workflow_id = workflow_id
    workflow.is_active = True
    workflow.full_clean()
    workflow.save()


def new_workflow() -> Workflow:
    """The workflow as it is before anybody has edited it."""
    preset, _ = ChatKitConfiguration.objects.get_or_create(
        name="Help desk",
        defaults={
            "automatic_thread_titling_enabled": True,
            "file_upload_enabled": False,
            "history_enabled": True,
            "history_recent_threads": 20,
        },
    )
    return Workflow(
        slug=SLUG,
        name="Customer support",
        state_variables={"shop": "Kettle & Moss", "tone": "friendly", "max_sentences": 4},
        chatkit_configuration=preset,
        max_requests_per_1_minute=20,
    )


def current_workflow_id() -> str | None:
    """What ``support`` runs now, if it exists."""
    return Workflow.objects.filter(slug=SLUG).values_list("workflow_id", flat=True).first()
