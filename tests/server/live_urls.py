"""The chat as a site has it, and addresses for tests: a session for anybody, and what the process holds."""

from __future__ import annotations

import gc
import threading
from collections import deque
from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.db import connection, connections
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from django_chatkit import sessions
from django_chatkit.models import ChatItem, ChatKitConfiguration, Workflow


def issue(request: HttpRequest) -> JsonResponse:
    """A session for ``user`` in the workflow of the agent ``agent``, which is made if it is not there."""
    agent = request.GET.get("agent", "full")
    preset, _ = ChatKitConfiguration.objects.get_or_create(name="files", defaults={"file_upload_enabled": True})
    fields = {
        "name": agent,
        "backend": "self_hosted",
        "agent": agent,
        "max_requests_per_1_minute": int(request.GET.get("rate", 10_000)),
        "chatkit_configuration": preset,
    }
    workflow, _ = Workflow.objects.get_or_create(slug=request.GET.get("slug", agent), defaults=fields)
    issued = sessions.create_session(workflow, user_identifier=request.GET["user"])
    return JsonResponse({"client_secret": str(issued.client_secret), "url": f"/chatkit/chat/{workflow.slug}/"})


def held(request: HttpRequest) -> JsonResponse:
    """Streams that run in this process, its threads, its connections to the database, and drafts in there."""
    from django_chatkit.server import streaming

    answer: dict[str, Any] = {
        "streams": len(streaming._running),
        "threads": threading.active_count(),
        "connections": _connections(),
        "drafts": ChatItem.objects.filter(is_draft=True).count(),
    }
    connections.close_all()
    return JsonResponse(answer)


def _connections() -> int:
    if connection.vendor == "sqlite":
        database = Path(connection.settings_dict["NAME"])
        return sum(file.resolve() == database for file in Path("/proc/self/fd").iterdir())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND backend_type = 'client backend'"
            if connection.vendor == "postgresql"
            else "SELECT count(*) FROM information_schema.processlist WHERE db = database()"
        )
        return int(cursor.fetchone()[0])


def objects(request: HttpRequest) -> JsonResponse:
    """How many objects live in this process, counting what is in lists, dictionaries and sets.

    Not the statements that SQLite prepares, of which each connection keeps the last 128, and not the counted requests,
    of which Django's cache keeps 300.
    """
    cache.clear()
    gc.collect()
    found = [known for known in gc.get_objects() if type(known).__name__ != "Statement"]
    inside = sum(len(known) for known in found if issubclass(type(known), dict | list | set | deque))
    return JsonResponse({"objects": len(found) + inside})


urlpatterns = [
    path("chatkit/", include("django_chatkit.urls")),
    path("issue/", issue),
    path("held/", held),
    path("objects/", objects),
]
