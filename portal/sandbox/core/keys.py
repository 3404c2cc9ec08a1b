"""Keeps the Ed25519 key the sandbox signs its webhooks with: one per data directory, as Telnyx has one per account."""

import base64
import hashlib
import os
from pathlib import Path

from nacl.signing import SigningKey


def signing_key(path: Path) -> SigningKey:
    """Return the key kept in ``path`` (base64 of the 32-byte seed, readable by its owner only); make it when missing.

    Raises ``ValueError`` when the file holds something else.
    """
    if not path.exists():
        _write_once(path, base64.b64encode(bytes(SigningKey.generate())))
    seed = base64.b64decode(path.read_bytes().strip(), validate=True)
    return SigningKey(seed)


def key_of_seed(seed: str) -> SigningKey:
    """Return the key of a seed that makes everything the same again."""
    return SigningKey(hashlib.sha256(f"sandbox key {seed}".encode()).digest())


def key_of_text(text: str) -> SigningKey:
    """Return the key that somebody gave; ``ValueError`` when it is none."""
    return SigningKey(base64.b64decode(text, validate=True))


def public_key(key: SigningKey) -> str:
    """Return the base64 of the 32 public bytes: what Telnyx shows under Keys & Credentials → Public Key."""
    return base64.b64encode(bytes(key.verify_key)).decode()


def _write_once(path: Path, content: bytes) -> None:
    # written whole beside it, then linked: of two processes starting at once the second keeps the first one's key
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
