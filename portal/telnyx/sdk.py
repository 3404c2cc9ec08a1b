"""Imports the ``telnyx`` package, and is the only door to it.

Importing it costs about a second and 100 MB, so it happens at the first need and never at start-up.
"""

from functools import cache
from types import ModuleType


@cache
def telnyx() -> ModuleType:
    """Return the ``telnyx`` package, imported at the first call."""
    import telnyx

    return telnyx
