"""Why an event is quarantined, as a code beside the words, so that nothing reads it back from prose."""

from typing import Any

from django.db import migrations, models
from django.db.models import Case, Value, When


def fill(apps: Any, schema_editor: Any) -> None:
    """Set the code of what is quarantined already, told by the words of the version before: a handful of rows."""
    event = apps.get_model("voice", "CallEvent")
    event.objects.using(schema_editor.connection.alias).filter(status="quarantined", reason="").order_by().update(
        reason=Case(
            When(error__startswith="webhook API version 1", then=Value("old_format")),
            When(error__startswith="another body under the id", then=Value("variant")),
            When(error__startswith="Its application belongs to the account", then=Value("foreign_account")),
            default=Value("unreadable"),
        )
    )


class Migration(migrations.Migration):
    dependencies = [("voice", "0010_before_its_leg")]

    operations = [
        migrations.AddField(
            model_name="callevent",
            name="reason",
            # the database's own default too: the version before goes on inserting while this one is rolled out
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why it is quarantined; ``error`` has the words.",
                max_length=20,
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=False),
    ]
