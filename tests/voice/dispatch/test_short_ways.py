"""The statements of the hot way, each beside the plain way that it stands for, over random histories."""

import itertools
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import sql
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call, make_event, make_flow
from tests.support.rows import AccountBreaker, Call, CallCommand, CallEvent, Rule
from tests.support.times import ago
from voice.calls import waiting_events
from voice.dispatch import circuit_breaker, ordering, sender
from voice.events import intake, processing
from voice.flows.rules import active_rules

pytestmark = pytest.mark.django_db
often = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_numbers = itertools.count()


@contextmanager
def undone() -> Iterator[None]:
    """What an example writes is gone for the next one."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


STATUSES = ("queued", "sending", "ok", "refused", "uncertain", "expired")
TIMES = st.sampled_from([None, -60, 60])  # seconds ago
commands = st.lists(
    st.fixed_dictionaries(
        {
            "leg": st.sampled_from("ab"),
            "status": st.sampled_from(STATUSES),
            "lease": TIMES,
            "sequence": st.integers(0, 1),
            "created": st.integers(1, 9),
        }
    ),
    max_size=5,
)
breakers = st.none() | st.fixed_dictionaries(
    {
        "state": st.sampled_from(["closed", "closed", "closed", "open", "half-open"]),
        "wait_until": TIMES,
        "dials_wait_until": TIMES,
        "next_probe_at": TIMES,
        "recent": st.text("ox", max_size=4),
    }
)


def stored(account: TelnyxAccount, calls: dict[str, Call], told: dict[str, Any]) -> CallCommand:
    call, created = calls[told["leg"]], ago(told["created"])
    lease = None if told["lease"] is None else ago(told["lease"])
    values = {"account": account, "call": call, "call_control_id": call.call_control_id, "action": "speak"}
    times = {"created_at": created, "expires_at": ago(-60), "lease_until": lease}
    key = {"intent_key": f"test:{next(_numbers)}", "sequence": told["sequence"], "requested_by": "test"}
    return CallCommand.objects.create(status=told["status"], **values, **times, **key)


def broken(account: TelnyxAccount, told: dict[str, Any] | None) -> None:
    if told is not None:
        times = {name: ago(at) if isinstance(at, int) else at for name, at in told.items()}
        AccountBreaker.objects.create(account=account, since=ago(99), **times)


@given(commands, breakers, st.sampled_from(["speak", "dial"]))
@often
def test_nothing_stands_before_what_may_be_begun(
    db: None, others: list[dict[str, Any]], breaker: dict[str, Any] | None, action: str
) -> None:
    """Free is only what a claim would let go; and of what is not, the ORM finds the reason."""
    with undone():
        account = make_account(f"a{next(_numbers)}")
        calls = {leg: make_call(account, leg) for leg in "ab"}
        broken(account, breaker)
        for told in others:
            stored(account, calls, told)
        found = ordering.account_if_free(account.pk, calls["a"].pk)
        is_held = breaker is not None and (
            breaker["state"] != "closed" or -60 in (breaker["wait_until"], breaker["dials_wait_until"])
        )
        is_first = not CallCommand.objects.filter(call=calls["a"], status__in=("queued", "sending")).exists()
        assert (found == account) == (is_first and not is_held)
        if found is None:
            return
        assert found.api_key == account.api_key
        mine = stored(account, calls, {"leg": "a", "status": "queued", "lease": None, "sequence": 0, "created": 0})
        command, now = ordering.locked(mine.pk)
        assert command is not None
        assert (ordering.is_blocked(command), circuit_breaker.why_held(account.pk, action, now)) == (False, "")


def test_what_a_claim_asks_of_its_account_is_asked_before_a_command_is_begun(account: TelnyxAccount) -> None:
    """Whoever lets another table hold commands back is told that there are two places."""
    call = make_call(account)
    with CaptureQueriesContext(connection) as claim:
        ordering.locked(uuid.uuid4())
    with CaptureQueriesContext(connection) as short:
        ordering.account_if_free(account.pk, call.pk)
    asked, asked_here = (
        set(re.findall(r"FROM (voice_\w+)", queries[0]["sql"])) - {"voice_callcommand"} for queries in (claim, short)
    )
    assert "voice_accountbreaker" in asked
    assert asked <= asked_here


OUTCOMES = st.sampled_from(["ok", "read", "refused", "unavailable", "uncertain"])
ERRORS: dict[str, TelnyxError] = {
    "refused": TelnyxRefused("no", code="90010", http_status=422),
    "unavailable": TelnyxUnavailable("429", http_status=429),
    "uncertain": TelnyxUncertain("HTTP 503", http_status=503),
}
_UNEQUAL = {"_state", "id", "intent_key", "finished_at", "settled_at", "lease_until", "attempts", "call_id"}


@given(commands, breakers, OUTCOMES, st.sampled_from(["mine", "lost", "closed"]))
@often
def test_what_came_of_an_attempt_is_written_as_step_by_step(
    db: None, others: list[dict[str, Any]], breaker: dict[str, Any] | None, outcome: str, lease: str
) -> None:
    left = [settled(others, breaker, outcome, lease, settle) for settle in (sender._settle, in_full)]
    assert left[0] == left[1]


def in_full(command: CallCommand, outcome: Any) -> list[uuid.UUID]:
    sender._note_attempt(command, outcome)
    return sender._settle_in_full(command, outcome)


def settled(
    others: list[dict[str, Any]], breaker: dict[str, Any] | None, outcome: str, lease: str, settle: Any
) -> dict[str, Any]:
    """Return all that is left behind, as far as it does not tell one time from another."""
    with undone():
        account = make_account("of the example")
        calls = {leg: make_call(account, leg) for leg in "ab"}
        broken(account, breaker)
        rows = [stored(account, calls, told) for told in others]
        told = {"leg": "a", "status": "sending", "lease": -30, "sequence": 0, "created": 0}
        mine = stored(account, calls, told)
        mine.first_sent_at, mine.attempts = mine.created_at, [{"at": mine.created_at.isoformat()}]
        mine.save()
        if lease != "mine":
            status = {"lost": "sending", "closed": "uncertain"}[lease]
            CallCommand.objects.filter(pk=mine.pk).update(lease_until=ago(-31), status=status)
        answer = {"result": "ok"} if outcome in {"ok", "read"} else None
        told_so = sender._Outcome(answer, ERRORS.get(outcome), 12, outcome == "read")
        free = settle(mine, told_so)
        after = CallCommand.objects.get(pk=mine.pk)
        columns = {name: value for name, value in vars(after).items() if name not in _UNEQUAL}
        attempt = {name: value for name, value in after.attempts[-1].items() if name != "at"}
        times = [after.finished_at is None, after.lease_until is None, after.settled_at is None]
        if after.finished_at is not None:
            assert abs(after.finished_at - sql.clock()) < timedelta(seconds=20)
        of_account = AccountBreaker.objects.filter(account=account).values_list("state", "recent", "pauses", "why")
        columns.pop("account_id"), columns.pop("created_at"), columns.pop("expires_at"), columns.pop("first_sent_at")
        return {
            "columns": columns,
            "attempt": attempt,
            "times": times,
            "free": [[row.pk for row in rows].index(one) for one in free],
            "breaker": list(of_account),
        }


events = st.lists(
    st.fixed_dictionaries(
        {
            "control_id": st.sampled_from(["v3:a-leg", "v3:b-leg", ""]),
            "leg_id": st.sampled_from(["leg-a", "leg-b", ""]),
            "status": st.sampled_from(["received", "ignored", "processed"]),
            "attempts": st.integers(0, 1),
            "lease": TIMES,
            "has_call": st.booleans(),
            "account": st.sampled_from(["mine", "mine", "other"]),
        }
    ),
    min_size=1,
    max_size=8,
)
told_columns = st.sets(st.sampled_from(["direction", "call_leg_id", "state"]))


@given(events, told_columns, st.sampled_from(["incoming", ""]), st.sampled_from(["leg-a", ""]))
@often
def test_events_that_waited_are_found_as_the_orm_finds_them(
    db: None, given_events: list[dict[str, Any]], told: set[str], direction: str, leg_id: str
) -> None:
    with undone():
        accounts = {name: make_account(f"{name}{next(_numbers)}") for name in ("mine", "other")}
        call = make_call(accounts["mine"], "a", direction=direction, call_leg_id=leg_id)
        rows = [
            CallEvent.objects.create(
                account=accounts[one["account"]],
                dedupe_key=f"e{next(_numbers)}",
                source="webhook",
                received_at=ago(1),
                body=b"{}",
                call_control_id=one["control_id"],
                call_leg_id=one["leg_id"],
                status=one["status"],
                attempts=one["attempts"],
                lease_until=None if one["lease"] is None else ago(one["lease"]),
                call=call if one["has_call"] else None,
            )
            for one in given_events
        ]
        mine = CallEvent.objects.filter(account=call.account)
        waits = mine.filter(call_control_id=call.call_control_id, status="received", attempts=0)
        closed = mine.filter(call_control_id="", call=None, status="ignored", call_leg_id=leg_id)
        wanted: set[uuid.UUID] = set()
        if "direction" in told and direction:
            wanted |= set(waits.exclude(lease_until=None).values_list("pk", flat=True))
        if "call_leg_id" in told and leg_id:
            wanted |= set(closed.values_list("pk", flat=True))
        before = {row.pk: (row.status, row.attempts, row.lease_until is None) for row in rows}
        assert set(waiting_events.make_due(call, told)) == wanted
        for row in CallEvent.objects.filter(pk__in=before):
            due = ("received", 0, True) if row.pk in wanted else before[row.pk]
            assert (row.status, row.attempts, row.lease_until is None) == due


flows = st.lists(
    st.fixed_dictionaries(
        {
            "active": st.booleans(),
            "connection_id": st.sampled_from([CONNECTION, "77"]),
            "types": st.lists(st.sampled_from(["call.answered", "call.hangup"]), max_size=4),
            "positions": st.permutations(range(4)),
        }
    ),
    max_size=3,
    unique_by=lambda flow: (flow["connection_id"], flow["active"]),
)


@given(flows)
@often
def test_rules_are_read_as_the_orm_reads_them(db: None, given_flows: list[dict[str, Any]]) -> None:
    with undone():
        account = make_account(f"a{next(_numbers)}")
        for number, one in enumerate(given_flows):
            flow = make_flow(account, connection_id=one["connection_id"], active=one["active"], name=f"flow {number}")
            for position, event_type in zip(one["positions"], one["types"], strict=False):
                when = [{"field": "event.payload.digits", "op": "eq", "value": f"{position}.0"}]
                do = [{"action": "speak", "parameters": {"payload": "é\u2028", "voice": "female"}}]
                flow.rules.create(position=position, event_type=event_type, when=when, do=do, stop=position > 1)
        call = make_call(account)
        plain = Rule.objects.filter(flow__active=True, flow__account=account, flow__connection_id=CONNECTION)
        expected = list(plain.filter(event_type="call.answered").select_related("flow"))
        found = active_rules(call, "call.answered")
        assert [told(rule) for rule in found] == [told(rule) for rule in expected]


def told(rule: Any) -> dict[str, Any]:
    columns = {field.attname: getattr(rule, field.attname) for field in Rule._meta.concrete_fields}
    return {**columns, "flow": rule.flow.name}


# --- The whole way ---------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["call.initiated", "call.answered", "call.dtmf.received", "call.hangup", "call.recording.saved"]
        ),
        st.integers(-30, 0),
        st.sampled_from("aab"),
        st.sampled_from(["ok", "ok", "ok", "refused", "uncertain"]),
    ),
    min_size=1,
    max_size=6,
)
RULES: tuple[dict[str, Any], ...] = (
    {"event_type": "call.initiated", "do": [{"action": "answer"}], "step": "greeted"},
    {"event_type": "call.answered", "do": [{"action": "send_dtmf", "parameters": {"digits": "1"}}] * 2},
    {"event_type": "call.dtmf.received", "direction": "any", "do": [{"action": "hangup"}]},
    {"event_type": "call.hangup", "direction": "any", "do": [{"action": "hangup"}]},
)


@given(steps)
@often
def test_what_is_begun_with_its_event_ends_as_what_is_claimed_after_it(
    db: None, script: list[tuple[str, int, str, str]]
) -> None:
    began = timezone.now()
    documents = [make_event(name, seconds, leg) for name, seconds, leg, _ in script]
    ends = [played(documents, [word for *_, word in script], began, sends=sends) for sends in (True, False)]
    assert ends[0] == ends[1]


def played(documents: list[dict[str, Any]], words: list[str], began: Any, *, sends: bool) -> dict[str, Any]:
    """Return the calls, events, commands, and what Telnyx was asked, after the events came in that order."""
    asked: list[tuple[str, str]] = []

    def ask(account: TelnyxAccount, method: str, *path: str, **values: Any) -> dict[str, Any]:
        assert CallCommand.objects.get(pk=values["command_id"]).status == "sending"  # the row before the request
        asked.append((method, path[0]))
        if error := ERRORS.get(words[len(asked) % len(words)]):
            raise error
        return {"data": {"result": "ok"}}

    with undone(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sender, "ask", ask)
        account = make_account("of the example")
        make_flow(account, *RULES)
        for document in documents:
            event, _ = intake.record(account, "webhook", {}, json.dumps(document).encode(), began)
            following = processing.process(event.pk, sends=sends)
            free = sender.send_begun(following.begun) if following.begun else []
            owed = [*following.commands, *free]
            while owed:
                owed += sender.send(owed.pop(0))
        names = ("call_control_id", "action", "status", "error", "error_code", "sequence", "requested_by", "answer")
        sent = [
            (*row[:-1], [(one.get("outcome"), one["http_status"]) for one in row[-1]])
            for row in CallCommand.objects.order_by("call_control_id", "created_at", "sequence").values_list(
                *names, "attempts"
            )
        ]
        calls = Call.objects.order_by("call_control_id").values("call_control_id", "state", "step", "direction")
        events = CallEvent.objects.order_by("received_at", "dedupe_key").values_list("dedupe_key", "status", "attempts")
        return {"asked": asked, "commands": sent, "calls": list(calls), "events": sorted(events)}
