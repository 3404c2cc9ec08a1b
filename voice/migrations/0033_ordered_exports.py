"""Exports that are ordered over REST, and fetched later: what was searched for is kept with them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voice", "0032_uncounted_commands")]

    operations = [
        migrations.AddField(
            model_name="callexport",
            name="asked",
            field=models.TextField(
                blank=True,
                default="",
                help_text="The search itself, of one that is ordered and fetched later.",
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="callexport",
            name="state",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("cancelled", "Cancelled"),
                    ("failed", "Failed"),
                    ("broken_off", "broken off"),
                ],
                default="running",
                max_length=10,
            ),
        ),
    ]
