from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [("voice", "0031_report_columns")]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="callcommand",
            index=models.Index(
                condition=models.Q(("reported_at", None), ("status__in", ("refused", "expired"))),
                fields=["created_at"],
                name="command_uncounted",
            ),
        ),
    ]
