"""What a fresh account may not call before somebody opens it. Accounts that are there may call what they could."""

from typing import Any
from urllib.parse import urlsplit

from django.db import migrations, models

import voice.models.limits

# what the version before made of an account without limits, when they were first needed
_LIVE = {"dials_per_minute": 60, "dials_per_day": 2000, "concurrent_calls": 50}
_SANDBOX = {"dials_per_minute": 1000, "dials_per_day": 50_000, "concurrent_calls": 1000, "for_live": False}


def keep(apps: Any, schema_editor: Any) -> None:
    """Make the limits of accounts that have none yet, as open as the version before would have made them."""
    alias = schema_editor.connection.alias
    limits, account = apps.get_model("voice", "Limits"), apps.get_model("portal", "TelnyxAccount")
    for row in account.objects.using(alias).all():
        is_live = urlsplit(row.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}
        limits.objects.using(alias).get_or_create(account=row, defaults=_LIVE if is_live else _SANDBOX)
        limits.objects.using(alias).filter(account=row).update(for_live=is_live)


class Migration(migrations.Migration):
    dependencies = [("voice", "0013_held_back")]

    operations = [
        migrations.AlterModelOptions(
            name="call",
            options={
                "ordering": ["-started_at", "-id"],
                "permissions": [
                    ("dial", "Can dial, transfer and refer"),
                    ("control_call", "Can control calls"),
                    ("listen_recording", "Can listen to recordings"),
                    ("send_anywhere", "Can send media and events of calls to any host"),
                    ("view_full_number", "Can see whole phone numbers"),
                ],
            },
        ),
        migrations.AddField(
            model_name="limits",
            name="allowed_sip_hosts",
            field=models.JSONField(
                blank=True,
                db_default=["*"],
                default=voice.models.limits.any_host,
                help_text="Beside Telnyx's own, as pbx.example.com, *.example.com; * is every host.",
                verbose_name="hosts of SIP addresses",
            ),
        ),
        migrations.AddField(
            model_name="limits",
            name="any_country",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="While no country and no prefix is named above, every country may be called; else none.",
                verbose_name="every country",
            ),
        ),
        migrations.AddField(
            model_name="limits",
            name="egress_hosts",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text="Where calls may be streamed, their events sent and audio fetched from, beside this portal's "
                "own host: media.example.com, *.example.com. Empty: only whoever has the permission to send anywhere "
                "may.",
                verbose_name="hosts for media and events",
            ),
        ),
        migrations.AddField(
            model_name="limits",
            name="for_live",
            field=models.BooleanField(db_default=True, default=True, editable=False),
        ),
        migrations.AddField(
            model_name="limits",
            name="own_countries_wanted",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AlterField(
            model_name="limits",
            name="allowed_countries",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="ISO codes, as US, CA, DE. Empty, with no allowed prefixes: see below.",
            ),
        ),
        migrations.RunPython(keep, migrations.RunPython.noop, elidable=False),
    ]
