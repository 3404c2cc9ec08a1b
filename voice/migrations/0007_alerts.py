import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0002_saved_filters"),
        ("voice", "0006_rejections"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertRound",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("since", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("application_silent", "Application is silent"),
                            ("signature_failures", "Webhooks are refused"),
                            ("dead_events", "Dead events"),
                            ("quarantined_events", "Unreadable webhooks"),
                            ("breaker_open", "Commands are held back"),
                            ("backlog", "Work piles up"),
                            ("process_stale", "A process is silent"),
                            ("drift", "Changed at Telnyx"),
                            ("uncertain_commands", "Commands to decide"),
                            ("recovery_failing", "Recovery fails"),
                        ],
                        max_length=30,
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        help_text="What it is about: an account, an application, a process …", max_length=150
                    ),
                ),
                ("summary", models.CharField(max_length=300)),
                (
                    "link",
                    models.CharField(blank=True, help_text="The page to look at, without the host.", max_length=300),
                ),
                ("details", models.JSONField(blank=True, default=dict)),
                ("opened_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="The last check that found it so.")),
                (
                    "clear_since",
                    models.DateTimeField(
                        help_text="Since when checks do not find it; it closes a little later.", null=True
                    ),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "announced_at",
                    models.DateTimeField(help_text="When its notices were made; not while it is muted.", null=True),
                ),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="portal.telnyxaccount",
                    ),
                ),
            ],
            options={
                "ordering": [
                    models.OrderBy(models.F("closed_at"), descending=True, nulls_first=True),
                    "-opened_at",
                    "-id",
                ],
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.CreateModel(
            name="AlertMute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("application_silent", "Application is silent"),
                            ("signature_failures", "Webhooks are refused"),
                            ("dead_events", "Dead events"),
                            ("quarantined_events", "Unreadable webhooks"),
                            ("breaker_open", "Commands are held back"),
                            ("backlog", "Work piles up"),
                            ("process_stale", "A process is silent"),
                            ("drift", "Changed at Telnyx"),
                            ("uncertain_commands", "Commands to decide"),
                            ("recovery_failing", "Recovery fails"),
                        ],
                        max_length=30,
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=150)),
                ("until", models.DateTimeField(null=True)),
                ("reason", models.CharField(max_length=200)),
                ("by", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("kind", "subject"), name="one_mute_per_subject")],
            },
        ),
        migrations.CreateModel(
            name="AlertNotice",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("change", models.CharField(choices=[("opened", "Opened"), ("closed", "Closed")], max_length=6)),
                ("channel", models.CharField(choices=[("email", "e-mail"), ("webhook", "webhook")], max_length=7)),
                ("body", models.JSONField(help_text="As it was at the change: each try says the same.")),
                ("created_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0, help_text="Counted when one begins.")),
                (
                    "lease_until",
                    models.DateTimeField(
                        help_text="Nobody else touches it before; also the next try's time.", null=True
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("", "waiting"), ("sent", "Sent"), ("muted", "Muted"), ("failed", "Failed")],
                        default="",
                        max_length=6,
                    ),
                ),
                ("finished_at", models.DateTimeField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="voice.alert"
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "-change", "channel"],
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["-opened_at", "-id"], name="alert_by_time"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at", None)), fields=("kind", "subject"), name="one_open_alert_per_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="alertnotice",
            index=models.Index(condition=models.Q(("finished_at", None)), fields=["created_at"], name="notice_waiting"),
        ),
        migrations.AddConstraint(
            model_name="alertnotice",
            constraint=models.UniqueConstraint(
                fields=("alert", "change", "channel"), name="one_notice_per_change_and_channel"
            ),
        ),
    ]
