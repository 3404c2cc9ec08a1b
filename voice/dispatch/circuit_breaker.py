"""Stops an account's commands while Telnyx does not answer: a circuit breaker. Webhooks never ask it.

It opens on five commands in a row of which nothing was heard, on half of the last twenty, or when Telnyx rejects the
key. Open, commands wait until they expire; after a pause one of them may try (half-open), and its outcome decides. And
where Telnyx says "too many requests", the account's other commands wait as long as it asks.
"""

import uuid
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from django.db import transaction
from django.db.models import Q

from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.error_codes import KEY_REJECTED
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from voice.catalogue import actions
from voice.models import AccountBreaker, CallCommand

IN_A_ROW, OF_THE_LAST, BAD_OF_THEM = 5, 20, 10
PROBE_LEASE = timedelta(seconds=30)  # a probe whose sender died does not keep it half-open for ever
TOO_MANY = "Telnyx asked this account to wait: too many requests."
TOO_MANY_DIALS = "Telnyx asked this account to wait with dials: more a second than it takes."
DIALS_PER_SECOND = "90103"  # API error code: more than 30 dials a second in an account
_PAUSES = (5, 10, 20, 40, 60)  # seconds

_OF = "EXISTS (SELECT 1 FROM voice_accountbreaker b WHERE b.account_id = {} AND (b.state <> 'closed' OR {}))"

_log = structlog.get_logger(__name__)
_State = AccountBreaker.State


def may_hold(account: str) -> str:
    """Build the condition, in SQL, that ``why_held`` might name a reason. ``account``: the SQL of its id.

    Where it does not hold, a command is begun without asking ``why_held``: whoever adds a reason there adds it here.
    """
    return _OF.format(account, f"b.wait_until > {sql.now()} OR b.dials_wait_until > {sql.now()}")


def may_learn(account: str) -> str:
    """Build the condition, in SQL, that ``record_outcome`` would write something about a command that is ok."""
    return _OF.format(account, "b.recent LIKE '%%x%%'")


def breaker_of(account: TelnyxAccount) -> AccountBreaker:
    """Find the account's breaker; a closed one, not saved, when it never had one."""
    found = AccountBreaker.objects.select_related("account").filter(account=account).first()
    return found or AccountBreaker(account=account, since=account.created_at)


def not_closed() -> list[AccountBreaker]:
    """List the breakers that hold commands back now, the oldest first."""
    return list(AccountBreaker.objects.select_related("account").exclude(state=_State.CLOSED).order_by("since"))


def holding() -> list[tuple[AccountBreaker, str]]:
    """List the accounts whose commands wait now, each with the words for it."""
    waits = Q(wait_until__gt=sql.Now()) | Q(next_probe_at__gt=sql.Now())
    return [(row, _words(row)) for row in AccountBreaker.objects.filter(waits)]


def holding_dials() -> list[uuid.UUID]:
    """List the ids of the accounts whose dials wait now, whatever becomes of their other commands."""
    return list(AccountBreaker.objects.filter(dials_wait_until__gt=sql.Now()).values_list("account", flat=True))


def why_held(account_id: uuid.UUID, action: str, now: datetime) -> str:
    """Tell why a command is not sent now; empty when it may be. Once a probe is due, the first to ask is the probe."""
    row = sql.fetch(AccountBreaker, account=account_id)
    if row is None:
        return ""
    if row.wait_until and row.wait_until > now:
        return TOO_MANY
    if action in actions.NEW_CALLS and row.dials_wait_until and row.dials_wait_until > now:
        return TOO_MANY_DIALS
    if row.is_closed:
        return ""
    # one UPDATE under the row's lock: of two that ask at once, the second finds another time there
    same = AccountBreaker.objects.filter(account=account_id, next_probe_at=row.next_probe_at, next_probe_at__lte=now)
    probing = {"state": _State.HALF_OPEN, "next_probe_at": now + PROBE_LEASE}
    return "" if same.exclude(state=_State.CLOSED).update(**probing) == 1 else _words(row)


def _words(row: AccountBreaker) -> str:
    return TOO_MANY if row.is_closed else f"Commands of this account are held back: {row.why}"


def record_outcome(command: CallCommand, error: TelnyxError | None, now: datetime) -> None:
    """Update the breaker from an attempt's outcome. While all is well nothing is written."""
    if isinstance(error, TelnyxUnavailable) and error.http_status == HTTPStatus.TOO_MANY_REQUESTS:
        _wait(command.account_id, error, now)
    account_id, again = command.account_id, len(command.attempts) > 1
    rejected, usable = _is_rejection(error), not isinstance(error, TelnyxUncertain) and not _is_unreachable(error)
    may_have_one = vars(command).get("has_breaker", True)  # as it was asked with the lease
    found = sql.fetch(AccountBreaker, account=account_id) if may_have_one else None
    if usable and not rejected and (found is None or (found.is_closed and "x" not in found.recent)):
        return
    with transaction.atomic():
        AccountBreaker.objects.bulk_create([AccountBreaker(account_id=account_id, since=now)], ignore_conflicts=True)
        row = AccountBreaker.objects.select_for_update(no_key=True).get(account=account_id)
        if usable or rejected or not again:  # one stubborn command is no silent Telnyx
            row.recent = (row.recent + ("o" if usable and not rejected else "x"))[-OF_THE_LAST:]
        _judge(row, error, now, rejected=rejected, usable=usable)
        row.save()


def _wait(account_id: uuid.UUID, error: TelnyxUnavailable, now: datetime) -> None:
    """Hold back what Telnyx would refuse alike: dials for its limit of dials a second, else everything."""
    name = "dials_wait_until" if error.code == DIALS_PER_SECOND else "wait_until"
    until = now + timedelta(seconds=error.retry_after)
    AccountBreaker.objects.bulk_create([AccountBreaker(account_id=account_id, since=now)], ignore_conflicts=True)
    longer = Q(**{name: None}) | Q(**{f"{name}__lt": until})
    AccountBreaker.objects.filter(longer, account=account_id).update(**{name: until})


def close(account: TelnyxAccount, actor: Actor) -> AccountBreaker:
    """Close the breaker for a person who says that Telnyx works again: what waits goes out with the next sweep."""
    with transaction.atomic():
        row = AccountBreaker.objects.select_for_update(no_key=True).filter(account=account).first()
        if row is None or row.is_closed:
            return row or breaker_of(account)
        AuditEvent.note(actor, "breaker.close", account, why=row.why, since=row.since.isoformat())
        _close(row, sql.clock(), f"Closed by {actor.label}.")
        row.save()
    return row


def _judge(row: AccountBreaker, error: TelnyxError | None, now: datetime, *, rejected: bool, usable: bool) -> None:
    if rejected:
        _open(row, f"Telnyx rejects the account's key: {error}", now, longest=True)
    elif usable:
        if row.state == _State.HALF_OPEN:
            _close(row, now, "The probe was answered.")
    elif row.state == _State.HALF_OPEN:
        _open(row, f"The probe failed: {error}", now)
    elif row.is_closed and row.recent.endswith("x" * IN_A_ROW):
        _open(row, f"{IN_A_ROW} commands in a row told nothing. The last one: {error}", now)
    elif row.is_closed and row.recent.count("x") >= BAD_OF_THEM:
        _open(row, f"{row.recent.count('x')} of the last {OF_THE_LAST} commands told nothing.", now)


def _open(row: AccountBreaker, why: str, now: datetime, *, longest: bool = False) -> None:
    row.since = now if row.is_closed else row.since
    row.pauses = 0 if row.is_closed else min(row.pauses + 1, 1000)
    pause = _PAUSES[-1] if longest else _PAUSES[min(row.pauses, len(_PAUSES) - 1)]
    row.state, row.why, row.next_probe_at = _State.OPEN, why[:500], now + timedelta(seconds=pause)
    _log.warning("commands of an account are held back", account=str(row.account_id), pause_seconds=pause)


def _close(row: AccountBreaker, now: datetime, why: str) -> None:
    row.state, row.since, row.why, row.next_probe_at = _State.CLOSED, now, why, None
    row.pauses, row.recent = 0, ""


def _is_rejection(error: TelnyxError | None) -> bool:
    """Tell whether Telnyx does not accept the key. An ordinary refusal is a 403 too: 10010 with a code like D13."""
    if not isinstance(error, TelnyxRefused):
        return False
    return error.http_status == HTTPStatus.UNAUTHORIZED or error.code in KEY_REJECTED


def _is_unreachable(error: TelnyxError | None) -> bool:
    return isinstance(error, TelnyxUnavailable) and error.http_status is None
