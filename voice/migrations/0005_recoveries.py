from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voice", "0004_conferences")]

    operations: list[object] = []
