"""What events tell of sound, trust and cost as columns, and rows for recordings, notes, tags, follow-ups, contacts.

The columns are empty at first: ``manage.py fill_calls`` reads the events of older calls once more, whenever there is time.
"""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0007_list_indexes"),
        ("voice", "0023_call_log_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CallNote",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("text", models.TextField()),
                ("written_by", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-at", "-id"],
                "default_permissions": ("add", "view", "delete"),
            },
        ),
        migrations.CreateModel(
            name="CallTag",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="In lower case, without spaces.", max_length=40)),
                ("tagged_by", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["name"],
                "default_permissions": ("add", "view", "delete"),
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "number",
                    models.CharField(
                        help_text="As events have it: +13125550001, or sip:…", max_length=255, unique=True
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("company", models.CharField(blank=True, max_length=100)),
                ("name_folded", models.CharField(editable=False, max_length=100)),
                ("company_folded", models.CharField(blank=True, editable=False, max_length=100)),
                ("changed_by", models.CharField(editable=False, max_length=200)),
                ("changed_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["name_folded", "id"],
            },
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                (
                    "call",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="follow_up",
                        serialize=False,
                        to="voice.call",
                    ),
                ),
                ("asked_by", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
                ("done_by", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "ordering": ["-at", "-call_id"],
                "default_permissions": ("add", "change", "view"),
            },
        ),
        migrations.CreateModel(
            name="Recording",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=120)),
                (
                    "recording_id",
                    models.CharField(blank=True, help_text="Telnyx's, by which the file is asked for.", max_length=100),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("under_way", "Under Way"), ("saved", "Saved"), ("failed", "Failed")],
                        default="under_way",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="Telnyx's words for why it failed.", max_length=300)),
                ("is_texml", models.BooleanField(default=False)),
                (
                    "source",
                    models.CharField(blank=True, help_text="What had it begun, as TeXML tells it.", max_length=50),
                ),
                ("channels", models.CharField(blank=True, help_text="single or dual", max_length=10)),
                ("format", models.CharField(blank=True, max_length=10)),
                ("started_at", models.DateTimeField(help_text="When it began, else when it was first told of.")),
                ("ended_at", models.DateTimeField(null=True)),
                ("seconds", models.FloatField(help_text="Its length, as far as it is told.", null=True)),
                ("transcription_id", models.CharField(blank=True, max_length=100)),
                ("transcript", models.TextField(blank=True)),
                ("peaks", models.JSONField(help_text="Per channel the loudness, 0 to 99, in even steps.", null=True)),
                ("peaks_error", models.CharField(blank=True, help_text="Why none could be drawn.", max_length=200)),
                ("facts", models.JSONField(default=dict, help_text="Per column: which event told it, and when.")),
            ],
            options={
                "ordering": ["-started_at", "-id"],
                "default_permissions": ("view", "delete"),
            },
        ),
        migrations.AddField(
            model_name="call",
            name="attestation",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="SHAKEN/STIR: A, B, C", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="attestation_valid",
            field=models.BooleanField(help_text="Whether Telnyx found its signature in order.", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="billed_seconds",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="cost_amount",
            field=models.DecimalField(decimal_places=9, help_text="``cost`` as a number.", max_digits=18, null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="cost_parts",
            field=models.JSONField(help_text="[{call_part, cost, rate, currency, billed_seconds}]", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="currency",
            field=models.CharField(blank=True, db_default="", default="", help_text="Of all its parts.", max_length=3),
        ),
        migrations.AddField(
            model_name="call",
            name="jitter",
            field=models.FloatField(help_text="jitter_max_variance of what came in.", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="late_seconds",
            field=models.FloatField(help_text="The longest way of a webhook to us, if one was late.", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="mos",
            field=models.FloatField(help_text="Of what came in: 1 to 4.5.", null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="packets_in",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="packets_out",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="screening",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="What Telnyx's screening said of the call.",
                max_length=50,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="skipped_in",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="call",
            name="skipped_out",
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name="callnote",
            name="author",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="callnote",
            name="call",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="notes", to="voice.call"
            ),
        ),
        migrations.AddField(
            model_name="calltag",
            name="call",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="people_tags", to="voice.call"
            ),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["name_folded", "id"], name="contact_by_name"),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(fields=["name_folded"], name="contact_name_begins", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="contact",
            index=models.Index(
                fields=["company_folded"], name="contact_company_begins", opclasses=["varchar_pattern_ops"]
            ),
        ),
        migrations.AddField(
            model_name="followup",
            name="assignee",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.telnyxaccount"
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="call",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="recordings", to="voice.call"
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="conference",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="recordings",
                to="voice.conference",
            ),
        ),
        migrations.AddField(
            model_name="recording",
            name="deletion",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="voice.callcommand"
            ),
        ),
        migrations.AddIndex(
            model_name="callnote",
            index=models.Index(fields=["call", "-at"], name="note_by_call"),
        ),
        migrations.AddIndex(
            model_name="calltag",
            index=models.Index(
                fields=["name", "-at"], name="tag_by_name", opclasses=["varchar_pattern_ops", "timestamptz_ops"]
            ),
        ),
        migrations.AddConstraint(
            model_name="calltag",
            constraint=models.UniqueConstraint(fields=("call", "name"), name="one_tag_per_call"),
        ),
        migrations.AddIndex(
            model_name="followup",
            index=models.Index(fields=["-at", "-call"], name="follow_up_by_time"),
        ),
        migrations.AddIndex(
            model_name="followup",
            index=models.Index(condition=models.Q(("done_at", None)), fields=["-at", "-call"], name="follow_up_open"),
        ),
        migrations.AddIndex(
            model_name="followup",
            index=models.Index(
                condition=models.Q(("done_at", None)), fields=["assignee", "-at"], name="follow_up_by_assignee"
            ),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(fields=["-started_at", "-id"], name="recording_by_time"),
        ),
        migrations.AddIndex(
            model_name="recording",
            index=models.Index(
                condition=models.Q(("conference__isnull", False)), fields=["conference"], name="recording_by_conference"
            ),
        ),
        migrations.AddConstraint(
            model_name="recording",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_recording_per_key"),
        ),
    ]
