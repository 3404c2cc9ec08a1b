"""Changes indexes of large tables while they are in use: operations for migrations with ``atomic = False``.

PostgreSQL builds and drops them CONCURRENTLY, SQLite as ever. Stopped half-way, such a migration is run again: what is
there is kept, what PostgreSQL left unfinished is made anew.
"""

from typing import Any

from django.db import migrations


class AddIndex(migrations.AddIndex):
    """Builds an index beside reads and writes."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if not _may_migrate(self, schema_editor, model) or _stands(schema_editor, self.index.name):
            return
        if schema_editor.connection.vendor == "postgresql":
            schema_editor.add_index(model, self.index, concurrently=True)
        else:
            schema_editor.add_index(model, self.index)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _drop(schema_editor, self.index.name)


class RemoveIndex(migrations.RemoveIndex):
    """Drops an index without waiting for whoever uses it."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        _drop(schema_editor, self.name)


class Unindex(migrations.AlterField):
    """Takes ``db_index`` from a field, and nothing else: SQLite would write the whole table anew."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        model = from_state.apps.get_model(app_label, self.model_name)
        table, columns = model._meta.db_table, [model._meta.get_field(self.name).column]
        for suffix in ("", "_like"):
            _drop(schema_editor, schema_editor._create_index_name(table, columns, suffix=suffix))


class DropDoubles(migrations.operations.base.Operation):
    """Drops indexes of text columns that Django makes and nobody asks: the models stay as they are.

    Of ``db_index=True`` PostgreSQL gets two: the plain one, and the ``_like`` one. That one alone serves equality, too.
    ``unused`` has ``(model, column, "plain" or "_like")``.
    """

    reduces_to_sql = True
    reversible = True

    def __init__(self, unused: list[tuple[str, str, str]]) -> None:
        self.unused = unused

    def state_forwards(self, app_label: str, state: Any) -> None:
        pass

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            return  # SQLite has the plain one alone
        for model, column, which in self.unused:
            table = to_state.apps.get_model(app_label, model)._meta.db_table
            suffix = "_like" if which == "_like" else ""
            _drop(schema_editor, schema_editor._create_index_name(table, [column], suffix=suffix))

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave them dropped: nobody asks them."""

    def describe(self) -> str:
        return "Drop indexes that nobody asks"


def _may_migrate(operation: Any, schema_editor: Any, model: Any) -> bool:
    return bool(operation.allow_migrate_model(schema_editor.connection.alias, model))


def _stands(schema_editor: Any, name: str) -> bool:
    """Tell whether the index is there and whole; one that was left unfinished is dropped."""
    question = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s"  # SQLite leaves none unfinished
    if schema_editor.connection.vendor == "postgresql":
        question = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(question, [name])
        found = cursor.fetchone()
    if found and not found[0]:
        _drop(schema_editor, name)
    return bool(found and found[0])


def _drop(schema_editor: Any, name: str) -> None:
    how = "CONCURRENTLY " if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP INDEX {how}IF EXISTS {schema_editor.quote_name(name)}")
