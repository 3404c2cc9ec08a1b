"""What lies beside calls, at random: events, answers, conferences, dials that came to nothing; and what that makes."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.models import TelnyxAccount
from tests.support.counted_calls import BEGIN, edge_below
from voice.models import Call, CallCommand, CallEvent, Conference, ConferenceParticipant

_DELAYS = (-0.5, 0, 0.04, 0.04, 0.05, 0.05, 0.3, 0.3, 4.999, 5, 12, 7200)
_EDGES = (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
_Stay = tuple[datetime | None, datetime | None]


@dataclass
class Beside:
    """What lies beside one call: its events and answers as rows, its stays in conferences with those of the others."""

    events: list[CallEvent] = field(default_factory=list)
    answers: list[CallCommand] = field(default_factory=list)
    stays: list[tuple[_Stay, list[_Stay]]] = field(default_factory=list)


def make_beside(account: TelnyxAccount, calls: list[Call], seed: int = 0) -> dict[Call, Beside]:
    """Make rows beside some of these calls."""
    chance = random.Random(seed)
    found = {call: Beside() for call in calls}
    for at, (call, beside) in enumerate(found.items()):
        if chance.random() < 0.7:
            beside.events = [_event(call, chance, f"{seed}-{at}-{one}") for one in range(chance.randrange(1, 4))]
    CallEvent.objects.bulk_create([one for beside in found.values() for one in beside.events])
    for call, beside in found.items():
        if beside.events and chance.random() < 0.8:
            beside.answers = [_answer(call, beside.events[0], chance)]
    CallCommand.objects.bulk_create([one for beside in found.values() for one in beside.answers])
    _make_conferences(account, found, chance)
    return found


def _event(call: Call, chance: random.Random, key: str) -> CallEvent:
    at = call.started_at + timedelta(seconds=chance.randrange(2))
    late = timedelta(seconds=chance.choice(_DELAYS))
    return CallEvent(
        account_id=call.account_id,
        call=call,
        dedupe_key=f"beside-{key}",
        event_type=chance.choice(["call.initiated", "call.initiated", "call.answered"]),
        source=chance.choice(["webhook", "webhook", "webhook", "texml", "backfill"]),
        status="processed",
        occurred_at=chance.choice([at, at, at, None]),
        received_at=at + late,
        attempt=chance.choice([None, 1, 1, 2, 3]),
        body=b"{}",
    )


def _answer(call: Call, event: CallEvent, chance: random.Random) -> CallCommand:
    sent = event.received_at + timedelta(seconds=chance.choice((-0.5, 0, 0, 0.04, 0.3, 1.2)))
    return CallCommand(
        account_id=call.account_id,
        call=call,
        event=chance.choice([event, event, event, None]),
        action=chance.choice(["answer"] * 5 + ["hangup"]),
        status=chance.choice(["ok", "ok", "ok", "refused"]),
        intent_key=f"beside-{event.dedupe_key}",
        requested_by="rule",
        created_at=event.received_at,
        expires_at=event.received_at,
        first_sent_at=chance.choice([sent, sent, sent, None]),
    )


def _make_conferences(account: TelnyxAccount, found: dict[Call, Beside], chance: random.Random) -> None:
    for number in range(30):
        conference = Conference.objects.create(account=account, conference_id=f"room-{number}", started_at=BEGIN)
        stays: dict[Call, _Stay] = {}
        for call in chance.sample(list(found), chance.randrange(1, 4)):
            joined = BEGIN + timedelta(seconds=chance.randrange(30))
            left = joined + timedelta(seconds=chance.choice([-5, 0, 5, 10, 20]))
            stays[call] = (chance.choice([joined, joined, joined, None]), chance.choice([left, left, None]))
        for call, (joined_at, left_at) in stays.items():
            told = {"conference": conference, "call_control_id": call.call_control_id, "call": call}
            ConferenceParticipant.objects.create(**told, joined_at=joined_at, left_at=left_at)
            found[call].stays.append((stays[call], [stay for other, stay in stays.items() if other is not call]))


def make_dials(account: TelnyxAccount, count: int, seed: int = 0) -> list[CallCommand]:
    """Make commands of every outcome; some of them asked for calls that were never placed."""
    chance = random.Random(seed)
    rows = [
        CallCommand(
            account=account,
            action=chance.choice(["dial", "dial", "texml.calls.dial", "transfer"]),
            status=chance.choice(["refused", "expired", "ok", "uncertain"]),
            parameters={"from": "+13125550199", "connection_id": "1293384261075731499", "to": "+13125550101"},
            intent_key=f"dial-{seed}-{at}",
            requested_by="user: ada",
            created_at=(when := BEGIN + timedelta(seconds=chance.randrange(3 * 3600))),
            expires_at=when,
        )
        for at in range(count)
    ]
    return CallCommand.objects.bulk_create(rows)


def legs_beside(found: dict[Call, Beside], counted_as: str, name: str) -> int:
    """Count in Python the legs that a measure counts of what lies beside them."""
    return sum(bool(_has(call, beside, name)) for call, beside in found.items() if _is_of(call, counted_as))


def counts_beside(found: dict[Call, Beside], counted_as: str) -> Counter[str]:
    """Count in Python webhooks and answers, with how long each took."""
    counts = Counter[str]()
    for call, beside in found.items():
        if not _is_of(call, counted_as):
            continue
        for event in beside.events:
            if event.source != "backfill":
                counts["webhooks"] += 1
                counts["webhooks_again"] += (event.attempt or 0) > 1
                counts[_step("delay", event.occurred_at, event.received_at)] += 1
        for event, answer in _answers(call, beside):
            counts[_step("path_delivery", event.occurred_at, event.received_at)] += 1
            counts[_step("path_queue", event.received_at, answer.first_sent_at)] += 1
            counts[_step("path_telnyx", answer.first_sent_at, call.answered_at)] += 1
    return Counter({name: n for name, n in counts.items() if n and name})


def _is_of(call: Call, counted_as: str) -> bool:
    return bool(call.counted_as) and counted_as in {"", call.counted_as}


def _has(call: Call, beside: Beside, name: str) -> bool:
    heard = [event for event in beside.events if event.source != "backfill"]
    put_through = call.bridged_at is not None or any(
        _meet(mine, other) for mine, others in beside.stays for other in others
    )
    return {
        "told": bool(heard),
        "recovered": len(heard) < len(beside.events),
        "sent_again": any((event.attempt or 0) > 1 for event in heard),
        "answered_by_rule": bool(_answers(call, beside)),
        "put_through": put_through,
        "abandoned": call.state == "ended" and call.ended_by == "caller" and not put_through,
    }[name]


def _answers(call: Call, beside: Beside) -> list[tuple[CallEvent, CallCommand]]:
    return [
        (row.event, row)
        for row in beside.answers
        if row.event
        and (row.action, row.status, row.event.event_type) == ("answer", "ok", "call.initiated")
        and row.event.source == "webhook"
        and row.event.occurred_at
        and row.first_sent_at
        and call.answered_at
        and row.event.occurred_at <= row.event.received_at <= row.first_sent_at <= call.answered_at
    ]


def _meet(mine: _Stay, other: _Stay) -> bool:
    return bool(mine[0] and other[0]) and _end(other) > mine[0] and (_end(mine) > other[0])


def _end(stay: _Stay) -> datetime:
    joined, left = stay
    return BEGIN + timedelta(days=9) if left is None or left < joined else left


def _step(name: str, begin: datetime | None, end: datetime | None) -> str:
    if begin is None or end is None or end < begin:
        return ""
    return f"{name}:{edge_below(_EDGES, (end - begin) / timedelta(seconds=1))}"
