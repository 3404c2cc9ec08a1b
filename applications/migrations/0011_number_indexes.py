from django.db import migrations, models

from portal import concurrent_indexes

THERE = models.Q(("missing_since", None))


def _index(model: str, name: str, *fields: str) -> concurrent_indexes.AddIndex:
    index = models.Index(condition=THERE, fields=list(fields), name=name)
    return concurrent_indexes.AddIndex(model_name=model, index=index)


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("applications", "0010_numbers_count"),
    ]

    operations = [
        _index("callcontrolapplication", "call_control_there", "account", "active"),
        _index("callcontrolapplication", "call_control_by_numbers", "numbers_count"),
        _index("texmlapplication", "texml_there", "account", "active"),
        _index("texmlapplication", "texml_by_numbers", "numbers_count"),
    ]
