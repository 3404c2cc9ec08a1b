"""Makes faults on request: what goes wrong with the next matching API request or delivery.

``hang drip cut act_then_cut status act_then_status`` are for API requests, ``drop duplicate reorder delay`` for
deliveries. They are kept with everything else: a restart forgets none.
"""

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.core.errors import Refused, unprocessable
from portal.sandbox.core.store import Store

REQUEST_FAULTS = {
    "hang": 60.0,  # seconds without an answer, nothing executed, then the connection is closed
    "drip": 1.0,  # seconds between the bytes of the answer
    "cut": None,  # closed without an answer, nothing executed
    "act_then_cut": None,  # executed, closed without an answer
    "status": 500.0,  # answered with this HTTP status, nothing executed
    "act_then_status": 500.0,  # executed, then answered with this HTTP status
}
DELIVERY_FAULTS = {
    "drop": 100.0,  # never posted; of all that match so many percent, by chance
    "duplicate": 2.0,  # copies posted at once
    "reorder": None,  # posted after the next event of its leg
    "delay": 1.0,  # seconds it is posted later; the leg's next ones do not wait
}
FAULTS = "faults"  # where the store has them
_ANSWERED = ("status", "act_then_status")
_TELLING = ("call_control_id", "nth", "code", "body")  # told of a fault only where it has them
_MEMBERS = {"method", "path", "event_type", "fault", "times", "value", *_TELLING}


@dataclass
class Fault:
    """Describes a fault and what it strikes.

    ``path`` is the beginning of a request's path, of an event's type or of the receiving URL's path; ``*`` matches
    anything. ``call_control_id`` narrows it to one call. Of those that match, the ``nth`` is the first that is struck.
    ``times`` counts down; None stays until deleted. ``value`` has the unit that its fault tells. ``code`` and ``body``
    are what is answered: a code of Telnyx's (D13, 90034), or a whole body.
    """

    fault: str
    method: str | None
    path: str
    times: int | None
    value: float | None
    call_control_id: str | None = None
    nth: int | None = None
    code: str | None = None
    body: JsonObject | None = None

    def matches(self, subjects: tuple[str, ...], call: str | None) -> bool:
        right_call = self.call_control_id in (None, call)
        return right_call and any(fnmatchcase(subject, self.path + "*") for subject in subjects)

    def spares(self) -> bool:
        """Return whether chance lets this one pass."""
        return self.fault == "drop" and chance.percent() >= (self.value or 0.0)

    def as_json(self) -> JsonObject:
        return {name: value for name, value in asdict(self).items() if name not in _TELLING or value is not None}


class Faults:
    """Keeps the faults asked for, oldest first; each is used up by what it matches."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, body: JsonObject) -> None:
        """Add a fault as the control address gives it; 422 when it makes no sense."""
        fault = _read(body)
        self._store.put(FAULTS, chance.new_uuid(), asdict(fault))

    def clear(self) -> None:
        with self._store.transaction():
            for id, _ in self._store.named(FAULTS):
                self._store.remove(FAULTS, id)

    def as_json(self) -> list[JsonObject]:
        return [Fault(**kept).as_json() for _, kept in self._store.named(FAULTS)]

    def for_request(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, ``path`` being under ``/v2`` and unquoted."""
        parts = path.removeprefix("/v2").split("/")
        call = next((part for part in parts if part.startswith("v3:")), None)
        return self._take(REQUEST_FAULTS, method, (path, path.removeprefix("/v2")), call)

    def for_delivery(self, event_type: str, url_path: str, call: str | None) -> Fault | None:
        return self._take(DELIVERY_FAULTS, None, (event_type, url_path), call)

    def _take(
        self, kinds: dict[str, float | None], method: str | None, subjects: tuple[str, ...], call: str | None
    ) -> Fault | None:
        if not self._store.has(FAULTS):
            return None
        with self._store.transaction():
            for id, kept in self._store.named(FAULTS):
                fault = Fault(**kept)
                right_method = method is None or fault.method in (None, method)
                if fault.fault not in kinds or not right_method or not fault.matches(subjects, call):
                    continue
                if fault.nth is not None and fault.nth > 1:
                    fault.nth -= 1
                    self._store.put(FAULTS, id, asdict(fault))
                elif not fault.spares():
                    self._count_down(id, fault)
                    return fault
        return None

    def _count_down(self, id: str, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._store.remove(FAULTS, id)
        else:
            self._store.put(FAULTS, id, asdict(fault))


def _read(body: JsonObject) -> Fault:
    defaults = REQUEST_FAULTS | DELIVERY_FAULTS
    name, times, value = body.get("fault"), body.get("times", 1), body.get("value")
    if unknown := sorted(set(body) - _MEMBERS):
        raise _wrong(unknown[0], f"Unknown member; there are {', '.join(sorted(_MEMBERS))}.")
    if not isinstance(name, str) or name not in defaults:
        raise _wrong("fault", f"Must be one of {', '.join(defaults)}.")
    if times is not None and (type(times) is not int or times < 1):
        raise _wrong("times", "Must be a whole number from 1, or null for: until deleted.")
    if value is not None and (type(value) not in (int, float) or value < 0):
        raise _wrong("value", "Must be a number from 0.")
    method, path = body.get("method"), body.get("path", body.get("event_type"))
    if not isinstance(method, str | None) or not isinstance(path, str | None):
        raise _wrong("path", "Method and path must be texts.")
    chosen = defaults[name] if value is None else value
    fault = Fault(name, method.upper() if method else None, path or "", times, chosen)
    return _read_telling(fault, body)


def _read_telling(fault: Fault, body: JsonObject) -> Fault:
    call, nth, code, answer = (body.get(name) for name in _TELLING)
    if not isinstance(call, str | None):
        raise _wrong("call_control_id", "Must be the id of a call.")
    if nth is not None and (type(nth) is not int or nth < 1):
        raise _wrong("nth", "Must be a whole number from 1.")
    for name, kind, words in (
        ("code", str, "Must be a code as a text: D13, 90034."),
        ("body", dict, "Must be an object."),
    ):
        if body.get(name) is None:
            continue
        if not isinstance(body[name], kind):
            raise _wrong(name, words)
        if fault.fault not in _ANSWERED:
            raise _wrong(name, f"Only {' and '.join(_ANSWERED)} answer anything.")
    if code and "value" not in body:
        fault.value = 403.0 if code.startswith("D") else 422.0
    if fault.fault in _ANSWERED and not 200 <= (fault.value or 0) < 600:
        raise _wrong("value", "An HTTP status, 200 to 599.")
    fault.call_control_id, fault.nth, fault.code, fault.body = call, nth, code, answer
    return fault


def _wrong(name: str, detail: str) -> Refused:
    return unprocessable("10015", "Invalid parameter", f"'{name}': {detail}", f"/{name}")
