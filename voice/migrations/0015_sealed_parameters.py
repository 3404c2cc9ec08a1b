"""Passwords, tokens and secret headers in commands, batches and rules are sealed, those that are there already too.

While it is rolled out, the version before reads such a value and sends it as it stands: Telnyx, or whoever is called,
then refuses that one password. Commands without a secret are not touched.
"""

from typing import Any

from django.db import migrations
from django.db.models import Q, TextField
from django.db.models.functions import Cast

import portal.sealed_json

_PLACES = (("CallCommand", "parameters"), ("DialBatch", "parameters"), ("Rule", "do"), ("HistoricalRule", "do"))
_MAY_HOLD_ONE = ("password", "token", "headers", "authorization", "api_key")


def fill(apps: Any, schema_editor: Any) -> None:
    """Write each row anew that may hold a secret: writing it seals what is in it."""
    found = Q()
    for word in _MAY_HOLD_ONE:
        found |= Q(as_text__icontains=word)
    for name, field in _PLACES:
        rows = apps.get_model("voice", name).objects.using(schema_editor.connection.alias).order_by()
        for row in rows.annotate(as_text=Cast(field, TextField())).filter(found).iterator(500):
            row.save(update_fields=[field])


class Migration(migrations.Migration):
    dependencies = [("voice", "0014_destinations_opened")]

    operations = [
        migrations.AlterField(
            model_name="callcommand",
            name="parameters",
            field=portal.sealed_json.SealedJSONField(default=dict, help_text="By wire name."),
        ),
        migrations.AlterField(
            model_name="dialbatch",
            name="parameters",
            field=portal.sealed_json.SealedJSONField(
                default=dict, help_text="What every line is dialled with, by wire name."
            ),
        ),
        migrations.AlterField(
            model_name="historicalrule",
            name="do",
            field=portal.sealed_json.SealedJSONField(blank=True, default=list),
        ),
        migrations.AlterField(
            model_name="rule",
            name="do",
            field=portal.sealed_json.SealedJSONField(blank=True, default=list),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
