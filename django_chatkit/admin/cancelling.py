"""Cancelling sessions in the admin: it asks first, ends within a bounded time, and says what was not done and why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import sessions
from ..conf import conf
from ..diagnosis import explain
from ..exceptions import ChatKitConfigurationRejected, ChatKitError, ChatKitNotConfigured
from ..models import ChatSession, ChatSessionQuerySet, Workflow
from ..transactions import outside_transactions

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[ChatSession]
else:
    BaseAdmin = admin.ModelAdmin

#: How many sessions are cancelled at a time: each is a request to OpenAI.
MAX_SESSIONS = 100
#: Seconds for all of them together: servers commonly give up on a request after 30.
PATIENCE = 20.0


class Failure(NamedTuple):
    """A session that is still active, and why."""

    session: ChatSession
    reason: str


@dataclass
class Outcome:
    """What became of each session."""

    cancelled: list[ChatSession] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


def cancel(active: Iterable[ChatSession]) -> Outcome:
    """Cancel them one after the other, for ``PATIENCE`` seconds at most. Those that need nobody else come first."""
    end, outcome = time.monotonic() + PATIENCE, Outcome()
    for session in sorted(active, key=lambda session: session.backend == Workflow.Backend.HOSTED):
        if reason := _failed(session, end - time.monotonic()):
            outcome.failures.append(Failure(session, reason))
        else:
            outcome.cancelled.append(session)
    return outcome


def _failed(session: ChatSession, seconds: float) -> str:
    """Why it could not be cancelled, or ``""``."""
    if seconds <= 0:
        return gettext("Not tried: the others took too long.")
    try:
        sessions.cancel_session(session, deadline=min(seconds, conf.DEADLINE))
    except (ChatKitError, ChatKitNotConfigured) as error:
        return _reason(error)
    return ""


def _reason(error: ChatKitError | ChatKitNotConfigured) -> str:
    """The diagnosis; but what OpenAI does not find here is a session, and not a workflow."""
    if isinstance(error, ChatKitConfigurationRejected) and error.status_code == HTTPStatus.NOT_FOUND:
        return gettext(
            "OpenAI does not know this session (404). Perhaps the workflow's API key has been changed since to one of "
            "another organization or project."
        )
    return explain(error).text


class CancellingAdmin(BaseAdmin):
    """Adds the action of the list, and the page behind the button of one session."""

    actions = ("cancel_selected",)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """A permission of its own: whoever may look may not therefore end other people's chats."""
        user: Any = request.user
        return bool(user.has_perm("django_chatkit.cancel_chatsession"))

    def get_urls(self) -> list[URLPattern]:
        """One more page for each session. None is in a transaction: it would be open while OpenAI is being called."""
        view = self.admin_site.admin_view(self.cancel_view)
        urls = [path("<int:pk>/cancel/", view, name="django_chatkit_chatsession_cancel"), *super().get_urls()]
        for url in urls:
            outside_transactions(url.callback)
        return urls

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Tells the template where the button leads, if there is one."""
        session: Any = context["original"]
        if session.current_status == ChatSession.Status.ACTIVE and self.has_cancel_permission(request):
            context["cancel_url"] = self._url("cancel", session.pk)
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.action(permissions=["cancel"], description=_("Cancel selected sessions"))
    def cancel_selected(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Asks, then cancels those of the selected ones that are still active."""
        active = queryset.active().order_by("expires_at", "id").values_list("pk", flat=True)
        chosen = list(active[: MAX_SESSIONS + 1])
        if len(chosen) > MAX_SESSIONS:
            text = gettext(
                "Nothing was cancelled: more than %(limit)d active sessions are selected. Select fewer, or ask whoever "
                "runs the server for: manage.py cancel_chatkit_sessions --user NAME, --workflow SLUG or --all"
            )
            self.message_user(request, text % {"limit": MAX_SESSIONS}, messages.ERROR)
            return None
        return self._asked(request, chosen, request.get_full_path())

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The same for one session; leads back to its page."""
        session = self.get_object(request, str(pk))
        if not (self.has_view_permission(request, session) and self.has_cancel_permission(request)):
            raise PermissionDenied
        if session is None:
            raise Http404("There is no such session.")
        back = self._url("change", pk)
        return self._asked(request, [pk], back) or HttpResponseRedirect(back)

    def _asked(self, request: HttpRequest, chosen: list[int], back: str) -> HttpResponse | None:
        """The question, or after the answer: what was not done, or the way back."""
        active = list(_active(chosen))
        if not active:
            self.message_user(request, gettext("Nothing to cancel: no session here is active."), messages.WARNING)
            return None
        if request.method != "POST" or "confirmed" not in request.POST:
            return self._page(request, active, [], back)
        outcome = cancel(active)
        self._report(request, outcome.cancelled)
        if not outcome.failures:
            return HttpResponseRedirect(back)
        return self._page(request, [failure.session for failure in outcome.failures], outcome.failures, back)

    def _report(self, request: HttpRequest, cancelled: list[ChatSession]) -> None:
        user: Any = request.user
        LogEntry.objects.log_actions(user.pk, cancelled, CHANGE, [{"changed": {"fields": ["status"]}}])
        count, local = len(cancelled), sum(session.is_local for session in cancelled)
        text = ngettext("%(count)d session cancelled.", "%(count)d sessions cancelled.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
        if local:
            text = ngettext(
                "OpenAI gave %(count)d of them no id: it is not used again, but an open chat can go on until it "
                "expires.",
                "OpenAI gave %(count)d of them no id: they are not used again, but open chats can go on until they "
                "expire.",
                local,
            )
            self.message_user(request, text % {"count": local}, messages.WARNING)

    def _page(
        self, request: HttpRequest, active: list[ChatSession], failures: list[Failure], back: str
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Not all sessions were cancelled") if failures else gettext("Cancel sessions?"),
            "subtitle": None,
            "media": self.media,
            "active": active,
            "workflows": sorted(Counter((session.workflow.name, session.workflow.slug) for session in active).items()),
            "failures": failures,
            "back": back,
            "count": len(active),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "django_chatkit/admin/cancel_sessions.html", context)

    def _url(self, page: str, pk: int) -> str:
        return reverse(f"{self.admin_site.name}:django_chatkit_chatsession_{page}", args=[pk])


def _active(chosen: list[int]) -> ChatSessionQuerySet:
    """From the database that is written to, with the workflows, which name the keys, and without big columns."""
    found = ChatSession.objects.using(router.db_for_write(ChatSession)).active().filter(pk__in=chosen)
    lean = found.select_related("workflow").defer("state_variables", "workflow__state_variables")
    return lean.order_by("expires_at", "id")
