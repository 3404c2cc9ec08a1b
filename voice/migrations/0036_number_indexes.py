from django.db import migrations, models
from django.db.models.functions import Left

from portal import concurrent_indexes

_IN_TIME = ["varchar_pattern_ops", "timestamptz_ops"]


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("voice", "0035_calls_of_an_application"),
    ]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(fields=["from_reversed", "-started_at"], name="call_from_number", opclasses=_IN_TIME),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(fields=["to_reversed", "-started_at"], name="call_to_number", opclasses=_IN_TIME),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(Left("from_reversed", 4), models.F("started_at").desc(), name="call_from_last_four"),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(Left("to_reversed", 4), models.F("started_at").desc(), name="call_to_last_four"),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("from_number__contains", "@")),
                fields=["from_number"],
                name="call_from_address",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        concurrent_indexes.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("to_number__contains", "@")),
                fields=["to_number"],
                name="call_to_address",
                opclasses=["varchar_pattern_ops"],
            ),
        ),
        # the first two have what these had
        concurrent_indexes.RemoveIndex(model_name="call", name="call_by_from"),
        concurrent_indexes.RemoveIndex(model_name="call", name="call_by_to"),
        concurrent_indexes.Unindex(
            model_name="call",
            name="from_reversed",
            field=models.CharField(blank=True, editable=False, max_length=255),
        ),
        concurrent_indexes.Unindex(
            model_name="call",
            name="to_reversed",
            field=models.CharField(blank=True, editable=False, max_length=255),
        ),
    ]
