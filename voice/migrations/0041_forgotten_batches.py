"""Batches that a suspension of long ago has left paused are resumed by a person: the sweep would dial them at once."""

from typing import Any

from django.db import migrations
from django.db.models import Exists, OuterRef, Q


def leave(apps: Any, schema_editor: Any) -> None:
    """Forget with what those were paused whose suspension, or stop, is not there any more."""
    alias = schema_editor.connection.alias
    one = Q(pk=OuterRef("paused_for"))
    there = [Exists(apps.get_model("voice", name).objects.using(alias).filter(one)) for name in ("Suspension", "Stop")]
    batches = apps.get_model("voice", "DialBatch").objects.using(alias)
    batches.filter(paused_for__isnull=False).exclude(there[0] | there[1]).update(paused_for=None)


class Migration(migrations.Migration):
    dependencies = [
        ("voice", "0040_contact_indexes"),
    ]

    operations = [migrations.RunPython(leave, migrations.RunPython.noop, elidable=True)]
