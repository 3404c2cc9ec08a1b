from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0005_account_sid"),
    ]

    operations = [
        migrations.AddField(
            model_name="telnyxaccount",
            name="owner",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Whose applications were pulled. Another key does not change it.",
                max_length=64,
                verbose_name="owner as Telnyx told it",
            ),
        ),
    ]
