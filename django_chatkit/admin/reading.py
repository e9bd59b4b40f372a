"""Who may read conversations, and the log of who did."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Manager, Q
from django.http import HttpRequest

from ..models import ChatThread

PERMISSION = "read_conversations"
#: What the admin's log has room for.
MAX_REPR = 200


def may_read(user: Any) -> bool:
    """Whether the permission was granted to this user or to a group of theirs.

    That superusers may do anything does not count here: somebody has to grant it to them, if only they themselves,
    and the admin's log shows who did.
    """
    if not (user.is_active and user.is_staff):
        return False
    if not user.is_superuser:
        return bool(user.has_perm(f"django_chatkit.{PERMISSION}"))
    if not hasattr(user, "_chatkit_may_read"):  # as Django keeps permissions: for one request
        user._chatkit_may_read = _is_granted(user)
    return bool(user._chatkit_may_read)


def _is_granted(user: Any) -> bool:
    own, groups = (getattr(user, name, None) for name in ("user_permissions", "groups"))
    holders = Q(pk__in=own.values("pk")) if isinstance(own, Manager) else Q(pk=None)
    holders |= Q(group__in=groups.values("pk")) if isinstance(groups, Manager) else Q(pk=None)
    wanted = Permission.objects.filter(codename=PERMISSION, content_type__app_label="django_chatkit")
    return wanted.filter(holders).exists()


def log_look(request: HttpRequest, thread: ChatThread | None, what: str) -> None:
    """Write into the admin's log that the user of the request has seen ``what`` of this thread, or of the list."""
    reader: Any = request.user
    LogEntry.objects.create(
        user_id=reader.pk,
        content_type=ContentType.objects.get_for_model(ChatThread),
        object_id=None if thread is None else str(thread.pk),
        object_repr=(str(ChatThread._meta.verbose_name_plural) if thread is None else _name(thread))[:MAX_REPR],
        action_flag=CHANGE,  # the log knows no reading; the message says it
        change_message=what,
    )


def _name(thread: ChatThread) -> str:
    return f"{thread.thread_id} ({thread.user or thread.user_identifier})"
