"""Refuses in Telnyx's envelope: ``{"errors": [{code, title, detail, source: {pointer}, meta: {url}}]}``.

Codes: developers.telnyx.com/docs/overview/errors and ``components/responses`` of the public OpenAPI document.
"""

from dataclasses import dataclass

from portal.json_types import JsonObject
from portal.sandbox import strictness
from portal.telnyx import schemas

_UNKNOWN = "Unknown parameter"


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


def check(method: str, body: JsonObject) -> None:
    """Return when the SDK's ``method`` takes ``body``; else 422 with one problem for each wrong parameter."""
    try:
        schemas.validate(method, body)
    except schemas.InvalidParameters as invalid:
        if strictness.ignores_unknown():
            known = {name: texts for name, texts in invalid.errors.items() if not texts[0].startswith(_UNKNOWN)}
        else:
            known = invalid.errors
        problems = [_problem(method, name, messages[0]) for name, messages in known.items()]
        if problems:
            raise Refused(422, *{problem.pointer: problem for problem in problems}.values()) from None
    if found := strictness.out_of_range(method, body):
        name, least, most = found
        detail = f"'{name}' must be from {least:g} to {most:g}."
        raise unprocessable("10033", "Value outside of range", detail, f"/{name}")


def _problem(method: str, name: str, message: str) -> Problem:
    top = name.partition(".")[0]
    # of a parameter with several shapes the path ends in the shape's name, which is no part of the request
    several = any(parameter.name == top and parameter.kind == "any" for parameter in schemas.parameters(method))
    path = top if several else name.replace(".", "/")
    code, title = _judge(message)
    return Problem(code, title, f"'{path}': {message}", f"/{path}")


def _judge(message: str) -> tuple[str, str]:
    if message.startswith("This parameter is required"):
        return "10004", "Missing required parameter"
    if message.startswith("Must be a valid"):
        return "10026", "Invalid parameter type"
    if message.startswith("Must be '"):
        return "10032", "Invalid enumerated value"
    return "10015", "Invalid parameter"


def _member(problem: Problem) -> JsonObject:
    if not problem.code:
        return {"detail": problem.detail}
    member: JsonObject = {"code": problem.code, "title": problem.title, "detail": problem.detail}
    if problem.pointer:
        member["source"] = {"pointer": problem.pointer}
    return member | {"meta": {"url": f"https://developers.telnyx.com/docs/overview/errors/{problem.code}"}}
