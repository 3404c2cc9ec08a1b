"""Tells each row of the seeded house by its number, as text for COPY: strewn as in a real one, the same each time."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any

RARE = 20  # rows of each thing that is rare, however large the house is
DAYS = 90
_SECONDS = DAYS * 86400
BUSY, SECOND, OLD, NEW = (
    "seed-busy",
    "seed-second",
    "seed-old",
    "seed-new",
)  # accounts; the old one has few rows, all old
CONNECTIONS = [f"12933842610757{at:05}" for at in range(40)]
RARE_CONNECTION, RARE_CAUSE, RARE_TYPE, RARE_ACTION = (
    "1293384261075799999",
    "mandatory_ie_missing",
    "call.refer",
    "refer",
)
_CAUSES = (*("normal_clearing",) * 14, *("timeout",) * 3, *("user_busy",) * 2, "call_rejected")
# what each call tells, and how many seconds after it began
_TOLD = (
    ("call.initiated", 0),
    ("call.answered", 4),
    ("call.speak.ended", 7),
    ("call.hangup", 34),
    ("call.cost", 36),
)
# what is made of a cause: verdict, category, party, SIP status
_ENDINGS = {
    "normal_clearing": ("hung_up", "completed", "caller", "200"),
    "timeout": ("no_answer", "not_answered", "callee", "487"),
    "user_busy": ("busy", "busy", "callee", "486"),
    "call_rejected": ("declined", "rejected", "callee", "603"),
    RARE_CAUSE: ("unknown_cause", "unknown", "unknown", "400"),
}
_BY_US = ("we_hung_up", "completed", "us", "200")
_ASKED = ("rule: greeting #1",) * 8 + ("user: ada", "token: crm")
_ACTIONS = ("answer",) * 6 + ("speak",) * 3 + ("hangup",)
_SPREAD, _64 = 0x9E3779B97F4A7C15, (1 << 64) - 1
_NULL = "\\N"


@dataclass(frozen=True)
class House:
    """Is how large it is, and when its ninety days end."""

    calls: int
    until: datetime

    @cached_property
    def begin(self) -> float:
        return (self.until - timedelta(days=DAYS)).timestamp()

    def at(self, share: float, later: float = 0.0) -> str:
        """Return the moment so far into the ninety days, and so many seconds later."""
        return datetime.fromtimestamp(self.begin + share * _SECONDS + later, UTC).isoformat()


def _is_rare(at: int, of: int, offset: int) -> bool:
    """Tell ``RARE`` rows from the others, all in the older half."""
    return at in _rare(of, offset)


@cache
def _rare(of: int, offset: int) -> frozenset[int]:
    apart = max(of // 2 // RARE, 1)
    return frozenset(range(offset % apart, of // 2, apart))


@dataclass(frozen=True)
class Table:
    """Names a model, what its rows tell (all else is the column's default), and how many there are."""

    model: str
    columns: tuple[str, ...]
    row: Callable[[House, int, int], tuple[Any, ...]]
    share: float  # of the number of calls
    most: int = 1 << 62


def key(kind: int, at: int) -> str:
    """Return the id of a row: told by its number, and strewn as random ones are."""
    return f"{_mix(at, kind):016x}{kind:04x}{at:012x}"


def _mix(at: int, salt: int) -> int:
    mixed = ((at + 1) * _SPREAD + salt * 0xD1B54A32D192ED03) & _64
    return (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9 & _64


def _draw(at: int, salt: int, of: int) -> int:
    return (_mix(at, salt) >> 20) % of


def document_key(at: int) -> str:
    return key(_DOCUMENT, at)


def account(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, name).hex


_ACCOUNTS = [account(BUSY)] * 4 + [account(SECOND)]
_OLD = account(OLD)
_CALL, _EVENT, _COMMAND, _CONFERENCE, _DOCUMENT, _OTHER = range(1, 7)


def number(at: int) -> str:
    return f"+1312{at * 7919 % 10_000_000:07}"


def _whose(house: House, at: int) -> str:
    return _OLD if _is_rare(at, house.calls, 1) else _ACCOUNTS[_of(house, at) % 5]


def _where(house: House, at: int) -> str:
    return RARE_CONNECTION if _is_rare(at, house.calls, 2) else CONNECTIONS[_of(house, at)]


def _of(house: House, at: int) -> int:
    """Return which application it is of: half of all calls are of four."""
    return _draw(at, 2, 40) if at % 2 else _draw(at, 3, 4)


def _is_live(house: House, at: int) -> bool:
    return at >= house.calls - RARE


def _call(house: House, at: int, of: int) -> tuple[Any, ...]:
    caller, called = number(_draw(at, 4, of // 5 + 1)), number(_draw(at, 5, 200))
    live, share, answered = _is_live(house, at), at / of, at % 5 != 0
    cause = "" if live else RARE_CAUSE if _is_rare(at, of, 5) else _CAUSES[_draw(at, 9, 20)]
    ending = ("",) * 4 if live else _BY_US if _is_rare(at, of, 7) else _ENDINGS[cause]
    direction = "" if _is_rare(at, of, 3) else "outgoing" if at % 10 == 3 else "incoming"
    cost = f"0.{_draw(at, 16, 400) + 1:04}" if answered and not live else ""
    return (
        key(_CALL, at),
        _whose(house, at),
        f"v3:{at:x}-of-the-seed-{_mix(at, 6):016x}",
        str(uuid.UUID(int=_mix(at, 7) << 64 | at)),
        str(uuid.UUID(int=_mix(at // 2, 8) << 64 | at // 2)),
        _where(house, at),
        direction,
        caller,
        called,
        caller[::-1],
        called[::-1],
        "answered" if live else "lost" if _is_rare(at, of, 4) else "ended",
        house.at(share),
        house.at(share, 4) if answered else _NULL,
        _NULL if live else house.at(share, 34),
        cause,
        "" if live else "caller",
        "t" if _is_rare(at, of, 6) else "f",
        "t" if at % 50 == 9 else "f",
        *ending,
        "" if live or not direction else direction,
        "" if live or direction != "outgoing" else "machine" if _draw(at, 17, 4) == 0 else "person",
        cost,
        cost or _NULL,
        "USD" if cost else "",
        _NULL if not cost else 2.9 if _draw(at, 18, 50) == 0 else 4.3,
        9.5 if _is_rare(at, of, 8) else _NULL,
    )


def _event(house: House, at: int, of: int) -> tuple[Any, ...]:
    leg, part = divmod(at, len(_TOLD))
    share, (told, later) = leg / house.calls, _TOLD[part]
    told = RARE_TYPE if _is_rare(at, of, 1) else told
    source = "backfill" if _is_rare(at, of, 2) else "texml" if _is_rare(at, of, 3) else "webhook"
    rare = [word for nth, word in enumerate(("quarantined", "dead", "ignored"), 4) if _is_rare(at, of, nth)]
    identifier = str(uuid.UUID(int=_mix(at, 10) << 64 | at))
    call = f"v3:{leg:x}-of-the-seed-{_mix(leg, 6):016x}"
    body = f'{{"data": {{"event_type": "{told}", "id": "{identifier}", "payload": {{"call_control_id": "{call}"}}}}}}'
    return (
        key(_EVENT, at),
        _whose(house, leg),
        identifier,
        identifier,
        told,
        source,
        rare[0] if rare else "processed",
        house.at(share, later),
        house.at(share, later + 0.1),
        house.at(share, later + 0.2),
        call,
        _where(house, leg),
        key(_CALL, leg),
        "\\\\x" + body.encode().hex(),
        body,
    )


def _command(house: House, at: int, of: int) -> tuple[Any, ...]:
    share, status = at / of, "ok" if _draw(at, 11, 50) else "refused"
    rare = [word for nth, word in enumerate(("uncertain", "expired"), 1) if _is_rare(at, of, nth)]
    is_batched = at % 20 == 3
    return (
        key(_COMMAND, at),
        _whose(house, at),
        RARE_ACTION if _is_rare(at, of, 3) else "dial" if is_batched else _ACTIONS[_draw(at, 12, 10)],
        rare[0] if rare else status,
        key(_CALL, at),
        f"v3:{at:x}-of-the-seed-{_mix(at, 6):016x}",
        _NULL if is_batched else key(_EVENT, at * len(_TOLD)),
        key(_OTHER, at // 20 % max(of // 2000, 1)) if is_batched else _NULL,
        f"seed:{at}",
        "user: grace" if _is_rare(at, of, 4) else _ASKED[_draw(at, 13, 10)],
        house.at(share, 1),
        house.at(share, 6),
        house.at(share, 1.1),
        house.at(share, 1.2),
        key(_CONFERENCE, at // 10) if at % 500 == 7 else _NULL,
        "support" if _is_rare(at, of, 5) else "",
    )


def _conference(house: House, at: int, of: int) -> tuple[Any, ...]:
    state = "in_progress" if at >= of - RARE else "init" if _is_rare(at, of, 1) else "completed"
    identifier = str(uuid.UUID(int=_mix(at, 14) << 64 | at))
    where = _where(house, at)
    return key(_CONFERENCE, at), _whose(house, at), identifier, f"room {at}", where, state, house.at(at / of)


def _participant(house: House, at: int, of: int) -> tuple[Any, ...]:
    share = at // 2 / of * 2
    leg = f"v3:{at:x}-of-the-seed-{_mix(at, 6):016x}"
    return key(_CONFERENCE, at // 2), leg, key(_CALL, at), house.at(share), house.at(share, 30)


def _batch(house: House, at: int, of: int) -> tuple[Any, ...]:
    run = f"batch {at}", CONNECTIONS[at % 40], 1.0, 20, f"seed:{at}", "user: ada"
    return key(_OTHER, at), _ACCOUNTS[at % 5], *run, house.at(at / of), house.at(at / of)


def _audit(house: House, at: int, of: int) -> tuple[Any, ...]:
    action = "account.key" if _is_rare(at, of, 1) else ("call.search", "event.view_raw", "sign-in")[at % 3]
    actor = "user: grace" if _is_rare(at, of, 2) else ("user: ada", "token: crm", "portal")[_draw(at, 15, 3)]
    return house.at(at / of), actor, action, "voice.call", key(_CALL, at), f"…{at % 10000:04}"


def _fetch(house: House, at: int, of: int) -> tuple[Any, ...]:
    document = key(_DOCUMENT, 1 if _is_rare(at, of, 1) else 0)
    verdict = "apology" if _is_rare(at, of, 2) else "served"
    proof = "unsigned" if _is_rare(at, of, 3) else "verified"
    leg = f"v3:{at:x}-of-the-seed-{_mix(at, 6):016x}"
    return key(_OTHER, at), document, house.at(at / of), leg, proof, verdict, "<Response/>", 1.5


def _alert(house: House, at: int, of: int) -> tuple[Any, ...]:
    kind = "breaker_open" if _is_rare(at, of, 1) else ("dead_events", "silent_application")[at % 2]
    closed = _NULL if at >= of - RARE else house.at(at / of, 60)
    what = f"subject-{at}", _ACCOUNTS[at % 5], "Something is wrong."
    return key(_OTHER, at), kind, *what, house.at(at / of), house.at(at / of, 30), closed


def _recovery(house: House, at: int, of: int) -> tuple[Any, ...]:
    state = "failed" if _is_rare(at, of, 1) else "done"
    return key(_OTHER, at), _whose(house, at), state, "portal", house.at(at / of), house.at(at / of, 5)


def _pull(house: House, at: int, of: int) -> tuple[Any, ...]:
    state = "stopped" if _is_rare(at, of, 1) else "done"
    kind = ("call_control_applications", "texml_applications")[at % 2]
    return key(_OTHER, at), _whose(house, at), kind, state, "portal", house.at(at / of), house.at(at / of, 5)


TABLES = (
    Table(
        "voice.Call",
        (
            *("id", "account", "call_control_id", "call_leg_id", "call_session_id", "connection_id", "direction"),
            *("from_number", "to_number", "from_reversed", "to_reversed", "state", "started_at", "answered_at"),
            *("ended_at", "hangup_cause", "hangup_source", "has_recording", "is_texml"),
            *("ending", "ending_category", "ended_by", "sip_hangup_cause", "counted_as", "answered_by"),
            *("cost", "cost_amount", "currency", "mos", "late_seconds"),
        ),
        _call,
        1,
    ),
    Table(
        "voice.CallEvent",
        (
            *("id", "account", "dedupe_key", "event_id", "event_type", "source", "status", "occurred_at"),
            *("received_at", "processed_at", "call_control_id", "connection_id", "call", "body", "payload"),
        ),
        _event,
        len(_TOLD),
    ),
    Table(
        "voice.Conference",
        ("id", "account", "conference_id", "name", "connection_id", "state", "started_at"),
        _conference,
        0.2,
    ),
    Table(
        "voice.ConferenceParticipant",
        ("conference", "call_control_id", "call", "joined_at", "left_at"),
        _participant,
        0.4,
    ),
    Table(
        "voice.DialBatch",
        (
            *("id", "account", "name", "connection_id", "per_second", "lines", "intent", "requested_by"),
            *("created_at", "began_at"),
        ),
        _batch,
        0.05,
    ),
    Table(
        "voice.CallCommand",
        (
            *("id", "account", "action", "status", "call", "call_control_id", "event", "batch", "intent_key"),
            *("requested_by", "created_at", "expires_at", "first_sent_at", "finished_at", "conference", "queue_name"),
        ),
        _command,
        1,
    ),
    Table("portal.AuditEvent", ("at", "actor", "action", "object_type", "object_id", "object_label"), _audit, 0.5),
    Table(
        "voice.TexmlFetch",
        ("id", "document", "at", "call_control_id", "proof", "verdict", "body", "milliseconds"),
        _fetch,
        0.5,
    ),
    Table(
        "voice.Alert",
        ("id", "kind", "subject", "account", "summary", "opened_at", "seen_at", "closed_at"),
        _alert,
        0.02,
        2_000,
    ),
    Table("voice.Recovery", ("id", "account", "state", "requested_by", "started_at", "seen_alive_at"), _recovery, 0.2),
    Table(
        "applications.Pull",
        ("id", "account", "kind", "state", "requested_by", "started_at", "seen_alive_at"),
        _pull,
        0.02,
        2_000,
    ),
)
