"""The shop's teas and orders in the admin: what is changed here is what the assistant answers next."""

from __future__ import annotations

from django.contrib import admin

from .models import Order, OrderLine, Tea


@admin.register(Tea)
class TeaAdmin(admin.ModelAdmin):
    list_display = ("name", "kind", "caffeine", "celsius", "minutes", "price")
    list_filter = ("kind", "caffeine")
    search_fields = ("name",)


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    extra = 0


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ("number", "user", "status", "ordered_on", "expected_on")
    list_filter = ("status",)
    list_select_related = ("user",)
    search_fields = ("number", "user__username", "tracking_number")
    inlines = (OrderLineInline,)
