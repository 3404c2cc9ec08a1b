"""Seals every stored secret with the newest encryption key."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.encryption import CannotOpen, key_id

_SEALED = "_sealed"  # what a column of a sealed secret ends in; the property without it opens and seals


class Command(BaseCommand):
    """Makes the older keys of ``PORTAL_ENCRYPTION_KEYS`` needless, so that they can be taken out."""

    help = "Seal every stored secret anew with the first of PORTAL_ENCRYPTION_KEYS. Old and new key must be there."

    def handle(self, *args: Any, **options: Any) -> None:
        done, failed = 0, []
        for model in apps.get_models():
            for column in [field.name for field in model._meta.fields if field.name.endswith(_SEALED)]:
                for row in model._base_manager.exclude(**{column: ""}).iterator():
                    try:
                        done += _seal_anew(row, column)
                    except CannotOpen as error:
                        failed.append(f"{model._meta.verbose_name} {row}: {error}.")
        self.stdout.write(f"{done} sealed anew.")
        if failed:
            raise CommandError("\n".join([*failed, "Put the key back that sealed these, or enter their secrets anew."]))


def _seal_anew(row: Any, column: str) -> bool:
    """Tell whether it was sealed with an older key; a secret that is changed at this moment stays what it becomes."""
    old = getattr(row, column)
    if old.split(":")[1:2] == [key_id(settings.PORTAL_ENCRYPTION_KEYS[0])]:
        return False
    secret = column.removesuffix(_SEALED)
    setattr(row, secret, getattr(row, secret))
    rows = type(row)._base_manager.filter(pk=row.pk, **{column: old})
    return bool(rows.update(**{column: getattr(row, column)}))
