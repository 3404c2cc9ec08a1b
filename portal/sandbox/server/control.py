"""Serves what stands beside ``/v2`` and Telnyx does not have: who calls, what goes wrong, what happened, reset."""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from portal.json_types import JsonObject
from portal.sandbox.calls import calls, commands
from portal.sandbox.calls.destinations import FIRST_COMMAND
from portal.sandbox.calls.dialling import application_for_calls
from portal.sandbox.calls.scenarios import SCENARIOS
from portal.sandbox.core.errors import Refused, not_found, unprocessable
from portal.sandbox.core.exchange import CALL_CONTROL, TEXML, Exchange
from portal.sandbox.core.faults import Faults
from portal.sandbox.core.requests import Answer, Request
from portal.sandbox.core.store import Call
from portal.sandbox.documents import settings
from portal.sandbox.resources import editing, stock
from portal.sandbox.resources.applications import KINDS
from portal.sandbox.texml import accounts, legs

FROM, TO = "+13125550143", "+13125550100"  # numbers kept for fiction
_CALLER = ("digits", "says", "stays")  # what the caller of a TeXML application does
_MEMBERS = {"scenario", "connection_id", "from", "to", "dials", *_CALLER}
_KEYS = re.compile(r"[0-9*#]+( [0-9*#]+)*|")
_LONGEST = 24.0  # seconds


class Control:
    """Answers requests under ``/sandbox``."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self._exchange, self._faults = exchange, faults
        self._routes: tuple[tuple[str, str, Callable[[Request], JsonObject]], ...] = (
            ("GET", "/sandbox/ready", lambda request: {"ready": True}),
            (
                "GET",
                "/sandbox/scenarios",
                lambda request: {name: scenario.summary for name, scenario in SCENARIOS.items()},
            ),
            ("POST", "/sandbox/account", self._choose_account),
            ("POST", "/sandbox/calls", self._ring),
            ("POST", "/sandbox/documents", self._choose_reading),
            ("GET", "/sandbox/calls/[^/]+", self._follow),
            ("POST", "/sandbox/faults", self._spoil),
            ("GET", "/sandbox/faults", lambda request: {"faults": self._faults.as_json()}),
            ("DELETE", "/sandbox/faults", self._mend),
            ("GET", "/sandbox/ledger", self._ledger),
            ("POST", "/sandbox/edit", self._edit),
            ("POST", "/sandbox/numbers", self._buy),
            ("POST", "/sandbox/reset", self._reset),
        )

    def answer(self, request: Request) -> Answer:
        """Return status and body; raises ``Refused``."""
        for method, path, run in self._routes:
            if method == request.method and re.fullmatch(path, request.path):
                return 200, run(request)
        raise not_found()

    def reset(self) -> None:
        """Forget everything but the signing key."""
        self._faults.clear()
        with self._exchange.store.transaction():
            self._exchange.store.clear()
            self._exchange.courier.forget()
            stock.fill(self._exchange.store)

    def _ring(self, request: Request) -> JsonObject:
        body = request.body
        if unknown := sorted(set(body) - _MEMBERS):
            raise _wrong(unknown[0], f"Unknown member; there are {', '.join(sorted(_MEMBERS))}.")
        if body.get("scenario") not in SCENARIOS:
            raise _wrong("scenario", f"Must be one of {', '.join(SCENARIOS)}.")
        if "dials" in body and body["scenario"] != "texml_dial":
            raise _wrong("dials", "Only the scenario texml_dial dials somebody.")
        with self._exchange.transaction():
            return _handles(self._start(body))

    def _start(self, body: JsonObject) -> Call:
        is_texml = SCENARIOS[body["scenario"]].texml
        application = self._application(body.get("connection_id"), (TEXML,) if is_texml else (CALL_CONTROL, TEXML))
        numbers = str(body.get("from") or FROM), str(body.get("to") or TO)
        if application["record_type"] == "texml_application":
            dials = commands.check_number(body, "dials") if "dials" in body else legs.WHOM
            return legs.ring(self._exchange, application, numbers, body["scenario"], dials, _caller(body))
        if wrong := next((name for name in _CALLER if name in body), None):
            raise _wrong(wrong, "Only who calls a TeXML application does as told.")
        call = calls.start(self._exchange, application["id"], "incoming", numbers, {}, script=body["scenario"])
        if application["first_command_timeout"]:
            self._exchange.after(application["first_command_timeout_secs"], call, FIRST_COMMAND)
        return call

    def _application(self, connection_id: str | None, kinds: tuple[str, ...]) -> JsonObject:
        """Return the application called: of the first kind that there is one of, if none is named."""
        store = self._exchange.store
        if connection_id is not None:
            found = (store.application(kind, str(connection_id)) for kind in kinds)
            if named := next((application for application in found if application and application["active"]), None):
                return named
            if kinds == (TEXML,):
                raise _wrong("connection_id", "There is no active TeXML application with this id.")
            return application_for_calls(self._exchange, str(connection_id))
        every = ([one for one in store.applications(kind) if one["active"]] for kind in kinds)
        active = next(filter(None, every), [])
        if not active:
            raise not_found("An active application to call")
        if len(active) > 1:
            names = ", ".join(f"{one['id']} ({one[KINDS[_kind(one)].name]})" for one in active[:10])
            raise _wrong("connection_id", f"Say which of the {len(active)} active applications is called: {names}.")
        return active[0]

    def _choose_account(self, request: Request) -> JsonObject:
        with self._exchange.transaction():
            return accounts.choose(self._exchange, request.body)

    def _choose_reading(self, request: Request) -> JsonObject:
        with self._exchange.transaction():
            return settings.choose(self._exchange, request.body)

    def _follow(self, request: Request) -> JsonObject:
        id = unquote(request.path.rpartition("/")[2])
        with self._exchange.transaction():
            call = self._exchange.call(id)
            if call is None:
                raise not_found("This call")
            legs = self._exchange.session(call.call_session_id)
            store, session = self._exchange.store, call.call_session_id
            owed = store.count_deliveries(session) + store.count_timers(session)
            over = not any(leg.alive for leg in legs)
            return _seen(call) | {"session_ended": over, "owed": owed, "legs": [_seen(leg) for leg in legs]}

    def _spoil(self, request: Request) -> JsonObject:
        self._faults.add(request.body)
        return {"faults": self._faults.as_json()}

    def _mend(self, request: Request) -> JsonObject:
        self._faults.clear()
        return {"faults": []}

    def _ledger(self, request: Request) -> JsonObject:
        return {
            kind: self._exchange.store.entries(kind) for kind in ("requests", "commands", "deliveries", "documents")
        }

    def _edit(self, request: Request) -> JsonObject:
        with self._exchange.transaction():
            return editing.edit(self._exchange, request.body)

    def _buy(self, request: Request) -> JsonObject:
        with self._exchange.transaction():
            return editing.buy(self._exchange, request.body)

    def _reset(self, request: Request) -> JsonObject:
        self.reset()
        return {"result": "ok"}


def is_loopback(host: str) -> bool:
    """Return whether a ``Host`` header (name or address, with or without port) means this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_of_this_machine(host: str, origin: str | None) -> bool:
    """Return whether a request is meant for, and comes from, this machine.

    Else any web page could have a browser here ask the sandbox, under a name of its own that leads to 127.0.0.1.
    """
    return is_loopback(host) and (not origin or is_loopback(urlsplit(origin).netloc))


def _caller(body: JsonObject) -> JsonObject:
    """Return what the caller does beside the scenario, or 422."""
    if not isinstance(body.get("digits", ""), str) or not _KEYS.fullmatch(body.get("digits", "")):
        raise _wrong("digits", "Keys, for each question some, with spaces between: 1 42#.")
    if not isinstance(body.get("says", ""), str) or len(body.get("says", "")) > 1000:
        raise _wrong("says", "A text of at most 1,000 characters.")
    stays = body.get("stays", 0)
    if isinstance(stays, bool) or not isinstance(stays, int | float) or not 0 <= stays <= _LONGEST:
        raise _wrong("stays", f"Seconds after the answer, from 0 to {_LONGEST:g}.")
    return {name: body[name] for name in _CALLER if name in body}


def _kind(application: JsonObject) -> str:
    return f"{application['record_type']}s"


def _handles(call: Call) -> JsonObject:
    return {
        "call_control_id": call.call_control_id,
        "call_session_id": call.call_session_id,
        "call_leg_id": call.call_leg_id,
    }


def _seen(call: Call) -> JsonObject:
    return _handles(call) | {
        "direction": call.direction,
        "from": call.from_number,
        "to": call.to_number,
        "state": "bridged" if call.alive and call.peer else call.state,
        "ended": not call.alive,
        "hangup_cause": call.hangup_cause,
        "hangup_source": call.hangup_source,
    }


def _wrong(name: str, detail: str) -> Refused:
    return unprocessable("10015", "Invalid parameter", f"'{name}': {detail}", f"/{name}")
