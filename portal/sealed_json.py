"""Keeps the secrets within a JSON value sealed: passwords, tokens, headers. What is read is sealed still.

A sealed one is a text as any other: it may be copied from a rule into a command, and is opened where Telnyx is asked.
So it is bound to being such a parameter, and not to its row.
"""

import re
from typing import Any

from django.conf import settings
from django.db import models

from portal.encryption import key_id, seal, unseal
from portal.masking import HIDDEN, change_secrets

_PLACE = "parameters"
_SEALED = re.compile(r"nacl1:[0-9a-f]{8}:[A-Za-z0-9+/]+={0,2}")


class SealedJSONField(models.JSONField):
    """Stores JSON with its secrets sealed, however it is written.

    Without ``placeholders`` nothing is filled in later, and what looks like one is a secret as any other. That is no
    matter of the schema: migrations do not know it.
    """

    def __init__(self, *args: Any, placeholders: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._placeholders = placeholders

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(sealed(value, placeholders=self._placeholders), connection, prepared)


def sealed(value: Any, *, placeholders: bool = True) -> Any:
    """Return a JSON value with its secrets sealed. One of the ``placeholders``, filled in later, is none yet."""

    def change(secret: Any) -> Any:
        is_open = isinstance(secret, str) and not _is_sealed(secret) and not (placeholders and "{{" in secret)
        return seal(secret, _PLACE) if is_open else secret

    return change_secrets(value, change)


def unsealed(value: Any) -> Any:
    """Return a JSON value with its secrets as they are, for Telnyx alone. ``CannotOpen`` as ``unseal`` raises it."""
    return change_secrets(value, lambda secret: unseal(secret, _PLACE) if _is_sealed(secret) else secret)


def sealed_anew(value: Any) -> Any:
    """Return a JSON value with each secret sealed by the newest key. ``CannotOpen`` as ``unseal`` raises it."""
    newest = key_id(settings.PORTAL_ENCRYPTION_KEYS[0])

    def change(secret: Any) -> Any:
        is_old = _is_sealed(secret) and secret.split(":")[1] != newest
        return seal(unseal(secret, _PLACE), _PLACE) if is_old else secret

    return change_secrets(value, change)


def with_kept_secrets(value: Any, kept: Any) -> Any:
    """Return ``value`` with the sealed secrets of ``kept`` in the same places, where it says that they are hidden."""
    if isinstance(value, dict) and isinstance(kept, dict):
        return {name: with_kept_secrets(item, kept.get(name)) for name, item in value.items()}
    if isinstance(value, list) and isinstance(kept, list):
        rest = [None] * len(value)
        return [with_kept_secrets(item, old) for item, old in zip(value, [*kept, *rest], strict=False)]
    return kept if value == HIDDEN and _is_sealed(kept) else value


def _is_sealed(text: Any) -> bool:
    return isinstance(text, str) and bool(_SEALED.fullmatch(text))
