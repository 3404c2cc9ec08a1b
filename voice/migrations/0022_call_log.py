"""Who answered. The column is empty and has a default of the database's, so that no row is written here.

Calls that are there already are told by ``manage.py replay_events``, from their stored events.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("voice", "0021_list_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="answered_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("person", "Person"),
                    ("machine", "Machine"),
                    ("fax", "Fax"),
                    ("silence", "Silence"),
                    ("unsure", "Unsure"),
                ],
                db_default="",
                default="",
                help_text="As machine detection said.",
                max_length=10,
            ),
        ),
    ]
