"""The invariants I1–I10 that one run can show, each a function from evidence to violations in words."""

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.evidence import Evidence, Row, moment
from voice.calls.projection import changes
from voice.models import Call, CallEvent

WINDOW = timedelta(seconds=50)
_FINAL = {"processed", "ignored", "quarantined", "dead"}
_OPEN = {"queued", "sending"}
_ON_THE_WIRE = timedelta(seconds=10)  # what one request may take until the sandbox writes it down
_NOT_DERIVED = {"id", "account_id", "step"}  # no event's word: made once, or the flow's
_ORDERS = 6


def violations(evidence: Evidence) -> list[str]:
    """Everything that is wrong, each line beginning with the invariant it breaks."""
    return [f"{name}: {words}" for name, check in INVARIANTS.items() for words in check(evidence)]


def acknowledged_is_stored(evidence: Evidence) -> Iterator[str]:
    """I1: what was answered 200 is in the database, byte by byte as one of the requests brought it."""
    stored = {row["dedupe_key"]: hashlib.sha256(bytes(row["body"])).hexdigest() for row in evidence.events}
    brought: dict[str, set[str]] = defaultdict(set)
    for sent in evidence.history:
        brought[_key(sent)].add(sent.digest)
    for key in {_key(sent) for sent in evidence.history if sent.status == 200}:
        if key not in stored:
            yield f"{key} was answered 200 and is not stored"
        elif stored[key] not in brought[key]:
            yield f"{key} is stored with other bytes than came"


def once_stored(evidence: Evidence) -> Iterator[str]:
    """I2: one row for one event of Telnyx."""
    for key, count in Counter(row["dedupe_key"] for row in evidence.events).items():
        if count > 1:
            yield f"{key} is stored {count} times"


def finished(evidence: Evidence) -> Iterator[str]:
    """I3: everything came to a final state, and nothing is leased any more."""
    for row in evidence.events:
        if row["status"] not in _FINAL:
            yield f"event {row['event_type']} {row['id']} is still {row['status']} after {row['attempts']} attempts"
        elif row["lease_until"] is not None:
            yield f"event {row['id']} is {row['status']} and leased"
    for row in evidence.commands:
        if row["status"] in _OPEN:
            yield f"command {row['action']} {row['id']} is still {row['status']}: {row['error']}"


def order_proof(evidence: Evidence) -> Iterator[str]:
    """I4: the same events in any other order, some of them twice, give the same call."""
    events = defaultdict(list)
    for row in evidence.events:
        if row["call_id"] is not None and row["status"] in ("processed", "ignored"):
            events[row["call_id"]].append(row)
    dice = random.Random(4)  # the same orders in each run
    for row in evidence.calls:
        told = events[row["id"]]
        for _ in range(_ORDERS):
            shuffled = dice.sample(told, len(told)) + dice.sample(told, min(len(told), 2))
            if wrong := _differences(row, shuffled):
                yield f"call {row['id']} in another order differs in {', '.join(wrong)}"
                break


def _differences(row: Row, events: list[Row]) -> list[str]:
    ours = {one["dedupe_key"] for one in events}
    facts: dict[str, Any] = row["facts"]
    # what a dial's answer or a look at Telnyx told is no event, and stays where it is; as does the flow's step
    kept = {column: key for column, key in facts.items() if key[3] not in ours or column in _NOT_DERIVED}
    call = Call(started_at=datetime.max.replace(tzinfo=UTC), facts=dict(kept))
    for column in kept:
        setattr(call, column, row[column])
    for one in events:
        for column, value in changes(call, CallEvent(**_event(one))).items():
            setattr(call, column, value)
    differ = call.facts != facts
    return [column for column in sorted(facts) if getattr(call, column) != row[column]] + ["facts"] * differ


def _event(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("call_id", "body")}


def one_intent_one_command(evidence: Evidence) -> Iterator[str]:
    """I5: an event's step has one command, and all its requests lie within 50 s of the first."""
    of_telnyx = {row["id"]: row["dedupe_key"] for row in evidence.events}
    intents = Counter(
        (of_telnyx.get(row["event_id"]), row["action"], row["sequence"]) for row in evidence.commands if row["event_id"]
    )
    for (event, action, _), count in intents.items():
        if count > 1:
            yield f"{action} of event {event} is {count} commands"
    for key, count in Counter(row["intent_key"] for row in evidence.commands).items():
        if count > 1:
            yield f"the intent {key} has {count} commands"
    tries = _tries(evidence)
    for row in evidence.commands:
        moments = [moment(one["at"]) for one in row["attempts"]]
        if moments and max(moments) - min(moments) > WINDOW:
            yield f"{row['action']} {row['id']} was sent again {max(moments) - min(moments)} after the first time"
        seen = [moment(one["at"]) for one in tries[str(row["id"])]]
        if seen and max(seen) - min(seen) > WINDOW + _ON_THE_WIRE:
            yield f"{row['action']} {row['id']} reached Telnyx again after {max(seen) - min(seen)}"


def executed_once(evidence: Evidence) -> Iterator[str]:
    """I6: Telnyx carried each command out at most once, and what we call ok it carried out."""
    done = {id: sum(one["outcome"] == "executed" for one in lines) for id, lines in _tries(evidence).items()}
    for id, count in done.items():
        if count > 1:
            yield f"command {id} was executed {count} times"
    known = {str(row["id"]) for row in evidence.commands}
    for id in done.keys() - known:
        yield f"Telnyx carried out {id}, which is no command of ours"
    for row in evidence.commands:
        # settled from the state at Telnyx: it may have come there by another way
        if row["status"] == "ok" and not row["settlement"] and not done.get(str(row["id"])):
            yield f"{row['action']} {row['id']} is ok, and Telnyx never carried it out"


def never_too_late(evidence: Evidence) -> Iterator[str]:
    """I7: nothing was sent after the end of its call was known, nor begun when it made no sense any more."""
    ends: dict[Any, datetime] = {}
    for row in evidence.events:
        if row["event_type"] == "call.hangup" and row["call_id"] is not None and row["status"] == "processed":
            ends[row["call_id"]] = min(row["processed_at"], ends.get(row["call_id"], row["processed_at"]))
    for row in evidence.commands:
        first, end = row["first_sent_at"], ends.get(row["call_id"])
        if first and first > row["expires_at"]:
            yield f"{row['action']} {row['id']} was begun {first - row['expires_at']} after it made sense"
        if end and (late := [one for one in row["attempts"] if moment(one["at"]) > end]):
            yield f"{row['action']} {row['id']} was sent {len(late)} times after its call had ended"


def strangers_leave_nothing(evidence: Evidence) -> Iterator[str]:
    """I8: a forged or stale request is answered no 200 and leaves no row."""
    stored = {row["dedupe_key"] for row in evidence.events}
    trusted = {_key(sent) for sent in evidence.history if sent.trusted}
    for sent in evidence.history:
        if sent.trusted:
            continue
        if sent.status == 200:
            yield f"{_key(sent)} was wrongly signed and answered 200"
        if _key(sent) in stored - trusted:
            yield f"{_key(sent)} was wrongly signed and is stored"


def nothing_leaks(evidence: Evidence) -> Iterator[str]:
    """I9: no log shows a secret or a whole number."""
    for name, text in evidence.logs.items():
        for kind, words in (("a secret", evidence.secrets), ("a whole number", evidence.numbers)):
            if any(word in text for word in words):
                yield f"the log of {name} shows {kind}"


def no_surprises(evidence: Evidence) -> Iterator[str]:
    """I10: of the 5xx only 503, as a problem and with the time to wait."""
    for sent in evidence.history:
        if sent.status is None or sent.status < 500:
            continue
        headers = {name.lower(): value for name, value in sent.headers.items()}
        if sent.status != 503:
            yield f"{_key(sent)} was answered {sent.status}: {sent.answer[:200]!r}"
        elif headers.get("content-type") != "application/problem+json":
            yield f"a 503 is no problem+json but {headers.get('content-type')}"
        elif not headers.get("retry-after", "").isdecimal():
            yield "a 503 does not say when to come again"


INVARIANTS: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "I1": acknowledged_is_stored,
    "I2": once_stored,
    "I3": finished,
    "I4": order_proof,
    "I5": one_intent_one_command,
    "I6": executed_once,
    "I7": never_too_late,
    "I8": strangers_leave_nothing,
    "I9": nothing_leaks,
    "I10": no_surprises,
}


def _key(sent: Any) -> str:
    """What the portal tells a repeat by."""
    return sent.event_id or f"sha256:{sent.digest}"


def _tries(evidence: Evidence) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for one in evidence.ledger:
        if one["command_id"]:
            found[one["command_id"]].append(one)
    return found
