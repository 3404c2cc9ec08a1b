"""A fetch may be answered by the apology because its application is suspended. No statement is run."""

from django.db import migrations, models

VERDICTS = [
    ("served", "Served"),
    ("apology", "the apology: it could not be filled"),
    ("fallback", "the fallback document"),
    ("suspended", "the apology: it would call somebody, and that is suspended"),
]


class Migration(migrations.Migration):
    dependencies = [("voice", "0033_ordered_exports")]

    operations = [
        migrations.AlterField(
            model_name="texmlfetch", name="verdict", field=models.CharField(choices=VERDICTS, max_length=10)
        )
    ]
