"""The guards that the model check holds, each switched off alone by an edit of its function, as far as the guard goes.

An edit names a place that must be there: a guard that is written otherwise has its line rewritten here.
What only shows between two transactions of PostgreSQL (the leg's lock, the key of a batch's row) is in ``threads``.
"""

import inspect
import textwrap
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

_HOST_CLOCK = '__import__("django.utils.timezone").utils.timezone.now()'
_ALSO_BLOCKED = (
    "NOT ({_blocked()} OR EXISTS (SELECT 1 FROM voice_callcommand o WHERE o.status = 'sending'"
    " AND o.call_id = voice_callcommand.call_id AND o.id <> voice_callcommand.id))"
)


@dataclass(frozen=True)
class Edit:
    """``guard`` in the source of ``module.name`` (or in its text, or all of it if empty) becomes ``without``."""

    module: str
    name: str
    guard: str
    without: Any = ""

    def apply(self, patch: pytest.MonkeyPatch) -> None:
        module = import_module(self.module)
        whole = getattr(module, self.name)
        if not self.guard:
            patch.setattr(module, self.name, self.without)
            return
        source = whole if isinstance(whole, str) else textwrap.dedent(inspect.getsource(whole))
        assert self.guard in source, f"{self.module}.{self.name} has no {self.guard!r} any more"
        edited = source.replace(self.guard, self.without)
        if not isinstance(whole, str):
            made: dict[str, Any] = {}
            exec(compile(edited, f"<{self.name} without a guard>", "exec"), vars(module), made)
            edited = made[self.name]
        patch.setattr(module, self.name, edited)


SENDER, ORDERING, BREAKER = "voice.dispatch.sender", "voice.dispatch.ordering", "voice.dispatch.circuit_breaker"
RECONCILIATION, CORRELATION = "voice.dispatch.reconciliation", "voice.catalogue.correlation"
LIMITS, OUTBOX, BATCHES = "voice.dialling.limits", "voice.commands.outbox", "voice.dialling.batches"
PROCESSING, RESENDS = "voice.events.processing", "voice.dispatch.resends"

MUTANTS: dict[str, tuple[Edit, ...]] = {
    # The five of the fault suite
    "the unique index of events": (
        Edit("voice.events.intake", "record", "if sql.insert", "event.dedupe_key += event.pk.hex\n    if sql.insert"),
    ),
    "the signature check": (
        Edit(
            "voice.events.webhooks",
            "_receive",
            "signatures.verify(request.headers, body, account.public_keys, time.time())",
            "time.time()",
        ),
    ),
    "the lease of events": (
        Edit("voice.events.leases", "_claim", "AND (lease_until IS NULL OR lease_until < {_NOW[vendor]})"),
    ),
    "the rule of 50 seconds": (Edit("voice.catalogue.retry_policy", "WINDOW", "", timedelta(days=50)),),
    "the account's scope": (
        Edit(PROCESSING, "lock_call", '"account": event.account_id, "call_control_id"', '"call_control_id"'),
    ),
    # Others that hold much
    "the lease of commands": (Edit(ORDERING, "locked", "AND (lease_until IS NULL OR lease_until < {rows.now()})"),),
    "the order within a call": (Edit(ORDERING, "is_blocked", "return bool(", "return False and bool("),),
    "nothing stands before what is begun": (
        Edit(ORDERING, "account_if_free", "command other\n", "command other JOIN voice_callcommand x ON FALSE\n"),
    ),
    "what is begun has a lease": (Edit(SENDER, "_lease", "now + outbox.LEASE", "now - outbox.LEASE"),),
    "the unique intent": (Edit(OUTBOX, "_command", "intent or str(uuid.uuid4())", "str(uuid.uuid4())"),),
    "rules run once": (Edit(PROCESSING, "_decide", "if event.processed_at and", "if False and"),),
    "the freshness limit": (Edit(SENDER, "_reason_not_to_send", "elif now > command.expires_at:", "elif False:"),),
    "the end of the call": (Edit(SENDER, "_reason_not_to_send", "not call.is_alive", "False"),),
    "what takes no id is sent once": (
        Edit("voice.catalogue.retry_policy", "next_resend", "if is_sent_once(action):", "if False:"),
        Edit(SENDER, "_reason_not_to_send", "retry_policy.is_sent_once(command.action)", "False"),
    ),
    "it is already so": (Edit(SENDER, "_attempt", "if len(command.attempts) > 1 and", "if False and"),),
    "an earlier one of its event failed": (
        Edit(SENDER, "_failed_before", "return command", "return False and command"),
        Edit(SENDER, "_close", "if status != _Status.OK and command.event_id:", "if False:"),
    ),
    "the breaker": (Edit(BREAKER, "why_held", "else _words(row)", 'else ""'),),
    "Telnyx asks to wait": (Edit(BREAKER, "why_held", "row.wait_until > now", "False"),),
    "Telnyx asks to wait with dials": (Edit(BREAKER, "why_held", "row.dials_wait_until > now", "False"),),
    "the count of calls at once": (Edit(LIMITS, "_check_counts", '"concurrent_calls")', ")"),),
    "a limit is full only when it is": (
        Edit(LIMITS, "_over", "wanted > value", 'wanted > value - (name == "concurrent_calls")'),
    ),
    "lost only what is not alive": (
        Edit("voice.recovery.open_calls", "_find_lost", 'answer.get("is_alive") is not False', "False"),
    ),
    "what is suspended is not begun": (
        Edit("voice.suspensions.standing", "find_forbidden", "if row else", "if False else"),
    ),
    "a claim asks whether its account is suspended": (
        Edit(ORDERING, "locked", '{_SUSPENDED.format("voice_callcommand.account_id")} AS', "FALSE AS"),
    ),
    "what is begun with its event asks, too": (
        Edit(ORDERING, "account_if_free", 'AND NOT {_SUSPENDED.format("portal_telnyxaccount.id")}'),
    ),
    "a suspension holds its own application": (
        Edit("voice.suspensions.standing", "find", " | Q(connection_id=connection_id)", " | ~Q(connection_id='')"),
    ),
    "a batch that was left behind is paused": (
        Edit("voice.stops.service", "settle_batches", "_pause_all_of(row, PORTAL)", "pass"),
    ),
    "a batch that was left behind is resumed": (
        Edit("voice.stops.service", "settle_batches", "_resume(_held_by_nobody(), PORTAL)", "pass"),
    ),
    "a batch that somebody paused is his": (Edit(BATCHES, "pause", "and not is_held", ""),),
    "a decision is final": (Edit(RECONCILIATION, "settle", "or command.settled_at is not None", ""),),
    # A: an ordinary refusal, a 429
    "A: only 401 and codes of the key": (
        Edit(
            BREAKER, "_is_rejection", "error.http_status == HTTPStatus.UNAUTHORIZED", "error.http_status in (401, 403)"
        ),
    ),
    "A: a 429 is no silence": (Edit(BREAKER, "_is_unreachable", "and error.http_status is None", ""),),
    # B: what was mended
    "H1: what waits for its resend is offered": (Edit(ORDERING, "not_blocked", "NOT {_blocked()}", _ALSO_BLOCKED),),
    "H4: a dial's answer makes its leg's events due": (
        Edit("voice.dispatch.dialled_call", "waiting_events", "", SimpleNamespace(make_due=lambda *of: [])),
    ),
    "H4: a backfill's stub makes its leg's events due": (
        Edit("voice.recovery.open_calls", "_insert", "waiting_events.make_due(call, waiting_events.TOLD)", "pass"),
    ),
    "H6: the record's events have their calls": (
        Edit("voice.dispatch.evidence", "events_of", "stored.get(key) or _unsaved(entry)", "_unsaved(entry)"),
        Edit("voice.dispatch.evidence", "attach_calls", "one.call = ", "_ = "),
    ),
    "H6: of too many rivals nobody knows": (Edit(RECONCILIATION, "_prove", "if len(rivals) <= _MOST else None", ""),),
    "M1: one command brings many": (Edit(CORRELATION, "_REPEATED", "", frozenset()),),
    "M1: a command reaches other legs": (
        Edit(CORRELATION, "_reaches", "if command.action not in", "if True or command.action not in"),
    ),
    "M1: an event told twice is one": (
        Edit(CORRELATION, "_distinct", "event.happened_at), event)", "event.happened_at, id(event)), event)"),
    ),
    "M1: all that was sent are rivals": (
        Edit(
            RECONCILIATION,
            "_rivals",
            "first_sent_at__isnull=False)",
            'first_sent_at__isnull=False, status__in=("ok", "sending", "uncertain"))',
        ),
    ),
    "M1: a parameter brings events": (Edit(CORRELATION, "_BROUGHT_BY", "", {}),),
    "M2: a hang-up passes what waits for its resend": (
        Edit(ORDERING, "_BLOCKED", "AND NOT (own.action IN HANG_UPS AND OUTCOME IS NOT NULL)"),
    ),
    "M2: a hang-up passes wishes that wait": (
        Edit(ORDERING, "_BLOCKED", "AND NOT (own.action IN HANG_UPS AND (\n", "AND NOT (FALSE AND (\n"),
    ),
    "M3: what is on the wire is not paused": (Edit(SENDER, "_why_waiting", "and not command.first_sent_at", ""),),
    "M4: a leg and its dial count once": (Edit(LIMITS, "usage", "- _already_alive(legs, on_its_way, made)", ""),),
    "M5: nothing begins after SIGTERM": (Edit(SENDER, "send", "if stopping.has_begun():", "if False:"),),
    "M6: a sender writes only what is its own": (
        Edit(SENDER, "_settle_in_full", "command.error, now, mine)", "command.error, now)"),
        Edit(ORDERING, "close_ok", "AND {_STATUS} = 'sending' AND lease_until = %s", "AND (TRUE OR lease_until = %s)"),
        Edit(RESENDS, "postpone", ", **only_if)", ")"),
    ),
    "M7: wishes go by the database's clock": (Edit(OUTBOX, "_command", "sql.clock()", _HOST_CLOCK),),
    "M7: batches go by the database's clock": (Edit(BATCHES, "_made", "sql.clock()", _HOST_CLOCK),),
    "M7: resumed batches go by the database's clock": (Edit(BATCHES, "resume", "sql.clock()", _HOST_CLOCK),),
    "L1: a look leaves what a person decided": (
        Edit(RECONCILIATION, "_confirm", "unsettled().", "CallCommand.objects.filter(status=_Status.UNCERTAIN)."),
    ),
    "L2: what may ring counts": (Edit(LIMITS, "_on_its_way", " | lost", ""),),
    "a refusal in the record": (
        Edit("voice.calls.telnyx_record", "refusal", "return next((sql.cut(", "return None and next((sql.cut("),
    ),
}

# These show only between two transactions of PostgreSQL (``threads``).
MUTANTS_OF_THREADS: dict[str, tuple[Edit, ...]] = {
    "H3: who misses a leg's call and who makes it known meet": (
        Edit("voice.calls.waiting_events", "_hold_leg", "sql.hold", "str"),
    ),
    "H5: the key of a batch's row stays free": (Edit(BATCHES, "_locked", ", no_key=True", ""),),
}
