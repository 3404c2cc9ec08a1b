from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voice", "0006_rejections")]

    operations: list[object] = []
