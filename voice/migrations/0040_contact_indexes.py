from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("voice", "0039_picked_stops"),
    ]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="contact", index=models.Index(fields=["-changed_at", "-id"], name="contact_by_change")
        ),
        concurrent_indexes.AddIndex(
            model_name="conferenceparticipant",
            index=models.Index(
                condition=models.Q(("recount_after__isnull", False)),
                fields=["recount_after"],
                name="participant_uncounted",
            ),
        ),
    ]
