"""PostgreSQL learns that an application is of one account; taken for independent, few calls of both are expected.

It read all calls of an application then and sorted them, where the index has them in order.
"""

from typing import Any

from django.db import migrations

_CREATE = "CREATE STATISTICS IF NOT EXISTS call_application_of_account (dependencies) ON account_id, connection_id FROM voice_call"
_DROP = "DROP STATISTICS IF EXISTS call_application_of_account"


def _run(statement: str) -> Any:
    def run(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("voice", "0034_suspended_fetches")]

    operations = [migrations.RunPython(_run(_CREATE), _run(_DROP))]
