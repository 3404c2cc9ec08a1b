"""What every case is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

# Nobody's numbers and nobody's secrets: wherever a log or an error tells one of these, something leaks.
CANARY_FROM, CANARY_TO = "+13125550147", "+13125550183"
CANARY_CARD = "4111111111111111"
CANARY_SECRET = "canary-6f1c0a52b9"
CANARIES = (CANARY_FROM[1:], CANARY_TO[1:], CANARY_CARD, CANARY_SECRET)


@dataclass(frozen=True, kw_only=True)
class Case:
    """``number`` is the catalogue's, ``name`` says what is odd about it."""

    number: str
    name: str

    @property
    def slug(self) -> str:
        """A short ASCII name, unique among cases: for ids of events and of tests."""
        return f"{self.number}-{slug(self.name)}"


def slug(name: str) -> str:
    """``name`` in small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def parameters(cases: Iterable[Case]) -> list[Any]:
    """For ``pytest.mark.parametrize``: each case under its own name."""
    return [pytest.param(case, id=case.slug) for case in cases]
