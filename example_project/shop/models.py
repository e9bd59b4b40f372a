"""What the shop sells and who ordered it: the data that the assistant looks up."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone

from .assistant import DELIVERY_COST


class Tea(models.Model):
    """One kind of tea. Prices are in euros for 100 grams."""

    class Kind(models.TextChoices):
        GREEN = "green"
        OOLONG = "oolong"
        BLACK = "black"
        HERBAL = "herbal"

    class Caffeine(models.TextChoices):
        NONE = "none"
        LITTLE = "little"
        MEDIUM = "medium"
        MUCH = "much"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    caffeine = models.CharField(max_length=10, choices=Caffeine.choices)
    celsius = models.PositiveSmallIntegerField("brewing temperature, in °C")
    minutes = models.PositiveSmallIntegerField("brewing time, in minutes")
    price = models.DecimalField("price of 100 g, in €", max_digits=6, decimal_places=2)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class OrderQuerySet(models.QuerySet["Order"]):
    """How the assistant finds orders: never without the user whose they are."""

    def of(self, user: models.Model | None) -> OrderQuerySet:
        """The orders of this user; none for a visitor who is not logged in."""
        return self.filter(user=user).prefetch_related("lines__tea") if user else self.none()

    def numbered(self, number: str) -> Order | None:
        """The order of this number, if it is among these."""
        return self.filter(number=number.strip().upper()).first()

    def current(self, *statuses: Order.Status) -> Order | None:
        """The newest order of the first of these statuses that there is; failing that, the newest one."""
        found = (self.filter(status=status).first() for status in statuses)
        return next(filter(None, found), None) or self.first()

    def cancel(self, number: str) -> bool:
        """Cancel it if it is still here, and say whether it was: one statement, so that two clicks cancel it once."""
        here = self.filter(number=number, status=Order.Status.PACKING)
        return bool(here.update(status=Order.Status.CANCELLED))


class Order(models.Model):
    """One order of one visitor."""

    class Status(models.TextChoices):
        PACKING = "packing", "being packed"
        SENT = "sent", "on its way"
        DELIVERED = "delivered", "delivered"
        CANCELLED = "cancelled", "cancelled"

    OPEN = (Status.PACKING, Status.SENT)

    number = models.CharField(max_length=20, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="orders")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PACKING)
    ordered_on = models.DateField(default=timezone.localdate)
    expected_on = models.DateField()
    tracking_number = models.CharField(max_length=30, blank=True)
    delivery_cost = models.DecimalField("delivery, in €", max_digits=6, decimal_places=2, default=DELIVERY_COST)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ("-ordered_on", "-number")

    def __str__(self) -> str:
        return self.number

    @property
    def can_be_cancelled(self) -> bool:
        """Only what has not left the shop yet."""
        return self.status == self.Status.PACKING

    @property
    def total(self) -> Decimal:
        """Everything together, in euros."""
        return sum((line.cost for line in self.lines.all()), self.delivery_cost)


class OrderLine(models.Model):
    """So many bags of one tea."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    tea = models.ForeignKey(Tea, on_delete=models.PROTECT)
    bags = models.PositiveSmallIntegerField("bags of 100 g", default=1)
    price = models.DecimalField("price of a bag, in €", max_digits=6, decimal_places=2)

    def __str__(self) -> str:
        return f"{self.bags} × {self.tea}"  # noqa: RUF001

    @property
    def cost(self) -> Decimal:
        """The bags together, in euros."""
        return self.bags * self.price
