"""Words what a fault answers: the status asked for, with the code or the body asked for."""

from portal.json_types import JsonObject
from portal.sandbox.calls.destinations import CODES, refused
from portal.sandbox.core.errors import Problem, Refused
from portal.sandbox.core.faults import Fault

_TITLES = {
    "10005": "Resource not found",
    "10009": "Authentication failed",
    "10010": "Not authorized",
    "10011": "Too many requests",
    "10015": "Invalid parameter",
    "10027": "Unprocessable entity",
    "90015": "Invalid Call Control ID",
    "90018": "Call has already ended",
    "90034": "Call not answered yet",
}
_CODES = {401: "10009", 403: "10010", 404: "10005", 422: "10027", 429: "10011"}
_DETAIL = "Answered so because this fault was asked for."


def status_of(fault: Fault) -> int:
    return int(fault.value or 500)


def body_of(fault: Fault) -> JsonObject:
    """Return the body that the fault answers."""
    if fault.body is not None:
        return fault.body
    if fault.code and (fault.code in CODES or fault.code.startswith("D")):
        return refused(fault.code).body()
    code = fault.code or _CODES.get(status_of(fault), "10007")
    title = _TITLES.get(code, "Unexpected error" if code == "10007" else "Refused")
    return Refused(status_of(fault), Problem(code, title, _DETAIL)).body()
