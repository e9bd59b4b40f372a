"""Trying a workflow out in the admin: what is sent, what comes back, and how it looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from .. import sessions
from ..models import Workflow
from ..models.look import ColorScheme, Layout
from ..sessions import Trial
from ..transactions import outside_transactions
from ..widget import widget_config
from .readonly import ReadableAdmin, configuration_table
from .request_preview import RequestPreview, Whom, obstacle

AS_SAVED = ("", _("as saved"))


class WhomForm(forms.Form):
    """For whom the request is shown, if not for the administrator who looks."""

    user = forms.CharField(label=_("User name"), max_length=254, required=False)


class LookForm(forms.Form):
    """How the live preview differs from what is saved."""

    layout = forms.ChoiceField(label=_("Place"), choices=[AS_SAVED, *Layout.choices], required=False)
    color_scheme = forms.ChoiceField(label=_("Colours"), choices=[AS_SAVED, *ColorScheme.choices], required=False)
    width = forms.ChoiceField(
        label=_("Width"), choices=[("", _("wide")), ("narrow", _("narrow, as on a phone"))], required=False
    )


class TryingAdmin(ReadableAdmin):
    """Adds the page *Try it out* to each workflow."""

    def get_urls(self) -> list[URLPattern]:
        """With the address of the page, which is never inside a transaction: OpenAI may take its time to answer."""
        view = outside_transactions(self.admin_site.admin_view(self.try_view))
        return [path("<path:object_id>/try/", view, name="django_chatkit_workflow_try"), *super().get_urls()]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def try_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The page; ``POST`` issues a test session."""
        workflow = self.get_object(request, unquote(object_id))
        if not self.has_view_or_change_permission(request, workflow):
            raise PermissionDenied
        if workflow is None:
            raise Http404(gettext("There is no such workflow."))
        outcome = Outcome(self._tried(request, workflow)) if request.method == "POST" else None
        whom, form = _whom(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Try out %(workflow)s") % {"workflow": workflow},
            "subtitle": outcome.headline if outcome else None,
            "original": workflow,
            "outcome": outcome,
            "may_test": _may_test(request),
            "whom_form": form,
            "preview": RequestPreview(workflow, whom) if whom else None,
            "widget": Widget(request, workflow),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "django_chatkit/admin/workflow_try.html", context)

    def _tried(self, request: HttpRequest, workflow: Workflow) -> Trial:
        if not _may_test(request):
            raise PermissionDenied
        trial = sessions.try_workflow(workflow, request=request)
        done = gettext("Issued a test session.") if trial.session else gettext("Tried in vain to issue a test session.")
        self.log_change(request, workflow, done)
        return trial


@dataclass(frozen=True)
class Outcome:
    """What a test session brought, to be shown."""

    trial: Trial

    @property
    def headline(self) -> str:
        """In one line, also for the window's title."""
        if not self.trial.problems:
            return gettext("The test session worked")
        return gettext("The test session found a problem")

    @property
    def rows(self) -> list[tuple[Any, str, str]]:
        """What the session really runs with, as far as the backend's answer says."""
        session = self.trial.session
        if session is None:
            return []
        seconds = math.ceil((session.expires_at - session.created_at).total_seconds())
        told = [
            (_("Session id"), session.session_id),
            (_("Lifetime"), ngettext("%d second", "%d seconds", seconds) % seconds),
            (_("Round-trip time"), gettext("%d ms") % math.ceil(self.trial.seconds * 1000)),
            (_("Agent") if self.trial.workflow.is_self_hosted else _("Workflow id"), session.workflow_id),
            (_("Version"), session.workflow_version or gettext("the latest deployed one")),
            (_("Tracing"), {None: "", True: gettext("on"), False: gettext("off")}[session.tracing_enabled]),
            (_("Requests per minute"), str(session.max_requests_per_1_minute or "")),
            (_("OpenAI's request id"), session.request_id),
        ]
        unversioned = _("Version") if self.trial.workflow.is_self_hosted else None
        return [(label, "", text) for label, text in told if text and label != unversioned]

    @property
    def configuration(self) -> SafeString | str:
        """The resolved ``chatkit_configuration``."""
        return configuration_table(self.trial.session.chatkit_configuration) if self.trial.session else ""


class Widget:
    """The live preview: whether it is open, how it looks, and why there is none."""

    def __init__(self, request: HttpRequest, workflow: Workflow) -> None:
        self.is_open = "preview" in request.GET
        self.form = LookForm(request.GET if self.is_open else None)
        self.form.is_valid()
        self._request = request
        self._workflow = workflow

    @property
    def look(self) -> dict[str, str]:
        """What is chosen, and nothing that is no choice."""
        return getattr(self.form, "cleaned_data", {})

    @cached_property
    def problem(self) -> str:
        """Why the administrator would see a dead widget."""
        try:
            widget_config(self._request, self._workflow)
        except ImproperlyConfigured as error:
            return str(error)
        return obstacle(self._workflow, self._request.user)


def _may_test(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("django_chatkit.test_workflow"))


def _may_name_users(request: HttpRequest) -> bool:
    opts = get_user_model()._meta
    codenames = (get_permission_codename(action, opts) for action in ("view", "change"))
    return any(request.user.has_perm(f"{opts.app_label}.{codename}") for codename in codenames)


def _whom(request: HttpRequest) -> tuple[Whom | None, WhomForm | None]:
    """For whom the request is shown (nobody, if there is no such user), and the form that asks for somebody."""
    named = _may_name_users(request)
    if request.GET.get("user") and not named:
        raise PermissionDenied
    form = WhomForm(request.GET) if named else None
    if "visitor" in request.GET:
        return Whom(), form
    if form is None or not form.is_valid() or not (name := form.cleaned_data["user"]):
        return (None if form and form.errors else Whom(request.user, request)), form
    return _named(request, name, form), form


def _named(request: HttpRequest, name: str, form: WhomForm) -> Whom | None:
    users = get_user_model()
    user = users._default_manager.filter(**{users.USERNAME_FIELD: name}).first()
    if user is None:
        form.add_error("user", gettext("There is no user of this name."))
        return None
    if user.pk == request.user.pk:
        return Whom(request.user, request)
    return Whom(user, hidden=not request.user.has_perm("django_chatkit.read_state_variables"))
