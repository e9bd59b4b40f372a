"""Conversations of self-hosted workflows in the admin: for those who were explicitly allowed to read them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Prefetch, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import sessions
from ..models import ChatAttachment, ChatItem, ChatThread, Workflow
from ..server.files import StorageFailed, UploadRefused, opened, safe_name
from .conversations import page_of, status_of, title_of
from .lists import BoundedPaginator, LeanChangeList, WorkflowFilter, exact_matches
from .reading import log_look, may_read

if TYPE_CHECKING:
    BaseAdmin = admin.ModelAdmin[ChatThread]
else:
    BaseAdmin = admin.ModelAdmin


@admin.register(ChatThread)
class ChatThreadAdmin(BaseAdmin):
    """Lists, shows and deletes threads, behind a permission that nobody has unless it is granted. Looks are logged."""

    list_display = ("shown_title", "who", "workflow", "updated_at")
    list_filter = (("workflow", WorkflowFilter), "updated_at")
    list_select_related = ()
    list_prefetch = (Prefetch("workflow", Workflow.objects.only("name")), "user")
    list_defer = ()
    ordering = ("-updated_at", "-id")
    sortable_by = ("updated_at",)
    search_fields = ("thread_id",)
    search_help_text = _("A thread id, a user name or a user identifier, in full.")
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "django_chatkit/admin/bounded_list.html"

    class Media:
        css = {"all": ["django_chatkit/admin/pages.css"]}  # noqa: RUF012 - Django's own way to write it

    # Who

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Only readers see that there is something to read."""
        return may_read(request.user)

    def has_view_permission(self, request: HttpRequest, obj: ChatThread | None = None) -> bool:
        """Being a superuser is not enough."""
        return may_read(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Visitors begin threads."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChatThread | None = None) -> bool:
        """Nobody puts words into other people's mouths."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ChatThread | None = None) -> bool:
        """Who may read a thread may delete it."""
        return may_read(request.user)

    # The list

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """The address bar searches no texts."""
        return not lookup.startswith(("payload", "user_key")) and super().lookup_allowed(lookup, value, request)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Users and workflows' names at once."""
        return LeanChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Exact matches only: each has an index."""
        return exact_matches(queryset, "thread_id", search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list. Titles say what people talked about, so looking at them is logged, too."""
        response = super().changelist_view(request, extra_context)
        changes = (getattr(response, "context_data", None) or {}).get("cl")
        if changes is not None and (count := len(changes.result_list)):
            seen = ngettext("Saw the title of %d conversation.", "Saw the titles of %d conversations.", count) % count
            log_look(request, None, f"{seen} {request.GET.urlencode()}".strip())
        return response

    @admin.display(description=_("title"))
    def shown_title(self, thread: ChatThread) -> str:
        """The title, or else the id."""
        return title_of(thread) or thread.thread_id

    @admin.display(description=_("user"))
    def who(self, thread: ChatThread) -> str:
        """The user's name; the identifier of somebody who was not logged in, or is gone."""
        return str(thread.user or thread.user_identifier)

    @admin.display(description=_("status"))
    def status(self, thread: ChatThread) -> str:
        """Whether the visitor can still write in it."""
        return status_of(thread)

    # One conversation

    def get_urls(self) -> list[URLPattern]:
        """With the address of an attachment's file."""
        name = "django_chatkit_chatthread_attachment"
        view = self.admin_site.admin_view(self.download_view)
        return [path("<int:thread>/attachments/<int:attachment>/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The conversation, page by page."""
        if request.method not in ("GET", "HEAD") or not may_read(request.user):
            raise PermissionDenied
        thread = self.get_object(request, unquote(object_id))
        if thread is None:
            raise Http404("There is no such thread.")
        after, before = _number(request.GET.get("after")), _number(request.GET.get("before"))
        log_look(request, thread, " ".join(["Read the conversation.", request.GET.urlencode()]).strip())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": self.shown_title(thread),
            "subtitle": None,
            "original": thread,
            "thread": thread,
            "status": self.status(thread),
            "page": page_of(thread, after=after, before=before, newest="newest" in request.GET),
            "media": self.media,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "django_chatkit/admin/conversation.html", context)

    def download_view(self, request: HttpRequest, thread: int, attachment: int) -> HttpResponseBase:
        """The file of an attachment, always to be saved and never to be shown: a visitor made it."""
        if not may_read(request.user):
            raise PermissionDenied
        found = ChatAttachment.objects.filter(pk=attachment).exclude(file="").select_related("thread").first()
        if found is None or found.thread is None or found.thread.pk != thread:
            raise Http404("There is no such attachment, or its file is gone.")
        name = _file_name(found)
        log_look(request, found.thread, f"Downloaded “{name}” ({found.attachment_id}).")
        try:
            file = opened(found.file)
        except (FileNotFoundError, StorageFailed):
            self.message_user(request, gettext("The storage does not have this file, or fails."), messages.ERROR)
            return HttpResponseRedirect(
                reverse(f"{self.admin_site.name}:django_chatkit_chatthread_change", args=[thread])
            )
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
        return FileResponse(
            file, as_attachment=True, filename=name, content_type="application/octet-stream", headers=headers
        )

    # Deleting

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django would load and list every item."""
        threads = list(objs)
        items = ChatItem.objects.filter(thread__in=[thread.pk for thread in threads]).count()
        counts = {self.opts.verbose_name_plural: len(threads), ChatItem._meta.verbose_name_plural: items}
        return [str(thread) for thread in threads], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: ChatThread) -> None:
        """With its items, attachments and files."""
        self.delete_queryset(request, ChatThread.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ChatThread]) -> None:
        """Files are deleted after the commit; those that cannot be are a matter for ``purge_chatkit_threads``."""
        purge = sessions.delete_threads(queryset)
        transaction.on_commit(lambda: self._report(request, purge), using=purge.using)

    def _report(self, request: HttpRequest, purge: sessions.Purge) -> None:
        if purge.failures:
            text = gettext("%d files could not be deleted. purge_chatkit_threads will try again.")
            self.message_user(request, text % len(purge.failures), messages.WARNING)


def _file_name(attachment: ChatAttachment) -> str:
    try:
        return safe_name(str(json.loads(attachment.payload)["name"]))
    except (ValueError, LookupError, TypeError, UploadRefused):
        return "attachment"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None
