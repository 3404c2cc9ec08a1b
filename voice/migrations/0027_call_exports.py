import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("voice", "0026_roll_ups"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CallExport",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("query", models.CharField(blank=True, help_text="The search, its numbers masked.", max_length=1000)),
                ("format", models.CharField(max_length=20)),
                ("columns", models.JSONField(default=list)),
                ("shows_numbers", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                            ("broken_off", "broken off"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("bound", models.DateTimeField(help_text="No call that began later is in it.")),
                ("rows", models.BigIntegerField(default=0)),
                ("reached", models.DateTimeField(help_text="When the last call that was written began.", null=True)),
                ("digest", models.CharField(blank=True, help_text="SHA-256 of the whole file.", max_length=64)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("begun_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["user", "-begun_at"], name="export_by_user"),
                    models.Index(condition=models.Q(("state", "running")), fields=["seen_at"], name="export_running"),
                    models.Index(fields=["begun_at"], name="export_by_age"),
                ],
            },
        ),
    ]
