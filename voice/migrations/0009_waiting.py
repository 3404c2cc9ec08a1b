from typing import Any

from django.db import migrations, models


def begin_when_made(apps: Any, schema_editor: Any) -> None:
    apps.get_model("voice", "DialBatch").objects.update(began_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("voice", "0008_replays")]

    operations = [
        migrations.AddField(
            "accountbreaker",
            "wait_until",
            models.DateTimeField(help_text="Telnyx's rate limit: no command goes before.", null=True),
        ),
        migrations.AddField(
            "accountbreaker",
            "dials_wait_until",
            models.DateTimeField(help_text="Its limit of dials a second: no dial goes before.", null=True),
        ),
        migrations.AddField("dialbatch", "began_at", models.DateTimeField(null=True)),
        migrations.RunPython(begin_when_made, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            "dialbatch", "began_at", models.DateTimeField(help_text="When it was made or last resumed.")
        ),
    ]
