"""Notes on a command since when and why it is held back, so that a person who waits can be told.

A command is held back by another one of its call, by a pause or a limit of its batch, by the account's circuit breaker,
by Telnyx's "too many requests", or because nobody took it up.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet, Value

from portal import sql
from voice.catalogue import actions
from voice.dispatch import circuit_breaker
from voice.models import CallCommand

BLOCKED = "Another command of the same call or conference comes first."
PAUSED = "Its batch is paused."
LAG = timedelta(seconds=2)  # the sweep takes up what no wake-up reached within half a second
_LENGTH, _AT_ONCE = 300, 500


def note(command: CallCommand, why: str, now: datetime) -> None:
    """Note why a command that is due is not sent now. The first time stays, the latest reason counts."""
    why = why[:_LENGTH]
    if command.held_since is not None and command.held_why == why:
        return
    command.held_since, command.held_why = command.held_since or now, why
    sql.update(command, ("held_since", "held_why"))


def note_lag(command: CallCommand, now: datetime) -> None:
    """Note, unsaved, that nobody took it up for long, of a command whose first attempt begins."""
    due_at = command.lease_until or command.created_at
    if command.held_since is None and not command.attempts and not command.sequence and now - due_at > LAG:
        command.held_since = due_at
        command.held_why = (
            f"Nobody took it up for {(now - due_at).total_seconds():.0f} s: the workers were busy or away."
        )


def note_accounts() -> None:
    """Note it on every command that waits for its account: no wake-up has to have told of it."""
    waiting = CallCommand.objects.due().filter(status=CallCommand.Status.QUEUED, held_since=None)
    for row, why in circuit_breaker.holding():
        _note_free(waiting.filter(account_id=row.account_id), why)
    dials = waiting.filter(action__in=actions.NEW_CALLS)
    for account_id in circuit_breaker.holding_dials():
        _note_free(dials.filter(account=account_id), circuit_breaker.TOO_MANY_DIALS)


def _note_free(waiting: QuerySet[CallCommand], why: str) -> None:
    """Note it on those that nobody has just now: the next look finds the others, if they still wait then.

    Who pauses a batch or stops everything locks many of them as well, in another order.
    """
    with transaction.atomic():
        free = waiting.select_for_update(skip_locked=True, no_key=True).order_by()
        ids = list(free.values_list("pk", flat=True)[:_AT_ONCE])
        CallCommand.objects.filter(pk__in=ids).update(held_since=sql.Now(), held_why=Value(why[:_LENGTH]))
