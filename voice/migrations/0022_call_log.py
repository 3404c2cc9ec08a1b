"""Who answered, and which columns of the call log a person has. The column is empty and has a default of the database's, so that no row is written here.

Calls that are there already are told by ``manage.py replay_events``, from their stored events.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("voice", "0021_list_indexes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChosenColumns",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("names", models.JSONField(default=list)),
            ],
            options={"default_permissions": ()},
        ),
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
