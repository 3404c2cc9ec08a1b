import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0007_list_indexes"),
        ("voice", "0025_measured_calls"),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="counted_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("incoming", "incoming call"),
                    ("outgoing", "dialled call"),
                    ("transferred", "leg of a transfer"),
                    ("other", "further leg"),
                ],
                db_default="",
                default="",
                max_length=11,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="counted_in",
            field=models.DateTimeField(help_text="The quarter of an hour that it was counted in last.", null=True),
        ),
        migrations.CreateModel(
            name="StaleQuarter",
            fields=[
                ("quarter", models.DateTimeField(primary_key=True, serialize=False)),
                ("marked_at", models.DateTimeField(help_text="First since then.")),
                ("changed_at", models.DateTimeField(help_text="Last.")),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["marked_at"], name="stale_quarter_by_mark")],
            },
        ),
        migrations.CreateModel(
            name="RollUp",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "quarter",
                    models.DateTimeField(
                        help_text="Its beginning, UTC: time zones begin their hours at :00, :15, :30, :45."
                    ),
                ),
                ("connection_id", models.CharField(blank=True, max_length=64)),
                ("counted_as", models.CharField(max_length=11)),
                ("number", models.CharField(blank=True, max_length=255)),
                (
                    "counts",
                    models.JSONField(default=dict, help_text="{measure: count, µs, or millionths of the currency}"),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="portal.telnyxaccount",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["number", "quarter"], name="roll_up_by_number")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("quarter", "account", "connection_id", "counted_as", "number"), name="one_roll_up"
                    )
                ],
            },
        ),
    ]
