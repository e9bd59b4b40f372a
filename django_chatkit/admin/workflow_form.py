"""The form of a workflow: rows instead of JSON, names of keys instead of keys, names of agents instead of paths."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..models import Workflow
from .defaults import DefaultableSelect, show_default_numbers
from .look import TEXTS, WIDGETS, LookText, show_unset
from .prompts import PromptsField
from .state_variables import StateVariablesField

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[Workflow]
else:
    BaseForm = forms.ModelForm


#: What each backend makes no use of.
IGNORED: dict[str, tuple[str, ...]] = {
    Workflow.Backend.HOSTED: ("agent",),
    Workflow.Backend.SELF_HOSTED: ("workflow_id", "version", "api_key"),
}


class WorkflowForm(BaseForm):
    """What the admin shows of a workflow. The model's own rules are checked as well."""

    state_variables = StateVariablesField(
        label=_("State variables"),
        help_text=_(
            "What the workflow is told at the start of each session, for example plan = gold: at most 64 variables, "
            "with names of at most 64 characters. Tick “a page may set it” to let a page send a value of its own "
            "instead; visitors can change what a page sends, so never tick a variable that a permission depends on. "
            "Empty rows are ignored."
        ),
    )
    prompts = PromptsField(
        label=_("Starter prompts"),
        help_text=_(
            "Buttons of an empty chat. The label is what the button says, the prompt is the message it sends for the "
            "visitor. The icon may be left empty, or be one of the list, or any of lucide.dev/icons, such as "
            "lucide:truck. Empty rows are ignored."
        ),
    )

    class Meta:
        field_classes = dict.fromkeys(TEXTS, LookText)
        widgets = {  # noqa: RUF012 - Django's own way to write it
            "agent": forms.Select,
            "api_key": forms.Select,
            "groups": forms.CheckboxSelectMultiple,
            "tracing_enabled": DefaultableSelect("tracing_enabled"),
            **WIDGETS,
        }
        help_texts = {  # noqa: RUF012
            "name": _("For you and other administrators; visitors do not see it."),
            "backend": _(
                "Who answers. You can change this at any time, and back: what the other one needs is kept, and "
                "conversations stay where they were held. OpenAI closes the workflows that it runs on 30 November 2026."
            ),
            "workflow_id": _("Needed if OpenAI runs the workflow: wf_…, from its Agent Builder."),
            "version": _(
                "If OpenAI runs the workflow: a version that is deployed there. Empty: the latest deployed one."
            ),
            "api_key": _(
                "If OpenAI runs the workflow: the name of an entry of the API_KEYS setting, never a key. If OpenAI "
                "does not find the workflow, its key almost always belongs to another organization or project."
            ),
            "groups": _("Only members of these groups may use it. None ticked: everyone who is logged in."),
            "expires_after": _(
                "1 to 600 seconds; then the page gets a new session by itself, and visitors notice nothing. Empty: "
                "OpenAI's default, 600."
            ),
            "max_requests_per_1_minute": _(
                "How many messages may be sent in a minute, at least 1: in a session at OpenAI, by a visitor on this "
                "site. Empty: the default, 10."
            ),
            "tracing_enabled": _("Whether OpenAI gets, and keeps, traces of what is said and done in this workflow."),
            "layout": _("Where the chat is on its page. On a phone the panel of the button fills the screen."),
            "color_scheme": _("Of the whole chat."),
            "radius": _("How round its buttons and fields are."),
            "density": _("How much room is left between its parts."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows: Any = self.fields
        if "state_variables" in rows:
            rows["state_variables"].remember(self.instance.state_variables, self.instance.client_state_variables)
        if "prompts" in rows:
            rows["prompts"].remember(self.instance.prompts)
        for name, choices in (("api_key", _key_names), ("agent", _agent_names)):
            if name in self.fields:
                select: Any = self.fields[name].widget
                select.choices = list(choices(getattr(self.instance, name)))
        if "agent" in self.fields:
            self.fields["agent"].help_text = _agent_help()
        show_default_numbers(self)
        show_unset(self)

    def _get_validation_exclusions(self) -> set[str]:
        """What the other backend needs must not stop this one: a key, say, that the settings have lost since."""
        ignored = IGNORED.get(self.cleaned_data.get("backend", ""), ())
        unchanged = {name for name in ignored if name not in self.changed_data}
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return excluded | unchanged

    def clean(self) -> dict[str, Any]:
        """A workflow is open to everybody or to groups, not both. Rows fill two columns."""
        data = super().clean() or {}
        if "state_variables" in data:
            rows: Any = self.fields["state_variables"]
            self.instance.client_state_variables = rows.client_names
        data |= {name: self.initial.get(name, "") for name in TEXTS.keys() & data.keys() - set(self.changed_data)}
        if data.get("allow_anonymous") and data.get("groups"):
            self.add_error(
                "allow_anonymous",
                _("Visitors who are not logged in belong to no group. Clear this, or remove the groups."),
            )
        return data


def _key_names(stored: str) -> Iterator[tuple[str, Any]]:
    """The names an administrator may choose; a stored one that the settings have lost stays visible."""
    yield "", _("default key") if conf.API_KEY else _("default key (the settings have none)")
    yield from ((name, name) for name in conf.API_KEYS)
    if stored and stored not in conf.API_KEYS:
        yield stored, _("%(name)s (no longer in the settings)") % {"name": stored}


def _agent_names(stored: str) -> Iterator[tuple[str, Any]]:
    yield "", _("none") if conf.AGENTS else _("none (the settings have none)")
    yield from ((name, name) for name in conf.AGENTS)
    if stored and stored not in conf.AGENTS:
        yield stored, _("%(name)s (no longer in the settings)") % {"name": stored}


def _agent_help() -> Any:
    """What is still to be done, and by whom; else what to choose."""
    if not conf.AGENTS:
        return _(
            "There are no agents yet. A developer has to write one and name it in the settings: "
            "DJANGO_CHATKIT = {'AGENTS': {'support': 'path.to.the_agent'}}."
        )
    if find_spec("chatkit") is None:
        return _("A developer has to install what agents need: pip install 'django-openai-chatkit[server]'.")
    return _(
        "Needed if this site runs the workflow: the program that answers. Developers add agents in the settings, "
        "under AGENTS."
    )
