"""Seals every stored secret with the newest encryption key."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.checks import OWN_CHECKS
from portal.encryption import CannotOpen, key_id
from portal.progress import Bar
from portal.sealed_json import SealedJSONField, sealed_anew

_SEALED = "_sealed"  # what a column of a sealed secret ends in; the property without it opens and seals
_Again = Callable[[Any, str], Any]


class Command(BaseCommand):
    """Makes the older keys of ``PORTAL_ENCRYPTION_KEYS`` needless, so that they can be taken out."""

    requires_system_checks = OWN_CHECKS
    help = "Seal every stored secret anew with the first of PORTAL_ENCRYPTION_KEYS. Old and new key must be there."

    def handle(self, *args: Any, **options: Any) -> None:
        done, failed, columns = 0, [], list(_columns())
        total = sum(model._base_manager.count() for model, _, _ in columns)
        with closing(Bar(self.stderr, "secrets looked at")) as bar:
            for at, (row, column, again) in enumerate(_rows(columns), 1):
                try:
                    done += _seal_anew(row, column, again)
                except CannotOpen as error:
                    failed.append(f"{row._meta.verbose_name} {row}: {error}.")
                bar.update(at, total)
        self.stdout.write(f"{done} sealed anew.")
        if failed:
            raise CommandError("\n".join([*failed, "Put the key back that sealed these, or enter their secrets anew."]))


def _columns() -> Iterator[tuple[Any, str, _Again]]:
    for model in apps.get_models():
        for field in model._meta.fields:
            if field.name.endswith(_SEALED):
                yield model, field.name, _secret_again
            elif isinstance(field, SealedJSONField):
                yield model, field.name, lambda row, column: sealed_anew(getattr(row, column))


def _rows(columns: list[tuple[Any, str, _Again]]) -> Iterator[tuple[Any, str, _Again]]:
    for model, column, again in columns:
        for row in model._base_manager.iterator():
            yield row, column, again


def _secret_again(row: Any, column: str) -> str:
    sealed: str = getattr(row, column)
    if sealed and sealed.split(":")[1:2] != [key_id(settings.PORTAL_ENCRYPTION_KEYS[0])]:
        secret = column.removesuffix(_SEALED)
        setattr(row, secret, getattr(row, secret))
    return str(getattr(row, column))


def _seal_anew(row: Any, column: str, again: _Again) -> bool:
    """Tell whether it was sealed with an older key; a secret that is changed at this moment stays what it becomes."""
    old = getattr(row, column)
    new = again(row, column)
    return old != new and bool(type(row)._base_manager.filter(pk=row.pk, **{column: old}).update(**{column: new}))
