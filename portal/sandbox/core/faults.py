"""Makes faults on request: what goes wrong with the next matching API request or delivery.

``hang drip cut act_then_cut status act_then_status`` are for API requests, ``drop duplicate reorder delay`` for
deliveries.
"""

import random
import threading
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

from portal.json_types import JsonObject
from portal.sandbox.core.errors import Refused, unprocessable

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
_MEMBERS = {"method", "path", "event_type", "fault", "times", "value"}


@dataclass
class Fault:
    """Describes a fault and what it strikes. ``path`` is the beginning of a request's path, of an event's type or of
    the receiving URL's path; ``*`` matches anything. ``times`` counts down; None stays until deleted. ``value`` has the
    unit that its fault tells.

    ``path`` is the beginning of a request's path, of an event's type or of the receiving URL's path; ``*`` matches
    anything.
    """

    fault: str
    method: str | None
    path: str
    times: int | None
    value: float | None

    def matches(self, subject: str) -> bool:
        return fnmatchcase(subject, self.path + "*")

    def spares(self) -> bool:
        """Return whether chance lets this one pass."""
        return self.fault == "drop" and random.random() * 100 >= (self.value or 0.0)  # noqa: S311  no secret


class Faults:
    """Keeps the faults asked for, oldest first; each is used up by what it matches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, body: JsonObject) -> None:
        """Add a fault as the control address gives it; 422 when it makes no sense."""
        fault = _read(body)
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def as_json(self) -> list[JsonObject]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def for_request(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request, ``path`` being under ``/v2`` and unquoted."""
        return self._take(REQUEST_FAULTS, method, (path, path.removeprefix("/v2")))

    def for_delivery(self, event_type: str, url_path: str) -> Fault | None:
        return self._take(DELIVERY_FAULTS, None, (event_type, url_path))

    def _take(self, kinds: dict[str, float | None], method: str | None, subjects: tuple[str, ...]) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                right_method = method is None or fault.method in (None, method)
                if fault.fault in kinds and right_method and any(map(fault.matches, subjects)) and not fault.spares():
                    self._count_down(fault)
                    return fault
        return None

    def _count_down(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            self._faults.remove(fault)


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
    return Fault(name, method.upper() if method else None, path or "", times, chosen)


def _wrong(name: str, detail: str) -> Refused:
    return unprocessable("10015", "Invalid parameter", f"'{name}': {detail}", f"/{name}")
