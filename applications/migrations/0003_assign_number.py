from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("applications", "0002_signed_history")]

    operations = [
        migrations.AlterModelOptions(
            name="callcontrolapplication",
            options={
                "ordering": ["application_name", "telnyx_id"],
                "permissions": [("assign_number", "Can assign phone numbers to applications")],
                "verbose_name": "Call Control application",
            },
        ),
    ]
