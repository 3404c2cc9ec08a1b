import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("portal", "0002_saved_filters"), ("voice", "0005_recoveries")]

    operations = [
        migrations.AddField(
            model_name="rejectedrequest",
            name="code",
            field=models.CharField(
                blank=True, default="", help_text="Of voice.refusals: what kind of reason it was.", max_length=32
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="rejectedrequest",
            name="hint",
            field=models.CharField(
                blank=True, default="", help_text="What may have caused it, and whose key it was.", max_length=500
            ),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="rejectedrequest",
            name="account",
            field=models.ForeignKey(
                help_text="None: nobody has that address.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="portal.telnyxaccount",
            ),
        ),
        migrations.CreateModel(
            name="RejectionCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.DateTimeField(db_index=True)),
                ("code", models.CharField(max_length=32)),
                ("count", models.PositiveBigIntegerField(default=0)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="portal.telnyxaccount",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("account__isnull", False)),
                        fields=("account", "hour", "code"),
                        name="one_count_per_reason",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("account__isnull", True)),
                        fields=("hour", "code"),
                        name="one_count_of_no_account",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="callevent",
            index=models.Index(fields=["account", "status", "-received_at"], name="event_by_account"),
        ),
        migrations.AddIndex(
            model_name="callevent",
            index=models.Index(fields=["account", "connection_id", "-received_at"], name="event_by_application"),
        ),
        migrations.AlterField(
            model_name="callevent",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="portal.telnyxaccount",
            ),
        ),
    ]
