import django.db.models.deletion
import django.utils.timezone
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Tea",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("green", "Green"), ("oolong", "Oolong"), ("black", "Black"), ("herbal", "Herbal")],
                        max_length=10,
                    ),
                ),
                (
                    "caffeine",
                    models.CharField(
                        choices=[("none", "None"), ("little", "Little"), ("medium", "Medium"), ("much", "Much")],
                        max_length=10,
                    ),
                ),
                ("celsius", models.PositiveSmallIntegerField(verbose_name="brewing temperature, in °C")),
                ("minutes", models.PositiveSmallIntegerField(verbose_name="brewing time, in minutes")),
                ("price", models.DecimalField(decimal_places=2, max_digits=6, verbose_name="price of 100 g, in €")),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=20, unique=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("packing", "being packed"),
                            ("sent", "on its way"),
                            ("delivered", "delivered"),
                            ("cancelled", "cancelled"),
                        ],
                        default="packing",
                        max_length=10,
                    ),
                ),
                ("ordered_on", models.DateField(default=django.utils.timezone.localdate)),
                ("expected_on", models.DateField()),
                ("tracking_number", models.CharField(blank=True, max_length=30)),
                (
                    "delivery_cost",
                    models.DecimalField(
                        decimal_places=2, default=Decimal("3.90"), max_digits=6, verbose_name="delivery, in €"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="orders", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ("-ordered_on", "-number"),
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("bags", models.PositiveSmallIntegerField(default=1, verbose_name="bags of 100 g")),
                ("price", models.DecimalField(decimal_places=2, max_digits=6, verbose_name="price of a bag, in €")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="shop.order"
                    ),
                ),
                ("tea", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="shop.tea")),
            ],
        ),
    ]
