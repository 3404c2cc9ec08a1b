from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voice", "0005_recoveries")]

    operations: list[object] = []
