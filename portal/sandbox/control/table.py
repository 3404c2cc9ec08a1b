"""Lists every operation of the control addresses: their routes, their checks and their description are made from it."""

import sqlite3

from portal.json_types import JsonObject
from portal.sandbox.calls import limits, scripts
from portal.sandbox.calls.scenarios import SCENARIOS
from portal.sandbox.control import clockwork, ledger, people, triggers
from portal.sandbox.control.operations import Asked, Member, Operation
from portal.sandbox.core.errors import not_found, wrong
from portal.sandbox.documents import settings
from portal.sandbox.resources import editing
from portal.sandbox.services import quality
from portal.sandbox.texml import accounts

_CONNECTION = Member("connection_id", "string", "the application, needed if there are several", nullable=True)
_LINE = Member(
    "line", "", f"how it sounds: {', '.join(quality.LINES)}; or what is measured, in the words of call_quality_stats"
)
_STEPS = (
    "what they do, in order: each a press, say, hangup, hold, stay or answer, at a time (at), after something "
    f"({', '.join(scripts.MOMENTS)}), or in so many seconds"
)


def _ready(asked: Asked) -> JsonObject:
    return {"ready": True, "public_key": asked.public_key}


def _scenarios(asked: Asked) -> JsonObject:
    return {name: scenario.summary for name, scenario in SCENARIOS.items()}


def _account(asked: Asked) -> JsonObject:
    exchange, body = asked.world.exchange, asked.body
    if "account_sid" in body or "channel_limit" not in body:
        accounts.choose(exchange, body.get("account_sid"))
    if "channel_limit" in body:
        limits.choose(exchange, body["channel_limit"])
    return accounts.chosen(exchange) | {"channel_limit": limits.of_account(exchange)}


def _documents(asked: Asked) -> JsonObject:
    return settings.choose(asked.world.exchange, asked.body)


def _edit(asked: Asked) -> JsonObject:
    return editing.edit(asked.world.exchange, asked.body)


def _buy(asked: Asked) -> JsonObject:
    return editing.buy(asked.world.exchange, asked.body)


def _spoil(asked: Asked) -> JsonObject:
    asked.world.faults.add(asked.body)
    return _faults(asked)


def _faults(asked: Asked) -> JsonObject:
    return {"faults": asked.world.faults.as_json()}


def _mend(asked: Asked) -> JsonObject:
    asked.world.faults.clear()
    return _faults(asked)


def _worlds(asked: Asked) -> JsonObject:
    return {"worlds": [{"name": name, "api_key": f"KEY-world-{name}"} for name in asked.worlds.names()]}


def _end_world(asked: Asked) -> JsonObject:
    if not asked.worlds.end(asked.id):
        raise not_found("This world")
    return _worlds(asked)


def _snapshot(asked: Asked) -> JsonObject:
    return asked.world.snapshot()


def _load(asked: Asked) -> JsonObject:
    try:
        asked.world.load(asked.body)
    except (sqlite3.Error, TypeError, AttributeError):
        raise wrong("rows", "These are not the rows of a snapshot of this version.") from None
    return {"result": "ok"}


def _reset(asked: Asked) -> JsonObject:
    asked.world.reset()
    return {"result": "ok"}


_CALL = "/sandbox/calls/{call_control_id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/sandbox/ready", "Answers when it is up, with the public key", _ready),
    Operation("GET", "/sandbox/scenarios", "Names the scenarios of callers", _scenarios),
    Operation("GET", "/sandbox/applications", "Lists the applications that may be called", people.list_applications),
    Operation("GET", "/sandbox/calls", "Lists legs: those alive, then the newest", people.list_calls),
    Operation(
        "POST",
        "/sandbox/calls",
        "Somebody calls one of our applications, by a scenario or by steps",
        people.ring,
        (
            Member("scenario", "string", "one of GET /sandbox/scenarios"),
            Member("steps", "array", _STEPS),
            _CONNECTION,
            Member("from", "string", "who calls", nullable=True),
            Member("to", "string", "the number called", nullable=True),
            Member("dials", "", "whom the document of the scenario texml_dial dials"),
            Member("digits", "string", "the keys pressed when a TeXML document asks: 1 42#"),
            Member("says", "string", "what is said when a TeXML document listens"),
            Member("stays", "number", "seconds after which a caller of a TeXML application hangs up"),
            _LINE,
            Member("attestation", "string", "who vouches for the number: A, B or C, null nobody", nullable=True),
            Member("attestation_valid", "boolean", "false: the signature of that is not in order"),
            Member("spam", "boolean", "whether the number has a bad reputation: Telnyx's screening finds it"),
        ),
    ),
    Operation("GET", _CALL, "Tells how a call stands, with all legs of its session", people.follow),
    Operation(
        "POST",
        f"{_CALL}/press",
        "The far end presses keys",
        people.press,
        (Member("keys", "string", "1 to 128 of 0123456789ABCD*#", required=True),),
    ),
    Operation(
        "POST",
        f"{_CALL}/say",
        "The far end says something",
        people.say,
        (Member("text", "string", "what is said", required=True),),
    ),
    Operation(
        "POST",
        f"{_CALL}/hold",
        "The far end puts us on hold, or takes us back",
        people.hold,
        (Member("on", "boolean", "false to take us back"),),
    ),
    Operation("POST", f"{_CALL}/answer", "Whom we call picks up", people.pick_up),
    Operation(
        "POST",
        f"{_CALL}/hangup",
        "The far end hangs up, refuses or gives up",
        people.hang_up,
        (
            Member("cause", "string", f"hangup_cause: {', '.join(scripts.CAUSES)}"),
            Member("source", "string", "hangup_source: caller, callee, unknown"),
            Member("sip", "string", "sip_hangup_cause: 486"),
            Member("telnyx_error", "string", "why it was not put through: D13"),
        ),
    ),
    Operation("GET", "/sandbox/callees", "Lists the rules of whom we call", people.list_callees),
    Operation(
        "POST",
        "/sandbox/callees",
        "Whoever has such a number does as told when we call",
        people.add_callee,
        (
            Member("number", "string", "the number, or a pattern of numbers: +1312555*", required=True),
            Member("steps", "array", _STEPS),
            Member("answers_as", "string", "for machine detection: human, human_business, machine, fax, screened …"),
            Member("beep", "boolean", "whether a machine's greeting ends with a beep"),
            Member("greeting", "number", "seconds of a machine's greeting after its detection"),
            _LINE,
            Member("refused", "string", "the dial is refused with this code: D13", nullable=True),
        ),
    ),
    Operation("DELETE", "/sandbox/callees", "Forgets these rules", people.clear_callees),
    Operation(
        "POST",
        "/sandbox/trigger",
        "Sends an event, with members of one's own",
        triggers.trigger,
        (
            Member("event_type", "string", "as Telnyx writes it: call.hangup", required=True),
            Member("call_control_id", "string", "of which call; without it of one that is nowhere else"),
            _CONNECTION,
            Member("payload", "object", "members of the payload that are to be others"),
            Member("webhook_url", "string", "where it is sent instead"),
        ),
    ),
    Operation("GET", "/sandbox/faults", "Lists what is still to go wrong", _faults),
    Operation(
        "POST",
        "/sandbox/faults",
        "Something is to go wrong",
        _spoil,
        (
            Member("fault", "string", "hang, drip, cut, act_then_cut, status, act_then_status; drop, duplicate …"),
            Member("method", "", "of which requests"),
            Member("path", "", "the beginning of a request's path, an event's type or a receiving path"),
            Member("event_type", "", "another name of path"),
            Member("call_control_id", "", "of which call only"),
            Member("nth", "", "the first of the matching ones that is struck, counted from 1"),
            Member("times", "", "how many are struck, 1 unless told; null until deleted"),
            Member("value", "", "status, seconds, percent or copies, as the fault has it"),
            Member("code", "", "the code answered: 90034, D13"),
            Member("body", "", "the whole body answered"),
        ),
    ),
    Operation("DELETE", "/sandbox/faults", "Nothing more is to go wrong", _mend),
    Operation(
        "GET", "/sandbox/ledger", "Tells what happened, or waits for it", ledger.read, query=ledger.QUERY, alone=False
    ),
    Operation("GET", "/sandbox/clock", "Tells this world's time, and what is due next", clockwork.show, alone=False),
    Operation(
        "POST",
        "/sandbox/clock",
        "Stops the clock, sets it, lets it go on",
        clockwork.change,
        (
            Member("paused", "boolean", "true stops it, false lets it go on"),
            Member("at", "string", "the time at which it stands, ISO 8601"),
        ),
        alone=False,
    ),
    Operation(
        "POST",
        "/sandbox/clock/advance",
        "Lets time pass, and answers once all that happens in it was told",
        clockwork.advance,
        (Member("seconds", "number", "how many", required=True),),
        alone=False,
    ),
    Operation("GET", "/sandbox/snapshot", "Returns all of this world", _snapshot, alone=False),
    Operation(
        "PUT",
        "/sandbox/snapshot",
        "Makes this world what a snapshot was",
        _load,
        (
            Member("taken_at", "number", "when it was taken, as the snapshot tells it", required=True),
            Member("rows", "object", "what it holds", required=True),
        ),
        alone=False,
    ),
    Operation("GET", "/sandbox/worlds", "Lists the worlds that have a key of their own", _worlds, alone=False),
    Operation("DELETE", "/sandbox/worlds/{name}", "Ends a world", _end_world, alone=False),
    Operation(
        "POST",
        "/sandbox/edit",
        "Somebody else changes an application or a number at Telnyx",
        _edit,
        (
            Member("resource", "", "call_control_applications, texml_applications or phone_numbers"),
            Member("id", "", "which one"),
            Member("changes", "", "the members changed; null deletes an application"),
            Member("user", "", "who does it, an e-mail address"),
        ),
    ),
    Operation(
        "POST",
        "/sandbox/numbers",
        "Buys more phone numbers",
        _buy,
        (Member("count", "", "how many, at most 60,000"), Member("connection_id", "", "the application they lead to")),
    ),
    Operation(
        "POST",
        "/sandbox/account",
        "Chooses which id names the account in TeXML's paths, and how many calls it may have at once",
        _account,
        (
            Member("account_sid", "", "organization_id or user_id"),
            Member("channel_limit", "integer", "outgoing calls at once; null is no limit", nullable=True),
        ),
    ),
    Operation(
        "POST",
        "/sandbox/documents",
        "Chooses whether documents are run strictly",
        _documents,
        (Member("strict", "", "true ends a call where Telnyx would pass over something"),),
    ),
    Operation("POST", "/sandbox/reset", "Makes this world as new, but for the signing key", _reset, alone=False),
)
