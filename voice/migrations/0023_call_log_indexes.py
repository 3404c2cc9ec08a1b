from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("voice", "0022_call_log"),
    ]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("ending", ""), _negated=True),
                fields=["ending", "-started_at"],
                name="call_by_verdict",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("sip_hangup_cause", ""), _negated=True),
                fields=["sip_hangup_cause", "-started_at"],
                name="call_by_sip",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("answered_by", ""), _negated=True),
                fields=["answered_by", "-started_at"],
                name="call_by_answerer",
            ),
        ),
    ]
