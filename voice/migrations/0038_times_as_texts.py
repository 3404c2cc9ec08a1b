"""SQLite compares times as texts: those that the portal wrote by the database's clock get the spelling of all others."""

from django.db import migrations, models

OURS = ("portal", "applications", "voice")


def spell(apps, schema_editor) -> None:  # noqa: ANN001
    if schema_editor.connection.vendor != "sqlite":
        return
    for model in apps.get_models():
        fields = model._meta.local_concrete_fields if model._meta.app_label in OURS else ()
        columns = [f'"{field.column}"' for field in fields if isinstance(field, models.DateTimeField)]
        if not columns:
            continue
        spelled, odd = list[str](), list[str]()
        for column in columns:
            short, whole = f"LENGTH({column}) = 23", f"{column} LIKE '%.000000'"
            changed = f"WHEN {short} THEN {column} || '000' WHEN {whole} THEN SUBSTR({column}, 1, 19)"
            spelled.append(f"{column} = CASE {changed} ELSE {column} END")
            odd += [short, whole]
        table, sets, which = f'"{model._meta.db_table}"', ", ".join(spelled), " OR ".join(odd)
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {sets} WHERE {which}")  # noqa: S608


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0010_list_columns"),
        ("applications", "0010_numbers_count"),
        ("voice", "0037_bulk_actions"),
    ]

    operations = [migrations.RunPython(spell, migrations.RunPython.noop, elidable=True)]
