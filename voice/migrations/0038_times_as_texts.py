"""SQLite compares times as texts: those that the portal wrote by the database's clock get the spelling of all others."""

from django.db import migrations, models

OURS = ("portal", "applications", "voice")


def spell(apps, schema_editor) -> None:  # noqa: ANN001
    if schema_editor.connection.vendor != "sqlite":
        return
    for model in apps.get_models():
        for field in model._meta.local_concrete_fields if model._meta.app_label in OURS else ():
            if isinstance(field, models.DateTimeField):
                table, column = f'"{model._meta.db_table}"', f'"{field.column}"'
                for spelling, which in (
                    (f"{column} || '000'", f"LENGTH({column}) = 23"),
                    (f"SUBSTR({column}, 1, 19)", f"{column} LIKE '%.000000'"),
                ):
                    with schema_editor.connection.cursor() as cursor:
                        cursor.execute(f"UPDATE {table} SET {column} = {spelling} WHERE {which}")  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0010_list_columns"),
        ("applications", "0010_numbers_count"),
        ("voice", "0037_bulk_actions"),
    ]

    operations = [migrations.RunPython(spell, migrations.RunPython.noop, elidable=True)]
