"""Registers the checks of the alerts, and defines what each is given and what it finds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from portal.models import TelnyxAccount
from portal.texts import pluralised
from voice.models import ALERT_KINDS

MOST = 1000  # rows that are counted; "1,000 or more" is as bad


@dataclass(frozen=True)
class CheckRound:
    """Holds one round of checks. ``since``: they ran without a gap from then on; before that nobody watched."""

    now: datetime
    since: datetime

    def waited(self, at: datetime) -> timedelta:
        """Measure how long something has been waiting while the portal was there to see to it."""
        return self.now - max(at, self.since)


@dataclass(frozen=True)
class Finding:
    """Holds one thing that is wrong now. ``subject`` is the same as long as it is the same thing."""

    subject: str
    summary: str
    account: TelnyxAccount | None = None
    link: str = ""
    details: dict[str, Any] = field(default_factory=dict)


Find = Callable[[CheckRound], Iterable[Finding]]


@dataclass(frozen=True)
class Check:
    """Holds a check. ``closes_after``: how long it must not be found, so that what comes and goes is one alert."""

    find: Find
    closes_after: timedelta


CHECKS: dict[str, Check] = {}


def check(kind: str, label: str, closes_after: timedelta = timedelta()) -> Callable[[Find], Find]:
    """Register the function below as the check of ``kind``: a code of at most 30 characters, kept in each alert.

    Pages, the REST filter, muting and ``/metrics`` know the kind and its ``label`` from here.
    """

    def register(find: Find) -> Find:
        CHECKS[kind], ALERT_KINDS[kind] = Check(find, closes_after), label
        return find

    return register


def listing(model: str, **query: Any) -> str:
    """Make the address of a list in the browser (``voice_callevent``), narrowed by ``query``."""
    address = reverse(f"admin:{model}_changelist")
    return f"{address}?{urlencode(query)}" if query else address


def counted(number: int, singular: str, plural: str) -> str:
    """Write ``3 events``; beyond ``MOST`` nobody counts."""
    return f"{MOST:,} or more {plural}" if number > MOST else pluralised(number, singular, plural)
