"""One thing done for many calls is a row; seats tell what to count anew."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("voice", "0036_number_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="conferenceparticipant",
            name="recount_after",
            field=models.DateTimeField(
                help_text="Calls that were in it later than this may be counted otherwise; null once that is done.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="BulkAction",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("tag", "Tag"), ("follow-up", "Follow Up"), ("delete", "Delete")], max_length=10
                    ),
                ),
                ("requested_by", models.CharField(max_length=300)),
                ("query", models.CharField(help_text="Which calls they are, numbers masked.", max_length=1000)),
                ("calls", models.IntegerField(help_text="How many were chosen.")),
                (
                    "told",
                    models.CharField(blank=True, help_text="The tag, or who is to follow them up.", max_length=200),
                ),
                ("items", models.JSONField(default=list)),
                ("done", models.IntegerField(default=0)),
                ("counts", models.JSONField(default=dict, help_text="By what came of them.")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                ("problem", models.CharField(blank=True, max_length=500)),
                ("begun_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(help_text="Nobody else works at it before.", null=True)),
                (
                    "holder",
                    models.UUIDField(help_text="Of the lease: who has lost it writes nothing more.", null=True),
                ),
                ("claims", models.IntegerField(default=0, help_text="Since a piece was last done.")),
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
                    models.Index(
                        condition=models.Q(("state", "running")), fields=["begun_at"], name="bulk_action_owed"
                    ),
                ],
            },
        ),
    ]
