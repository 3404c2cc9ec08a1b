"""What is suspended here, and which batches were paused with it."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("voice", "0027_call_exports"),
        ("portal", "0007_list_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="dialbatch",
            name="paused_for",
            field=models.UUIDField(
                help_text="The suspension, or the stop, that paused it: undone with that.", null=True
            ),
        ),
        migrations.CreateModel(
            name="Suspension",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "connection_id",
                    models.CharField(blank=True, help_text="Empty: the whole account.", max_length=64),
                ),
                ("since", models.DateTimeField()),
                ("why", models.CharField(blank=True, max_length=200)),
                ("requested_by", models.CharField(max_length=300)),
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
                "ordering": ["-since", "-id"],
                "permissions": [("suspend", "Can suspend accounts and applications, and lift that")],
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(fields=("account", "connection_id"), name="one_suspension_each")
                ],
            },
        ),
        migrations.CreateModel(
            name="Stop",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(help_text="When its hang-ups were asked for: each has this time.")),
                ("requested_by", models.CharField(max_length=300)),
                (
                    "done_at",
                    models.DateTimeField(
                        null=True, help_text="Null: it was interrupted, and asked for again it goes on."
                    ),
                ),
                ("calls", models.PositiveIntegerField(default=0, help_text="How many hang-ups were asked for.")),
                ("dials", models.PositiveIntegerField(default=0, help_text="How many dials were not sent any more.")),
                ("batches", models.PositiveIntegerField(default=0, help_text="How many batches were paused.")),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="portal.telnyxaccount",
                    ),
                ),
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
            options={"ordering": ["-at", "-id"], "default_permissions": ()},
        ),
    ]
