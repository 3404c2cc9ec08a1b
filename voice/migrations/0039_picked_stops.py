from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("voice", "0038_times_as_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="stop",
            name="is_of_picked",
            field=models.BooleanField(db_default=False, default=False, help_text="Of calls that a person picked."),
        ),
    ]
