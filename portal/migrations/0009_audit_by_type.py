from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [("portal", "0008_time_preferences")]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["object_type", "-at"], name="audit_by_type"),
        )
    ]
