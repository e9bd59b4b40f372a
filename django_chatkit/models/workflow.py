"""``Workflow``: what a page embeds."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, router
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..validators import MAX_INTEGER, validate_names, validate_state_variables
from .configuration import ChatKitConfiguration
from .look import Look

MAX_EXPIRES_AFTER = 600


def refuse_latest(version: str) -> None:
    """The API accepts the word ``latest`` as a version, and the chat then breaks."""
    if version.strip().lower() == "latest":
        raise ValidationError(
            _("OpenAI accepts “latest” here, but the chat then breaks. Leave this empty for the latest version."),
            code="latest",
        )


def known_api_key(name: str) -> None:
    """The key's name must be one the settings know; a key itself must never be typed in its place."""
    if name not in conf.API_KEYS:
        raise ValidationError(
            _("The API_KEYS setting has no entry of this name. Never enter a key itself here."), code="unknown_key"
        )


def known_agent(name: str) -> None:
    """The agent's name must be one the settings know. Nobody can name code to run by its path."""
    if name not in conf.AGENTS:
        raise ValidationError(_("The AGENTS setting has no entry of this name."), code="unknown_agent")


class StateVariablesDecoder(json.JSONDecoder):
    """PostgreSQL writes a large number without its exponent; what exceeds 64 bits was a float when it was stored."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_int=self._number, **options)

    @staticmethod
    def _number(digits: str) -> int | float:
        number = int(digits)
        return number if -MAX_INTEGER - 1 <= number <= MAX_INTEGER else float(digits)


class WorkflowQuerySet(models.QuerySet["Workflow"]):
    """How pages and the API find a workflow."""

    def embedded(self, slug: str | None = None) -> Workflow:
        """As ``named``, with all that issuing a session needs. One query: a join costs less than to ask for groups."""
        ready = self.select_related("chatkit_configuration")
        return (ready.annotate(a_group=F("groups")) if slug or conf.DEFAULT_WORKFLOW else ready).named(slug)

    def named(self, slug: str | None = None) -> Workflow:
        """The active workflow of this slug; without one, ``DEFAULT_WORKFLOW`` or the only active one. One query.

        Raises ``Workflow.DoesNotExist``.
        """
        slug = slug or conf.DEFAULT_WORKFLOW
        active = self.filter(is_active=True).order_by()
        found = list(active.filter(slug=slug)[:1] if slug else active[:2])
        if len(found) != 1 or (slug and found[0].slug != slug):  # MariaDB finds "SUPPORT" for "support"
            raise self.model.DoesNotExist("There is no such active workflow, or more than one and none is the default.")
        return found[0]


class Workflow(Look):
    """What a page embeds: who runs it, who may use it, and what its sessions are created with.

    A ``hosted`` workflow needs ``workflow_id``, a ``self_hosted`` one ``agent``. What the other backend needs is kept,
    so that a workflow moves, and moves back, by changing ``backend``.
    """

    class Backend(models.TextChoices):
        HOSTED = "hosted", _("OpenAI")
        SELF_HOSTED = "self_hosted", _("this site")

    slug = models.SlugField(
        _("slug"),
        unique=True,
        help_text=_(
            'What templates and the API call this workflow, as in {% chatkit "support" %}. Public; changing it breaks '
            "the pages that use it."
        ),
    )
    name = models.CharField(_("name"), max_length=100)
    backend = models.CharField(
        _("run by"),
        max_length=20,
        choices=Backend.choices,
        default=Backend.HOSTED,
        help_text=_("OpenAI closes the workflows that it runs on 30 November 2026."),
    )
    agent = models.CharField(
        _("agent"),
        max_length=100,
        blank=True,
        validators=[known_agent],
        help_text=_("For workflows that this site runs: an entry of the AGENTS setting."),
    )
    workflow_id = models.CharField(
        _("workflow id"),
        max_length=255,
        blank=True,
        validators=[RegexValidator(r"^[!-~]+\Z", _("A workflow id has no spaces and no accents."))],
        help_text=_("For workflows that OpenAI runs: wf_…, from its Agent Builder."),
    )
    version = models.CharField(
        _("version"),
        max_length=255,
        blank=True,
        validators=[refuse_latest],
        help_text=_("A deployed version of the workflow. Empty: the latest deployed one."),
    )
    state_variables = models.JSONField(
        _("state variables"),
        decoder=StateVariablesDecoder,
        default=dict,
        blank=True,
        validators=[validate_state_variables],
        help_text=_("What the workflow is told: at most 64 names of at most 64 characters, with their values."),
    )
    client_state_variables = models.JSONField(
        _("state variables the browser may set"),
        default=list,
        blank=True,
        validators=[validate_names],
        help_text=_("A page may set these, and no others. Never list one that a permission depends on."),
    )
    tracing_enabled = models.BooleanField(
        _("tracing"),
        null=True,
        blank=True,
        help_text=_("Whether OpenAI keeps traces of this workflow's runs. OpenAI's default: on."),
    )
    chatkit_configuration = models.ForeignKey(
        ChatKitConfiguration,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="workflows",
        verbose_name=_("ChatKit configuration"),
        help_text=_("Titles, uploads and history. Empty: OpenAI's defaults."),
    )
    expires_after = models.PositiveIntegerField(
        _("session lifetime, in seconds"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_EXPIRES_AFTER)],
        help_text=_("1 to 600 seconds; the page gets a new session by itself. OpenAI's default: 600."),
    )
    max_requests_per_1_minute = models.PositiveIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "How many messages may be sent in a minute, at least 1: in a session at OpenAI, by a visitor on this site. "
            "Default: 10."
        ),
    )
    api_key = models.CharField(
        _("API key"),
        max_length=100,
        blank=True,
        validators=[known_api_key],
        help_text=_("The name of an entry of the API_KEYS setting, never a key."),
    )
    allow_anonymous = models.BooleanField(
        _("open to visitors who are not logged in"),
        default=False,
        help_text=_("Each browser then gets a random identity of its own. Their use is billed to you."),
    )
    groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="+",
        verbose_name=_("groups"),
        help_text=_("Only members of these groups may use it. Empty: everyone who is logged in."),
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Clear this instead of deleting: no new sessions are issued.")
    )

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        ordering = ("name",)
        permissions = (("test_workflow", _("Can issue test sessions of workflows")),)
        constraints = (
            *Look.Meta.constraints,
            models.CheckConstraint(
                condition=Q(expires_after__isnull=True) | Q(expires_after__gte=1, expires_after__lte=MAX_EXPIRES_AFTER),
                name="chatkit_workflow_expires_after",
                violation_error_message=_("A session lives 1 to 600 seconds."),
            ),
            models.CheckConstraint(
                condition=Q(max_requests_per_1_minute__isnull=True) | Q(max_requests_per_1_minute__gte=1),
                name="chatkit_workflow_max_requests",
                violation_error_message=_("At least 1 request per minute."),
            ),
            models.CheckConstraint(
                condition=Q(backend="hosted") & ~Q(workflow_id="") | Q(backend="self_hosted") & ~Q(agent=""),
                name="chatkit_workflow_backend",
                violation_error_message=_("A workflow needs what its backend runs: a workflow id or an agent."),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def is_self_hosted(self) -> bool:
        """Whether this site runs it."""
        return self.backend == self.Backend.SELF_HOSTED

    @property
    def has_no_groups(self) -> bool:
        """Whether ``embedded`` has seen that there are none, so that nobody needs to ask for them."""
        return getattr(self, "a_group", self) is None

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """What a form leaves empty, or says is ``null``, is the field's own empty value: no database takes ``None``."""
        for field in self._meta.concrete_fields:
            if isinstance(field, models.JSONField) and getattr(self, field.attname) in field.empty_values:
                setattr(self, field.attname, field.get_default())
        super().clean_fields(exclude)

    def clean(self) -> None:
        """Each backend needs its own."""
        super().clean()
        if self.backend == self.Backend.HOSTED and not self.workflow_id:
            raise ValidationError({"workflow_id": _("A workflow that OpenAI runs needs OpenAI's id of it: wf_…")})
        if self.is_self_hosted and not self.agent:
            raise ValidationError({"agent": _("A workflow that this site runs needs an agent.")})

    def is_open_to(self, user: AbstractBaseUser | AnonymousUser | None) -> bool:
        """Whether ``groups`` admit this user. One query, of the database that is written to: a replica may not know
        yet who has left. ``None`` and anonymous users are members of nothing.
        """
        groups = getattr(user, "groups", None)
        own = groups if isinstance(groups, models.Manager) else Group.objects.none()  # a token's user has a list
        current = self.groups.using(router.db_for_write(Group, instance=self))
        admitted = current.annotate(mine=Exists(own.filter(pk=OuterRef("pk")))).values_list("mine", flat=True)
        return any(admitted) or not admitted

    def as_request(self, state_variables: dict[str, Any]) -> dict[str, Any]:
        """This workflow's part of the sessions request; unset fields are ``None``."""
        preset = self.chatkit_configuration
        return {
            "workflow": {
                "id": self.workflow_id,
                "version": self.version or None,
                "state_variables": state_variables or None,
                "tracing": {"enabled": self.tracing_enabled},
            },
            "chatkit_configuration": preset.as_request() if preset else None,
            "expires_after": {"anchor": "created_at", "seconds": self.expires_after} if self.expires_after else None,
            "rate_limits": {"max_requests_per_1_minute": self.max_requests_per_1_minute},
        }
