"""Calls of every sort, at random, judged and counted as the portal does it; and what a report should say of them."""

import random
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from portal.models import TelnyxAccount
from voice.metrics import quarters
from voice.models import Call
from voice.reports import roll_ups

BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_CONNECTIONS = ("1293384261075731499", "1293384261075731500", "")
_NUMBERS = ("+13125550199", "+13125550188", "")
_ENDINGS = (
    *(("hung_up", "completed"), ("busy", "busy"), ("no_answer", "not_answered"), ("declined", "rejected")),
    *(("cancelled", "not_answered"), ("we_gave_up", "not_answered"), ("refused_d13", "configuration")),
    *(("broke_off", "our_side"), ("lost", "unknown"), ("sip_503", "carrier")),
)


def make_calls(
    account: TelnyxAccount, count: int, seed: int = 0, hours: int = 3, begin: datetime = BEGIN
) -> list[Call]:
    """Make calls that are over, judged, and not counted yet; some of them contradict themselves, some are alive."""
    chance = random.Random(seed)
    rows = [_row(account, chance, at, hours, begin) for at in range(count)]
    Call.objects.bulk_create(rows)
    quarters.mark({call.counted_in for call in rows})
    return rows


def count_all() -> None:
    """Count all quarters that are marked."""
    while roll_ups.count_due(timedelta()):
        pass


def _row(account: TelnyxAccount, chance: random.Random, at: int, hours: int, begin: datetime) -> Call:
    started = begin + timedelta(seconds=chance.randrange(hours * 3600), microseconds=chance.randrange(10**6))
    answered = (
        started + timedelta(seconds=chance.choice([-1, 0, 1, 2.999, 3, 7, 18.4, 130]))
        if chance.random() < 0.6
        else None
    )
    bridged = answered + timedelta(seconds=2) if answered and chance.random() < 0.4 else None
    if chance.random() < 0.05:
        bridged = started + timedelta(seconds=4)
    ended = (answered or started) + timedelta(seconds=chance.choice([-2, 0, 3, 5.999, 6, 61.5, 600, 8000]))
    code, category = chance.choice(_ENDINGS)
    is_alive = chance.random() < 0.05
    kind = "" if is_alive else chance.choice(Call.CountedAs.values)
    told: dict[str, Any] = {
        "direction": "incoming" if kind == "incoming" else "outgoing",
        "connection_id": chance.choice(_CONNECTIONS),
        "from_number": chance.choice(_NUMBERS),
        "to_number": chance.choice(_NUMBERS),
        "state": "answered" if is_alive else "lost" if code == "lost" else "ended",
        "started_at": started,
        "answered_at": answered,
        "bridged_at": bridged,
        "ended_at": None if is_alive or chance.random() < 0.03 else ended,
        "cost": chance.choice(["", "", "0.0045", "0.012345678", "1"]),
        "currency": chance.choice(["USD", "USD", "EUR", "usd", "", "U$"]),
        "answered_by": chance.choice(["", "", *Call.Answerer.values]),
        "mos": chance.choice([None, 4.5, 4.0, 3.99, 3.6, 3.59, 3.1, 3.0, 1.2]),
        "attestation": chance.choice(["", "A", "B", "C", "?"]),
        "attestation_valid": chance.choice([None, True, False]),
        "late_seconds": chance.choice([None, None, 6.5]),
        **{f"packets_{way}": chance.choice([None, 0, 100, 2**31 - 1]) for way in ("in", "out")},
        **{f"skipped_{way}": chance.choice([None, 0, 3]) for way in ("in", "out")},
        "counted_as": kind,
        "counted_in": quarters.of_time(started) if kind else None,
    }
    told |= {f"{side}_reversed": told[f"{side}_number"][::-1] for side in ("from", "to")}
    if not is_alive:
        told |= {"ending": code, "ending_category": category, "ended_by": chance.choice(Call.Party.values)}
    return Call(account=account, call_control_id=f"v3:counted-{started.isoformat()}-{at}", **told)


def plainly(calls: Iterable[Call], counted_as: str, name: str) -> int:
    """Count a measure in Python, call by call, by its definition: not as the portal does it."""
    mine = [call for call in calls if call.counted_as and counted_as in {"", call.counted_as}]
    return round(sum(_amount(call, name) for call in mine))


def _amount(call: Call, name: str) -> float:
    answered = call.answered_at or call.bridged_at
    talk = _microseconds(call.answered_at, call.ended_at) if call.state == "ended" else None
    setup = _microseconds(call.started_at, call.answered_at)
    length = _microseconds(call.started_at, call.ended_at)
    abandoned = call.state == "ended" and call.ended_by == "caller" and not call.bridged_at
    for_network = call.ending not in {"cancelled", "we_gave_up"} and call.ending_category != "configuration"
    delivered = bool(answered) or call.ending_category in {"busy", "not_answered"} or call.ending == "declined"
    if name.startswith("category:"):
        return call.ending_category == name.partition(":")[2]
    if name.startswith(("talk:", "setup:")):
        return _is_of_step(talk if name.startswith("talk") else setup, name)
    priced = talk is not None and call.cost != ""
    if ":" in name:
        return _is_one_of(call, name.partition(":")[0], name.partition(":")[2], bool(answered))
    if name.endswith(("_in", "_out")):
        return _packets(call, *name.split("_")) if answered else 0
    simple: dict[str, Any] = {
        "calls": True,
        "answered": bool(answered),
        "put_through": call.bridged_at is not None,
        "abandoned": abandoned,
        "abandoned_early": abandoned and length is not None and length < 5e6,
        "cancelled": not for_network and call.ending in {"cancelled", "we_gave_up"} and not answered,
        "network": for_network,
        "delivered": for_network and delivered,
        "lost": call.state == "lost",
        "short": talk is not None and talk < 6e6,
        "talked": talk is not None,
        "set_up": setup is not None,
        "talk_us": talk or 0,
        "setup_us": setup or 0,
        "priced": priced,
        "detected": call.answered_by != "",
        "heard": bool(answered) and call.mos is not None,
        "vouched": call.attestation != "" or call.attestation_valid is not None,
        "late": call.late_seconds is not None,
    }
    return simple[name]  # type: ignore[no-any-return]


def in_currency(calls: Iterable[Call], counted_as: str) -> Counter[str]:
    """Add up in Python legs with a price, their talk and their cost, for each currency apart."""
    found = Counter[str]()
    for call in calls:
        talk = _microseconds(call.answered_at, call.ended_at) if call.state == "ended" else None
        if call.counted_as and counted_as in {"", call.counted_as} and talk is not None and call.cost:
            key = {"USD": "usd", "usd": "usd", "EUR": "eur"}.get(call.currency, "none")
            found += Counter({f"priced:{key}": 1, f"priced_us:{key}": talk})
            found += Counter({f"cost_millionths:{key}": round(float(call.cost) * 1e6)})
    return found


def most_at_once(calls: Iterable[Call], begin: datetime, end: datetime) -> int:
    """Count in Python the legs of each minute, minute by minute."""
    minutes = Counter[datetime]()
    for call in calls:
        length = _microseconds(call.started_at, call.ended_at)
        if call.counted_as and call.state == "ended" and length is not None and length < 6 * 3600e6:
            minute = call.started_at.replace(second=0, microsecond=0)
            while minute <= call.ended_at:
                minutes[minute] += 1
                minute += timedelta(minutes=1)
    return max((n for minute, n in minutes.items() if begin <= minute < end), default=0)


def _is_one_of(call: Call, name: str, which: str, is_answered: bool) -> bool:
    if name == "detected":
        return call.answered_by == which
    if name == "vouched":
        right = call.attestation == which.upper() and call.attestation_valid is not False
        return call.attestation_valid is False if which == "wrong" else right
    steps = {"good": (4.0, 9), "fair": (3.6, 4.0), "poor": (3.1, 3.6), "bad": (0, 3.1)}
    least, below = steps[which]
    return is_answered and call.mos is not None and least <= call.mos < below


def _packets(call: Call, what: str, way: str) -> int:
    packets, skipped = getattr(call, f"packets_{way}"), getattr(call, f"skipped_{way}")
    told = bool(packets) and skipped is not None
    return {"counted": 1, "packets": packets, "skipped": skipped}[what] if told else 0


def _microseconds(begin: datetime | None, end: datetime | None) -> int | None:
    return (end - begin) // timedelta(microseconds=1) if begin and end and end >= begin else None


def _is_of_step(length: int | None, name: str) -> bool:
    edges = {
        "talk": (0, 6, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 7200),
        "setup": (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120),
    }[name.partition(":")[0]]
    if length is None:
        return False
    return edge_below(edges, length / 1e6) == int(name.partition(":")[2])


def edge_below(edges: Iterable[float], length: float) -> float:
    return max(edge for edge in edges if edge <= length)
