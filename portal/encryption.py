"""Encrypts secrets at rest with XChaCha20-Poly1305, bound to the place they are stored in.

A sealed value is ``nacl1:<key id>:<base64>``. The place (table, field, row) is authenticated with it, so a ciphertext
copied into another row does not open. Keys are tried by id; the newest key seals.
"""

import base64
import hashlib
from functools import cache

from django.conf import settings
from nacl.exceptions import CryptoError
from nacl.secret import Aead

_SCHEME = "nacl1"


class CannotOpen(Exception):
    """A stored secret cannot be read: its key is gone, or the value was moved or changed."""


def seal(text: str, place: str) -> str:
    """Encrypt ``text`` for ``place`` (``table.field.row id``) with the newest key."""
    key = settings.PORTAL_ENCRYPTION_KEYS[0]
    sealed = Aead(key).encrypt(text.encode(), place.encode())
    return f"{_SCHEME}:{key_id(key)}:{base64.b64encode(sealed).decode()}"


def unseal(sealed: str, place: str) -> str:
    """Decrypt the text that was sealed for ``place``; ``CannotOpen`` for anything else.

    Never the stored string itself.
    """
    try:
        scheme, identifier, body = sealed.split(":")
        key = next(key for key in settings.PORTAL_ENCRYPTION_KEYS if key_id(key) == identifier)
        if scheme != _SCHEME:
            raise ValueError(scheme)
        return Aead(key).decrypt(base64.b64decode(body, validate=True), place.encode()).decode()
    except StopIteration:
        raise CannotOpen("the key it was sealed with is not among PORTAL_ENCRYPTION_KEYS") from None
    except (ValueError, CryptoError):
        raise CannotOpen("the stored value was changed or belongs to another row") from None


@cache
def key_id(key: bytes) -> str:
    """Return eight hex digits that tell keys apart without telling anything of them."""
    return hashlib.sha256(b"portal key id" + key).hexdigest()[:8]
