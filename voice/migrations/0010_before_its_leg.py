from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("voice", "0009_waiting")]

    operations = [
        migrations.AddIndex(
            "callevent",
            models.Index(
                fields=["call_leg_id"],
                name="event_before_its_leg",
                condition=Q(call=None, call_control_id="", status="ignored") & ~Q(call_leg_id=""),
            ),
        ),
    ]
