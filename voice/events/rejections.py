"""Records requests that the street door refused: the last 100 and counters, so that people see why nothing arrives.

A refusal costs the request no more than a few lines of memory: a thread writes what has come together, at most once a
second. Of each kind of reason the latest is kept, so no flood hides another; of how many there were none is lost.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone

from applications.probe import PROBE_HEADER
from portal.models import TelnyxAccount
from portal.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, BadSignature
from portal.write_behind import WriteBehind
from voice.events import refusal_reasons
from voice.models import RejectedRequest, RejectionCount

RING = 100
KEPT = timedelta(days=7)
_PAUSE, _PAUSE_AFTER_FAILURE = 1.0, 5.0  # seconds between two writes
_NAMES, _NAME = 64, 100  # how many names of headers, and how much of each

_log = structlog.get_logger(__name__)

Slot = tuple[uuid.UUID | None, str]  # account and code


@dataclass(frozen=True)
class Refused:
    """Holds one request until it is written; its body only while somebody may still ask whose key it was."""

    at: datetime
    account_id: uuid.UUID | None
    reason: refusal_reasons.Reason | BadSignature
    names: list[str]
    hints: list[str]
    signed: Mapping[str, str]
    body: bytes

    @property
    def slot(self) -> Slot:
        return self.account_id, self.reason.code


def note(
    headers: Mapping[str, str],
    account: TelnyxAccount | None,
    reason: refusal_reasons.Reason | BadSignature,
    body: bytes = b"",
) -> None:
    """Remember that a request was refused; ``account`` is None when nobody has its address. It never waits."""
    if reason.code == "no_headers" and PROBE_HEADER in headers:
        reason = refusal_reasons.PROBE
    signed = {name: headers.get(name, "") for name in (TIMESTAMP_HEADER, SIGNATURE_HEADER)}
    names = [name[:_NAME] for name in sorted(headers)[:_NAMES]]
    hints = refusal_reasons.hints(headers, reason.code)
    asked = reason.code in {"other_key", "stale"}
    writer.put(
        Refused(timezone.now(), account.pk if account else None, reason, names, hints, signed, body if asked else b"")
    )


class Writer(WriteBehind):
    """Collects refused requests and has them written behind the answer."""

    def __init__(self) -> None:
        super().__init__("rejections", _PAUSE, _PAUSE_AFTER_FAILURE)
        self._counts: Counter[tuple[uuid.UUID | None, datetime, str]] = Counter()
        self._latest: dict[Slot, Refused] = {}

    def put(self, refused: Refused) -> None:
        """Count the request, and keep it as the latest of its kind."""
        hour = refused.at.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            self._counts[refused.account_id, hour, refused.reason.code] += 1
            self._latest[refused.slot] = refused
        self.start()

    def flush(self) -> bool:
        """Write what waits, in one transaction. False when the database is away: then it goes on waiting."""
        with self._lock:
            counts, latest = self._counts, self._latest
            self._counts, self._latest = Counter(), {}
        try:
            _write(counts, latest.values())
        except (OperationalError, InterfaceError):
            with self._lock:
                self._counts.update(counts)
                self._latest = latest | self._latest
            return False
        except DatabaseError as error:  # it would fail again: better lose it than hold up what follows
            _log.warning("rejections not written", error=type(error).__name__)
        return True

    def _waits(self) -> bool:
        return bool(self._counts)


writer = Writer()


def counts_by_account(since: datetime) -> dict[uuid.UUID | None, Counter[str]]:
    """Count per account (None: nobody's address) how many requests were refused since that hour, by code."""
    found: dict[uuid.UUID | None, Counter[str]] = defaultdict(Counter)
    for account_id, code, count in RejectionCount.objects.filter(hour__gte=since).values_list(
        "account", "code", "count"
    ):
        found[account_id][code] += count
    return found


def clean_up() -> None:
    """Forget counters that are a week old."""
    RejectionCount.objects.filter(hour__lt=timezone.now() - KEPT).delete()


def _write(counts: Mapping[tuple[uuid.UUID | None, datetime, str], int], latest: Iterable[Refused]) -> None:
    accounts = list(TelnyxAccount.objects.all())
    known = {None, *(account.pk for account in accounts)}  # one may have been deleted meanwhile
    rows = [_row(refused, accounts) for refused in latest if refused.account_id in known]
    with transaction.atomic():
        for (account_id, hour, code), number in sorted(counts.items(), key=str):  # one order: no deadlock
            if account_id in known:
                _add(account_id, hour, code, number)
        RejectedRequest.objects.bulk_create(rows)
        RejectedRequest.objects.filter(pk__in=_surplus()).delete()


def _add(account_id: uuid.UUID | None, hour: datetime, code: str, number: int) -> None:
    row = {"account": account_id, "hour": hour, "code": code}
    if RejectionCount.objects.filter(**row).update(count=F("count") + number):
        return
    try:
        with transaction.atomic():
            RejectionCount.objects.create(account_id=account_id, hour=hour, code=code, count=number)
    except IntegrityError:  # another process made it just now
        RejectionCount.objects.filter(**row).update(count=F("count") + number)


def _row(refused: Refused, accounts: list[TelnyxAccount]) -> RejectedRequest:
    hint = " ".join([*refused.hints, *_whose(refused, accounts)])[:500]
    values = {
        "code": refused.reason.code,
        "reason": str(refused.reason)[:200],
        "hint": hint,
        "header_names": refused.names,
    }
    return RejectedRequest(at=refused.at, account_id=refused.account_id, **values)


def _whose(refused: Refused, accounts: list[TelnyxAccount]) -> list[str]:
    """Ask the keys of all accounts who signed it: one request of a kind a second is looked at."""
    if refused.reason.code not in {"other_key", "stale"}:
        return []
    found = refusal_reasons.signer(refused.signed, refused.body, accounts)
    if refused.reason.code == "stale":
        return [f"Apart from its age it is signed with {found}." if found else "Besides, no key of this portal fits."]
    return [f"It is signed with {found}: is its webhook address pasted into the wrong account?"] if found else []


def _surplus() -> list[int]:
    """Select what the ring has too many: the oldest of the most frequent kind, so that a rare one stays."""
    kept: dict[Slot, list[int]] = defaultdict(list)
    ring = list(RejectedRequest.objects.values_list("pk", "account", "code"))
    for pk, account_id, code in ring:
        kept[account_id, code].append(pk)
    return [max(kept.values(), key=len).pop() for _ in range(len(ring) - RING)]
