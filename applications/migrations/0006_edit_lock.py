"""``Turn`` is called ``EditLock``. Its table stays as it is: no statement is run on it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0005_turns"),
        # The way back renames the model's content type, too, by the columns that it has since this one.
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelTable(name="turn", table="applications_turn"),
        migrations.RenameModel(old_name="Turn", new_name="EditLock"),
        migrations.AlterModelOptions(name="editlock", options={"default_permissions": ()}),
    ]
