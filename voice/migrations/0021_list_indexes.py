import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("voice", "0020_endings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(fields=["account", "-started_at"], name="call_by_account"),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                fields=["from_number", "-started_at"],
                name="call_by_from",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                fields=["to_number", "-started_at"],
                name="call_by_to",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("state", "ended"), _negated=True),
                fields=["state", "-started_at"],
                name="call_by_state",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("has_recording", True)), fields=["-started_at", "-id"], name="call_recorded"
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="callcommand",
            index=models.Index(fields=["-created_at", "-id"], name="command_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="callcommand",
            index=models.Index(fields=["account", "-created_at"], name="command_by_account"),
        ),
        concurrent_indexes.AddIndex(
            model_name="callcommand",
            index=models.Index(fields=["action", "-created_at"], name="command_by_action"),
        ),
        concurrent_indexes.AddIndex(
            model_name="callcommand",
            index=models.Index(
                fields=["requested_by", "-created_at"],
                name="command_by_asker",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="callcommand",
            index=models.Index(
                condition=models.Q(("batch__isnull", False)), fields=["batch", "status"], name="command_by_batch"
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="callevent",
            index=models.Index(fields=["account", "-received_at"], name="event_by_account_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="callevent",
            index=models.Index(fields=["connection_id", "-received_at"], name="event_by_connection"),
        ),
        concurrent_indexes.AddIndex(
            model_name="callevent",
            index=models.Index(fields=["event_type", "-received_at"], name="event_by_type"),
        ),
        concurrent_indexes.AddIndex(
            model_name="callevent",
            index=models.Index(
                condition=models.Q(("source", "webhook"), _negated=True),
                fields=["source", "-received_at"],
                name="event_by_source",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="callevent",
            index=models.Index(condition=models.Q(("reason", "variant")), fields=["event_id"], name="event_variant"),
        ),
        concurrent_indexes.AddIndex(
            model_name="conference",
            index=models.Index(fields=["account", "-started_at"], name="conference_by_account"),
        ),
        concurrent_indexes.AddIndex(
            model_name="conference",
            index=models.Index(fields=["connection_id", "-started_at"], name="conference_by_application"),
        ),
        concurrent_indexes.AddIndex(
            model_name="conference",
            index=models.Index(fields=["name"], name="conference_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        concurrent_indexes.AddIndex(
            model_name="conference",
            index=models.Index(fields=["conference_id"], name="conference_by_id"),
        ),
        concurrent_indexes.AddIndex(
            model_name="conference",
            index=models.Index(
                condition=models.Q(("state", "completed"), _negated=True),
                fields=["state", "-started_at"],
                name="conference_by_state",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="dialbatch",
            index=models.Index(fields=["-created_at", "-id"], name="batch_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="dialbatch",
            index=models.Index(fields=["name"], name="batch_by_name", opclasses=["varchar_pattern_ops"]),
        ),
        concurrent_indexes.AddIndex(
            model_name="recovery",
            index=models.Index(fields=["-started_at", "-id"], name="recovery_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="recovery",
            index=models.Index(
                condition=models.Q(("state", "done"), _negated=True),
                fields=["state", "-started_at"],
                name="recovery_by_state",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="texmlfetch",
            index=models.Index(fields=["-at", "-id"], name="fetch_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="texmlfetch",
            index=models.Index(
                condition=models.Q(("verdict", "served"), _negated=True),
                fields=["verdict", "-at"],
                name="fetch_by_verdict",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="texmlfetch",
            index=models.Index(
                condition=models.Q(("proof", "verified"), _negated=True), fields=["proof", "-at"], name="fetch_by_proof"
            ),
        ),
        concurrent_indexes.RemoveIndex(
            model_name="callevent",
            name="event_by_application",
        ),
        concurrent_indexes.RemoveIndex(
            model_name="texmlfetch",
            name="fetch_by_age",
        ),
        concurrent_indexes.Unindex(
            model_name="call",
            name="from_number",
            field=models.CharField(blank=True, max_length=255, verbose_name="from"),
        ),
        concurrent_indexes.Unindex(
            model_name="call",
            name="to_number",
            field=models.CharField(blank=True, max_length=255, verbose_name="to"),
        ),
        concurrent_indexes.Unindex(
            model_name="call",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.telnyxaccount"
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="callcommand",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.telnyxaccount"
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="callcommand",
            name="batch",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="commands",
                to="voice.dialbatch",
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="callcommand",
            name="created_at",
            field=models.DateTimeField(),
        ),
        concurrent_indexes.Unindex(
            model_name="callcommand",
            name="event",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="commands",
                to="voice.callevent",
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="conference",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portal.telnyxaccount"
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="conferenceparticipant",
            name="conference",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="participants",
                to="voice.conference",
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="dialbatch",
            name="created_at",
            field=models.DateTimeField(),
        ),
        concurrent_indexes.Unindex(
            model_name="recovery",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.telnyxaccount"
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="texmlfetch",
            name="document",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="fetches",
                to="voice.texmldocument",
            ),
        ),
        concurrent_indexes.DropDoubles(
            [
                ("call", "call_leg_id", "_like"),
                ("call", "call_session_id", "_like"),
                ("call", "from_reversed", "plain"),
                ("call", "to_reversed", "plain"),
                ("callevent", "call_control_id", "_like"),
                ("callcommand", "call_control_id", "_like"),
                ("callcommand", "intent_key", "_like"),
            ]
        ),
    ]
