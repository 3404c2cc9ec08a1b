from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voice", "0007_alerts")]

    operations: list[object] = []
