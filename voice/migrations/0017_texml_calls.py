"""Which calls are TeXML's, who dialled whom, what a call cost. The columns have defaults of the database's.

Calls that are there already are marked; ``replay_events`` fills parents and costs from the stored callbacks.
"""

from typing import Any

from django.db import migrations, models
from django.db.models import Exists, OuterRef, Q


def fill(apps: Any, schema_editor: Any) -> None:
    """Mark the calls that a TeXML callback told of, or that a TeXML command dialled."""
    alias = schema_editor.connection.alias
    told = apps.get_model("voice", "CallEvent").objects.filter(call=OuterRef("pk"), source="texml")
    told = told.exclude(payload__has_key="ConferenceSid")  # a conference tells of its Call Control legs, too
    dialled = apps.get_model("voice", "CallCommand").objects.filter(call=OuterRef("pk"), action__startswith="texml.")
    calls = apps.get_model("voice", "Call").objects.using(alias).order_by()
    calls.filter(Exists(told) | Exists(dialled)).update(is_texml=True)


class Migration(migrations.Migration):
    dependencies = [("voice", "0016_live_board_sources")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="cost",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="A decimal, as Telnyx told.", max_length=20
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="is_texml",
            field=models.BooleanField(db_default=False, default=False, help_text="A TeXML document or dial runs it."),
        ),
        migrations.AddField(
            model_name="call",
            name="parent_control_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The leg whose TeXML document dialled this one.",
                max_length=512,
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(condition=~Q(parent_control_id=""), fields=["parent_control_id"], name="call_by_parent"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
