"""What the live board asks Telnyx for beside the live calls of Call Control. The version before leaves it null."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voice", "0015_sealed_parameters")]

    operations = [
        migrations.AddField(
            model_name="livelisting",
            name="others",
            field=models.JSONField(help_text="[{source, rows, complete, error}]: what else was asked for.", null=True),
        ),
    ]
