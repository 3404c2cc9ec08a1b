import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("voice", "0007_alerts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Replay",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("selection", models.JSONField(default=dict, help_text="Which events: see voice.selection.")),
                (
                    "side_effects",
                    models.BooleanField(default=False, help_text="Rules and handlers run, commands are sent."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("looking", "Looking"),
                            ("ready", "Ready"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="looking",
                        max_length=10,
                    ),
                ),
                ("requested_by", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(help_text="When the run began; a dry run never does.", null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("total", models.PositiveIntegerField(help_text="Counted when the work begins.", null=True)),
                ("done", models.PositiveIntegerField(default=0)),
                ("counts", models.JSONField(default=dict, help_text="Events by what came of them.")),
                ("cursor_at", models.DateTimeField(null=True)),
                ("cursor_id", models.UUIDField(null=True)),
                ("lease_until", models.DateTimeField(help_text="Nobody else works at it before.", null=True)),
                ("holder", models.UUIDField(help_text="Of the lease: who has lost it writes nothing more.", null=True)),
                ("claims", models.PositiveSmallIntegerField(default=0, help_text="Since an event was last done.")),
                ("problem", models.TextField(blank=True)),
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
                "ordering": ["-created_at", "-id"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ReplayLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_rehearsed", models.BooleanField(help_text="Told by the dry run, else done by the run.")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("call", "Call"),
                            ("conference", "Conference"),
                            ("participant", "Participant"),
                            ("event", "Event"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "key",
                    models.CharField(
                        help_text="Telnyx's id of it; of a participant both ids; of an event ours.", max_length=600
                    ),
                ),
                ("is_new", models.BooleanField(default=False)),
                ("about", models.JSONField(default=dict)),
                ("changes", models.JSONField(default=dict)),
                ("said", models.TextField(blank=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="portal.telnyxaccount",
                    ),
                ),
                (
                    "call",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="voice.call",
                    ),
                ),
                (
                    "replay",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="voice.replay"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="replay",
            index=models.Index(
                condition=models.Q(("state__in", ("looking", "running"))), fields=["created_at"], name="replay_owed"
            ),
        ),
        migrations.AddConstraint(
            model_name="replayline",
            constraint=models.UniqueConstraint(
                fields=("replay", "is_rehearsed", "kind", "account", "key"), name="one_line_per_place"
            ),
        ),
    ]
