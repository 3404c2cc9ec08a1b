import django.db.models.deletion
from django.db import migrations, models

from portal import concurrent_indexes


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL builds indexes beside reads and writes outside of transactions only

    dependencies = [
        ("applications", "0008_apply_runs"),
    ]

    operations = [
        concurrent_indexes.AddIndex(
            model_name="applyrun",
            index=models.Index(fields=["-started_at", "-id"], name="apply_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="applyrun",
            index=models.Index(fields=["account", "kind", "-started_at"], name="apply_by_account"),
        ),
        concurrent_indexes.AddIndex(
            model_name="pull",
            index=models.Index(fields=["-started_at", "-id"], name="pull_by_time"),
        ),
        concurrent_indexes.AddIndex(
            model_name="pull",
            index=models.Index(fields=["account", "kind", "-started_at"], name="pull_by_account"),
        ),
        concurrent_indexes.Unindex(
            model_name="applyrun",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.telnyxaccount"
            ),
        ),
        concurrent_indexes.Unindex(
            model_name="pull",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.telnyxaccount"
            ),
        ),
    ]
