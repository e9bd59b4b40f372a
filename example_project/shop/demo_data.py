"""The demo's users, teas, orders and workflow. Loading them again repairs them and keeps what was edited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.contrib.auth.models import Group, User
from django.utils import timezone

from django_chatkit.models import ChatKitConfiguration, Workflow

from .assistant import CLUB, DELIVERY_COST
from .models import Order, Tea

SLUG = "support"
AGENT = "shop-assistant"
PRESET = "Help desk"
UPLOADS = {"file_upload_enabled": True, "file_upload_max_file_size": 2, "file_upload_max_files": 3}
#: In the colours of the shop. Each prompt has what its button says, and what it sends.
LOOK = {
    "accent": "#3f6b4f",
    "radius": "round",
    "title": "Help desk",
    "greeting": "What can we do for you?",
    "prompts": [
        {
            "label": "Where is my parcel?",
            "prompt": "I ordered tea last week. Where is my parcel?",
            "icon": "lucide:truck",
        },
        {
            "label": "Tea for the evening",
            "prompt": "Which of your teas have no caffeine?",
            "icon": "lucide:moon",
        },
        {
            "label": "My green tea is bitter",
            "prompt": "My green tea turns out bitter. What am I doing wrong?",
            "icon": "circle-question",
        },
    ],
    "placeholder": "Ask about a tea or an order",
    "disclaimer": "A program answers here, and may be wrong.",
    "frame_title": "Help desk of Kettle & Moss",
}


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
#: Name, kind, caffeine, °C, minutes, price of 100 g.
TEAS = (
    ("Sencha", Tea.Kind.GREEN, Tea.Caffeine.MEDIUM, 75, 2, "7.90"),
    ("Genmaicha", Tea.Kind.GREEN, Tea.Caffeine.LITTLE, 80, 2, "6.50"),
    ("Iron Goddess", Tea.Kind.OOLONG, Tea.Caffeine.MEDIUM, 90, 3, "9.80"),
    ("Darjeeling", Tea.Kind.BLACK, Tea.Caffeine.MUCH, 95, 3, "8.40"),
    ("Assam", Tea.Kind.BLACK, Tea.Caffeine.MUCH, 96, 4, "5.90"),
    ("Peppermint", Tea.Kind.HERBAL, Tea.Caffeine.NONE, 100, 7, "4.20"),
    ("Chamomile", Tea.Kind.HERBAL, Tea.Caffeine.NONE, 100, 7, "4.60"),
    ("Rooibos", Tea.Kind.HERBAL, Tea.Caffeine.NONE, 100, 6, "4.90"),
)


@dataclass(frozen=True)
class DemoOrder:
    """An order, its days counted from today."""

    number: str
    login: str
    status: Order.Status
    ordered: int
    expected: int
    bags: dict[str, int]
    tracking_number: str = ""

    @property
    def days(self) -> dict[str, date]:
        today = timezone.localdate()
        return {
            "ordered_on": today + timedelta(days=self.ordered),
            "expected_on": today + timedelta(days=self.expected),
        }


ORDERS = (
    DemoOrder("KM-1018", "demo", Order.Status.DELIVERED, -40, -37, {"Assam": 2, "Rooibos": 1}, "KM 4471 0093 1"),
    DemoOrder("KM-1042", "demo", Order.Status.SENT, -6, 1, {"Sencha": 2, "Peppermint": 1}, "KM 4471 2286 7"),
    DemoOrder("KM-1047", "demo", Order.Status.PACKING, -1, 3, {"Darjeeling": 1}),
    DemoOrder("KM-1025", "mika", Order.Status.DELIVERED, -21, -18, {"Iron Goddess": 1}, "KM 4471 1130 2"),
    DemoOrder("KM-1044", "mika", Order.Status.SENT, -4, 2, {"Genmaicha": 3, "Chamomile": 2}, "KM 4471 2310 4"),
    DemoOrder("KM-1040", "admin", Order.Status.SENT, -7, 0, {"Assam": 5}, "KM 4471 2207 3"),
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


def load_shop() -> None:
    """Make sure that the teas and orders are there. Days are counted from today: a parcel is always on its way."""
    for name, kind, caffeine, celsius, minutes, price in TEAS:
        brewing = {"celsius": celsius, "minutes": minutes, "price": Decimal(price)}
        Tea.objects.get_or_create(name=name, defaults={"kind": kind, "caffeine": caffeine, **brewing})
    in_club = {login.name for login in LOGINS if login.in_club}
    for known in ORDERS:
        order, created = Order.objects.update_or_create(
            number=known.number,
            defaults=known.days,
            create_defaults={
                **known.days,
                "user": User.objects.get(username=known.login),
                "status": known.status,
                "tracking_number": known.tracking_number,
                "delivery_cost": 0 if known.login in in_club else DELIVERY_COST,
            },
        )
        if created:
            add_lines(order, known.bags)


def add_lines(order: Order, bags: dict[str, int]) -> None:
    """So many bags of each tea, at today's prices."""
    for tea in Tea.objects.filter(name__in=bags):
        order.lines.create(tea=tea, bags=bags[tea.name], price=tea.price)


def load_workflow(workflow_id: str | None, *, hosted: bool = False) -> Workflow:
    """Make sure that ``support`` exists and is active; who runs it is left as it is unless ``hosted``.

    ``workflow_id`` is OpenAI's, for when it runs the workflow; ``None`` keeps it. Raises ``ValidationError``.
    """
    workflow = Workflow.objects.filter(slug=SLUG).first() or Workflow(slug=SLUG, name="Customer support")
    if not workflow.agent:
        set_up(workflow)
    if not has_look(workflow):
        for name, value in LOOK.items():
            setattr(workflow, name, value)
    if hosted:
        workflow.backend = Workflow.Backend.HOSTED
    workflow.workflow_id = workflow.workflow_id if workflow_id is None else workflow_id
    workflow.is_active = True
    workflow.full_clean()
    workflow.save()
    return workflow


def set_up(workflow: Workflow) -> None:
    """As it is before anybody has edited it: this site runs it.

    A workflow without an agent is new, or from the time when only OpenAI ran workflows. Of that one, the name and
    whatever else was edited stay.
    """
    workflow.backend, workflow.agent = Workflow.Backend.SELF_HOSTED, AGENT
    workflow.state_variables = workflow.state_variables or {
        "shop": "Kettle & Moss",
        "tone": "friendly",
        "max_sentences": 4,
    }
    workflow.max_requests_per_1_minute = workflow.max_requests_per_1_minute or 20
    # Only the preset as an earlier version of this demo left it.
    ChatKitConfiguration.objects.filter(
        name=PRESET, file_upload_enabled=False, file_upload_max_file_size=None, file_upload_max_files=None
    ).update(**UPLOADS)
    workflow.chatkit_configuration = workflow.chatkit_configuration or load_preset()


def has_look(workflow: Workflow) -> bool:
    """Whether somebody has chosen anything about how the chat looks and greets."""
    return any(getattr(workflow, name) for name in LOOK)


def load_preset() -> ChatKitConfiguration:
    """Titles, a little history and small files."""
    preset, _ = ChatKitConfiguration.objects.get_or_create(
        name=PRESET,
        defaults={
            "automatic_thread_titling_enabled": True,
            "history_enabled": True,
            "history_recent_threads": 20,
            **UPLOADS,
        },
    )
    return preset


def current_workflow() -> Workflow | None:
    """``support``, if it exists."""
    return Workflow.objects.filter(slug=SLUG).first()
