"""Since when a command was held back, and why. Both columns have defaults of the database's: nothing is rewritten."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voice", "0012_alert_kinds")]

    operations = [
        migrations.AddField(
            model_name="callcommand",
            name="held_since",
            field=models.DateTimeField(help_text="Since when it was due and not sent.", null=True),
        ),
        migrations.AddField(
            model_name="callcommand",
            name="held_why",
            field=models.CharField(blank=True, db_default="", default="", help_text="Why, in words.", max_length=300),
        ),
    ]
