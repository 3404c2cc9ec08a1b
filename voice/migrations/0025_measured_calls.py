from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [("voice", "0024_beside_calls")]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("mos__isnull", False)), fields=["mos", "-started_at"], name="call_by_mos"
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("cost_amount__isnull", False)),
                fields=["cost_amount", "-started_at"],
                name="call_by_cost",
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("late_seconds__isnull", False)), fields=["-started_at", "-id"], name="call_late"
            ),
        ),
    ]
