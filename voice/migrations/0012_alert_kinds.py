"""The kinds of alerts are what checks are registered: no choices of the column any more. No statement is run."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("voice", "0011_quarantine_reason")]

    operations = [
        migrations.AlterField(model_name="alert", name="kind", field=models.CharField(max_length=30)),
        migrations.AlterField(model_name="alertmute", name="kind", field=models.CharField(blank=True, max_length=30)),
    ]
