"""Knows in which countries a phone number may be, by how it begins.

``countries.json`` holds it: country codes, and the area codes of North America that are not of the United States.
``python -m tests.support.sandbox_countries`` writes it, and a test compares it with Google's library.
"""

import json
import re
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".json")
_LONGEST = 4  # digits of a beginning
_NOT_DIGITS = re.compile(r"\D")


def of_number(number: str) -> tuple[str, ...]:
    """Return the countries (ISO 3166, two letters) that share the beginning of this number; none of a SIP URI."""
    if not number.startswith("+"):
        return ()
    digits = _NOT_DIGITS.sub("", number)
    beginnings = (digits[:length] for length in range(_LONGEST, 0, -1))
    return next((_table()[beginning] for beginning in beginnings if beginning in _table()), ())


@cache
def _table() -> dict[str, tuple[str, ...]]:
    return {beginning: tuple(names) for beginning, names in json.loads(_FILE.read_text()).items()}
