"""The only door to the ``telnyx`` package.

Importing it costs about a second and 100 MB, so it happens at the first need and never at start-up.
"""

from functools import cache
from types import ModuleType


@cache
def telnyx() -> ModuleType:
    """The ``telnyx`` package, imported at the first call."""
    import telnyx

    return telnyx
