import django.db.models.deletion
from django.db import migrations, models


def _columns(model: str) -> list[migrations.AddField]:
    count = models.PositiveIntegerField(editable=False, help_text="Phone numbers that Telnyx lists.", null=True)
    read_at = models.DateTimeField(editable=False, help_text="Since when, or as of which look.", null=True)
    return [
        migrations.AddField(model_name=model, name="numbers_count", field=count),
        migrations.AddField(model_name=model, name="numbers_read_at", field=read_at),
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0009_list_indexes"),
        ("portal", "0010_list_columns"),
    ]

    operations = [
        migrations.CreateModel(
            name="NumbersReading",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="portal.telnyxaccount",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
            options={"default_permissions": ()},
        ),
        *_columns("callcontrolapplication"),
        *_columns("texmlapplication"),
    ]
