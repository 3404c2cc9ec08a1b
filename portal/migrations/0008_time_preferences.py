"""Adds in which zone and order a person reads times."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portal", "0007_list_indexes"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.CreateModel(
            name="TimePreference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="time_preference",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                (
                    "order",
                    models.CharField(
                        choices=[
                            ("iso", "2026-11-28 21:05:09"),
                            ("dots", "28.11.2026 21:05:09"),
                            ("slashes", "28/11/2026 21:05:09"),
                            ("american", "11/28/2026 9:05:09 PM"),
                        ],
                        default="iso",
                        max_length=10,
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
    ]
