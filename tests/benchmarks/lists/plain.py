"""What one would write instead: a plain ``ModelAdmin`` of the same columns and filters, and DRF's generic views.

What is known to be slow is left out: users are no drop-down list, and rows come with their workflow and user.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import TruncDay, TruncHour
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from rest_framework import generics, serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import IsAuthenticated

from django_chatkit.models import ChatSession, ChatThread, Workflow


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Records are evidence here, too."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PlainSessionAdmin(ReadOnlyAdmin):
    list_display = ("session_id", "workflow", "user", "status", "created_at")
    list_filter = ("status", "workflow", "created_at")
    list_select_related = ("workflow", "user")
    search_fields = ("session_id", "user__username", "user_identifier")
    date_hierarchy = "created_at"
    ordering = ("-id",)


class PlainThreadAdmin(ReadOnlyAdmin):
    list_display = ("thread_id", "user", "workflow", "updated_at")
    list_filter = ("workflow", "updated_at")
    list_select_related = ("workflow", "user")
    search_fields = ("thread_id", "user__username", "user_identifier")
    ordering = ("-updated_at",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


class PlainWorkflowAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """With a page of numbers for charts."""

    list_display = ("name", "slug", "backend", "is_active", "sessions_today", "last_session")
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workflow]:
        recent = Q(sessions__created_at__gte=timezone.now() - timedelta(days=1))
        rows: QuerySet[Workflow] = super().get_queryset(request)
        return rows.annotate(recent=Count("sessions", filter=recent), last_at=Max("sessions__created_at"))

    def sessions_today(self, workflow: Any) -> int:
        return int(workflow.recent)

    def last_session(self, workflow: Any) -> Any:
        return workflow.last_at

    def get_urls(self) -> list[Any]:
        return [path("statistics/", self.admin_site.admin_view(self.statistics)), *super().get_urls()]

    def statistics(self, request: HttpRequest) -> JsonResponse:
        """Of the last ``days``, and how many there were in as many days before."""
        days, now = int(request.GET["days"]), timezone.now()
        chosen = {"workflow__slug": request.GET["workflow"]} if "workflow" in request.GET else {}
        rows = ChatSession.objects.filter(**chosen).order_by()
        length = timedelta(days=days)
        recent = rows.filter(created_at__gte=now - length)
        part = TruncHour("created_at") if days == 1 else TruncDay("created_at")
        counts = recent.values_list(part, "workflow__name", "status").annotate(number=Count("pk"))
        before = rows.filter(created_at__gte=now - 2 * length, created_at__lt=now - length).count()
        return JsonResponse({"counts": list(counts), "before": before})


class PlainSessionSerializer(serializers.ModelSerializer[ChatSession]):
    workflow = serializers.SlugRelatedField("slug", read_only=True)  # type: ignore[var-annotated]

    class Meta:
        model = ChatSession
        fields = (
            "session_id",
            "expires_at",
            "status",
            "workflow",
            "max_requests_per_1_minute",
            "chatkit_configuration",
            "created_at",
            "ended_at",
        )


class Pages(PageNumberPagination):
    page_size = 20


class PlainSessionList(generics.ListAPIView[ChatSession]):
    permission_classes = (IsAuthenticated,)
    serializer_class = PlainSessionSerializer
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[ChatSession]:
        user: Any = self.request.user
        return ChatSession.objects.filter(user=user).select_related("workflow").order_by("-created_at")


class PlainSessionDetail(generics.RetrieveAPIView[ChatSession]):
    permission_classes = (IsAuthenticated,)
    serializer_class = PlainSessionSerializer
    lookup_field = "session_id"

    def get_queryset(self) -> QuerySet[ChatSession]:
        user: Any = self.request.user
        return ChatSession.objects.filter(user=user).select_related("workflow")


plain_site = admin.AdminSite("plain")
plain_site.register(ChatSession, PlainSessionAdmin)
plain_site.register(ChatThread, PlainThreadAdmin)
plain_site.register(Workflow, PlainWorkflowAdmin)
