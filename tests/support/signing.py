"""Telnyx's key of the tests, what is signed with it, and keys of others."""

import base64
import time

from nacl.signing import SigningKey

from portal import signatures

TELNYX_KEY = SigningKey(b"a signing key for the tests only")


def signed(body: bytes, now: float | None = None, key: SigningKey = TELNYX_KEY) -> dict[str, str]:
    """The headers Telnyx would send with ``body``, at the present time unless ``now`` says another."""
    return signatures.sign(body, key, time.time() if now is None else now)


def key_pair() -> tuple[SigningKey, str]:
    """A new key that no account has unless it is given it, and its public half as an account has it."""
    key = SigningKey.generate()
    return key, base64.b64encode(bytes(key.verify_key)).decode()
