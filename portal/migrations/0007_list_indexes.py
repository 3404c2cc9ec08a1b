import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("portal", "0006_owner"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["-at", "-id"], name="audit_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["action", "-at"], name="audit_by_action"),
        ),
        concurrent_indexes.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["action"], name="audit_by_area", opclasses=["varchar_pattern_ops"]),
        ),
        concurrent_indexes.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["actor", "-at"], name="audit_by_actor", opclasses=["varchar_pattern_ops", "timestamptz_ops"]
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="auditevent",
            name="action",
            field=models.CharField(help_text="call.dial, application.update …", max_length=60),
        ),
        concurrent_indexes.Unindex(
            model_name="auditevent",
            name="actor",
            field=models.CharField(help_text="user: …, token: …, rule: … or portal", max_length=200),
        ),
        concurrent_indexes.Unindex(
            model_name="auditevent",
            name="at",
            field=models.DateTimeField(default=django.utils.timezone.now, editable=False),
        ),
        concurrent_indexes.DropDoubles(
            [
                ("auditevent", "object_id", "_like"),
            ]
        ),
    ]
