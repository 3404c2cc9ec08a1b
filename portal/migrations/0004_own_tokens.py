from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("portal", "0003_audit_address")]

    operations = [
        migrations.AlterModelOptions(
            name="apitoken",
            options={
                "ordering": ["-created_at"],
                "permissions": [("own_apitoken", "Can make and revoke tokens of their own")],
                "verbose_name": "API token",
            },
        ),
    ]
