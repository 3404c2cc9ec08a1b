"""In which queue a call waited last."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voice", "0028_suspensions")]

    operations = [
        migrations.AddField(
            model_name="call",
            name="queue",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="The one that it waited in last.", max_length=100
            ),
        ),
    ]
