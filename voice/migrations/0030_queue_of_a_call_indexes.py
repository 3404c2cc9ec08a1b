"""By queue, and notes by their time: a file of its own, since these are built outside of a transaction."""

from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [("voice", "0029_queue_of_a_call")]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("queue", ""), _negated=True), fields=["queue", "-started_at"], name="call_by_queue"
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="callnote",
            index=models.Index(fields=["-at", "-id"], name="note_by_time"),
        ),
    ]
