"""What more is counted for the reports: old quarters of an hour are marked, and counted anew by the sweep."""

from typing import Any

from django.db import migrations, models
from django.db.models.functions import Now


def mark_all(apps: Any, schema_editor: Any) -> None:
    roll_up, stale = apps.get_model("voice", "RollUp"), apps.get_model("voice", "StaleQuarter")
    quarters = roll_up.objects.order_by("-quarter").values_list("quarter", flat=True).distinct()
    stale.objects.bulk_create(
        [stale(quarter=one, marked_at=Now(), changed_at=Now()) for one in quarters],
        batch_size=500,
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("voice", "0030_queue_of_a_call_indexes")]

    operations = [
        migrations.AddField(
            model_name="rollup",
            name="calls",
            field=models.IntegerField(
                db_default=0, default=0, help_text="Of ``counts``: by it the busiest numbers are found."
            ),
        ),
        migrations.AddField(
            model_name="callcommand",
            name="reported_at",
            field=models.DateTimeField(help_text="When the reports were told that it came to nothing.", null=True),
        ),
        migrations.AddField(
            model_name="callevent",
            name="known_since",
            field=models.DateTimeField(help_text="When a recovery brought it, before its webhook came.", null=True),
        ),
        migrations.RunPython(mark_all, migrations.RunPython.noop),
    ]
