"""Keys of others: a pair that no account of a test has unless it is given it."""

import base64

from nacl.signing import SigningKey


def key_pair() -> tuple[SigningKey, str]:
    """A new key, and its public half as an account has it."""
    key = SigningKey.generate()
    return key, base64.b64encode(bytes(key.verify_key)).decode()
