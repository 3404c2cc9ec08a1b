"""P2: the webhook endpoint of dj-stripe under the same load, recording only (the tasks differ: it asks no Ed25519)."""

import importlib.util
from collections.abc import Iterator


def run() -> Iterator[str]:
    """Lines to print."""
    if importlib.util.find_spec("djstripe") is None:
        yield "P2 left out: dj-stripe is not installed"
        return
    yield "P2 not built yet: dj-stripe is installed, and no stage for it is written"
