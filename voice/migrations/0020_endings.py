"""Why a call ended. The columns are empty and have defaults of the database's, so that no row is written here.

Calls that are over already are judged by ``manage.py explain --fill``, whenever there is time for it.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0006_owner"),
        ("voice", "0019_texml_cases"),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="ended_by",
            field=models.CharField(
                blank=True,
                choices=[
                    ("caller", "Caller"),
                    ("callee", "Callee"),
                    ("us", "Us"),
                    ("telnyx", "Telnyx"),
                    ("carrier", "Carrier"),
                    ("nobody", "Nobody"),
                    ("unknown", "Unknown"),
                ],
                db_default="",
                default="",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="ending",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="The rule that decided.", max_length=40
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="ending_category",
            field=models.CharField(
                blank=True,
                choices=[
                    ("completed", "Completed"),
                    ("not_answered", "Not Answered"),
                    ("busy", "Busy"),
                    ("rejected", "Rejected"),
                    ("unreachable", "Unreachable"),
                    ("configuration", "Configuration"),
                    ("carrier", "Carrier"),
                    ("our_side", "Our Side"),
                    ("unknown", "Unknown"),
                    ("running", "Running"),
                ],
                db_default="",
                default="",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="call",
            name="judge_at",
            field=models.DateTimeField(help_text="When its ending is to be judged, or judged again.", null=True),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("ending_category", ""), _negated=True),
                fields=["ending_category", "-started_at"],
                name="call_by_ending",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("ended_by", ""), _negated=True),
                fields=["ended_by", "-started_at"],
                name="call_by_party",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(
                condition=models.Q(("judge_at__isnull", False)), fields=["judge_at"], name="call_to_judge"
            ),
        ),
    ]
