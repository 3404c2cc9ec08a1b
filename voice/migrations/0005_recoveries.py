import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portal", "0002_saved_filters"), ("voice", "0004_conferences")]

    operations = [
        migrations.CreateModel(
            name="Recovery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("requested_by", models.CharField(max_length=200)),
                ("started_at", models.DateTimeField(help_text="When it was asked for; once it runs, when it began.")),
                ("seen_alive_at", models.DateTimeField(help_text="One that runs and is silent for long was killed.")),
                ("finished_at", models.DateTimeField(null=True)),
                ("since", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
                (
                    "deliveries_read",
                    models.PositiveIntegerField(default=0, help_text="Failed deliveries in Telnyx's list."),
                ),
                ("events_recovered", models.PositiveIntegerField(default=0)),
                (
                    "calls_ended",
                    models.PositiveIntegerField(default=0, help_text="Calls whose hang-up was among them."),
                ),
                (
                    "calls_found",
                    models.PositiveIntegerField(default=0, help_text="Live calls the portal had not heard of."),
                ),
                (
                    "calls_lost",
                    models.PositiveIntegerField(default=0, help_text="Calls closed because their end is nowhere."),
                ),
                ("problem", models.TextField(blank=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.telnyxaccount"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "recoveries",
                "ordering": ["-started_at", "-id"],
                "permissions": [("recover_events", "Can look for missed events now")],
                "default_permissions": ("view",),
            },
        ),
        migrations.AddIndex(
            model_name="recovery",
            index=models.Index(fields=["account", "-started_at"], name="recovery_by_account"),
        ),
        migrations.AddConstraint(
            model_name="recovery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("queued", "running"))),
                fields=("account",),
                name="one_recovery_at_a_time",
            ),
        ),
        migrations.AddIndex(
            model_name="callevent",
            index=models.Index(
                condition=models.Q(("source", "backfill")),
                fields=["connection_id", "-received_at"],
                name="event_recovered",
            ),
        ),
    ]
