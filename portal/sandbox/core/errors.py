"""Refuses in Telnyx's envelope: ``{"errors": [{code, title, detail, source: {pointer}, meta: {url}}]}``.

Codes: developers.telnyx.com/docs/overview/errors and ``components/responses`` of the public OpenAPI document.
"""

from dataclasses import dataclass

from portal.json_types import JsonObject
from portal.sandbox import parameters, strictness


@dataclass(frozen=True)
class Problem:
    """Holds one member of ``errors``. ``pointer`` is a JSON pointer into the request (``/application_name``).

    Without a ``code`` its ``detail`` is all that is told: TeXML's 404 is like that.
    """

    code: str | int  # a number for some products, as at Telnyx
    title: str
    detail: str
    pointer: str = ""


class Refused(Exception):
    """The request is answered with ``status`` and the problems; nothing was executed."""

    def __init__(self, status: int, *problems: Problem, beside: JsonObject | None = None) -> None:
        """``beside`` are further members of the answer's body."""
        super().__init__("; ".join(problem.detail for problem in problems))
        self.status = status
        self.problems = problems
        self.beside = beside or {}

    def body(self) -> JsonObject:
        return {"errors": [_member(problem) for problem in self.problems]} | self.beside


def not_found(what: str = "The requested resource or URL") -> Refused:
    return Refused(404, Problem("10005", "Resource not found", f"{what} could not be found.", "/"))


def bad_request(detail: str, pointer: str = "/") -> Refused:
    return Refused(400, Problem("10015", "Bad Request", detail, pointer))


def unprocessable(code: str, title: str, detail: str, pointer: str = "") -> Refused:
    return Refused(422, Problem(code, title, detail, pointer))


def wrong(name: str, detail: str) -> Refused:
    """Return the refusal of a member of a request to the control addresses."""
    return unprocessable("10015", "Invalid parameter", f"'{name}': {detail}", f"/{name}")


def check(method: str, body: JsonObject) -> None:
    """Return when the SDK's ``method`` takes ``body``; else 422 with one problem for each wrong parameter."""
    found = parameters.wrongs(method, body)
    if strictness.ignores_unknown():
        found = [wrong for wrong in found if wrong.kind != parameters.UNKNOWN]
    if found:
        raise Refused(422, *map(_problem, found))
    if beyond := strictness.out_of_range(method, body):
        name, least, most = beyond
        detail = f"'{name}' must be from {least:g} to {most:g}."
        raise unprocessable("10033", "Value outside of range", detail, f"/{name}")


_CODES = {
    parameters.MISSING: ("10004", "Missing required parameter"),
    parameters.TYPE: ("10026", "Invalid parameter type"),
    parameters.CHOICE: ("10032", "Invalid enumerated value"),
    parameters.UNKNOWN: ("10015", "Invalid parameter"),
}


def _problem(wrong: parameters.Wrong) -> Problem:
    path = "/".join(wrong.path)
    code, title = _CODES[wrong.kind]
    return Problem(code, title, f"'{path}': {wrong.message}", f"/{path}")


def _member(problem: Problem) -> JsonObject:
    if not problem.code:
        return {"detail": problem.detail}
    member: JsonObject = {"code": problem.code, "title": problem.title, "detail": problem.detail}
    if problem.pointer:
        member["source"] = {"pointer": problem.pointer}
    return member | {"meta": {"url": f"https://developers.telnyx.com/docs/overview/errors/{problem.code}"}}
