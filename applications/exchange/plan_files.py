"""Reads a plan that was written down: ``plan --out``, and what REST's plan answered.

It holds each request to Telnyx with the state it was made from: carried out later, it does what was read, or nothing.
"""

import json
from datetime import datetime
from typing import Any, Literal

import pydantic

from applications.exchange.plans import Plan, Problem, Step, Unreadable
from applications.kinds import BY_SLUG
from portal import payloads
from portal.json_types import JsonObject
from portal.models import TelnyxAccount

_STRICT = pydantic.ConfigDict(extra="ignore")


class _Change(pydantic.BaseModel):
    model_config = _STRICT
    before: Any
    after: Any


class _Step(pydantic.BaseModel):
    model_config = _STRICT
    kind: Literal[tuple(BY_SLUG)]  # type: ignore[valid-type]
    action: Literal["create", "update", "delete"]
    name: pydantic.StrictStr
    id: str | None
    changes: dict[str, _Change]
    base: pydantic.StrictStr
    line: int = 0
    dependents: list[str] = []
    namesakes: int = 0

    @pydantic.model_validator(mode="after")
    def _is_whole(self) -> "_Step":
        if self.action == "create" and (self.id or not self.name):
            raise ValueError("a creation has a name and no id")
        if self.action != "create" and not (self.id and self.base):
            raise ValueError("it has an id, and a base that it was made from")
        return self


class _Plan(pydantic.BaseModel):
    model_config = _STRICT
    account: pydantic.StrictStr
    made_at: pydantic.AwareDatetime
    known: dict[str, int] = {}
    steps: list[_Step]


def loads(text: str) -> JsonObject | None:
    """Return the plan that ``text`` is, as JSON; None when it is something else."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        read = payloads.loads(text.encode())
    except payloads.Unreadable:
        return None
    return read if isinstance(read, dict) and {"steps", "made_at"} <= read.keys() else None


def dumps(plan: Plan) -> str:
    return json.dumps(plan.as_json(), indent=2, ensure_ascii=False)


def account_name(written: JsonObject) -> str:
    return str(written.get("account"))


def read(written: JsonObject, account: TelnyxAccount) -> Plan:
    """Return the plan for this account. Raises ``Unreadable``."""
    try:
        parsed = _Plan.model_validate(written)
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise Unreadable([Problem(0, ".".join(map(str, one["loc"])), f"{one['msg']}.") for one in found]) from None
    if parsed.account != account.name:
        raise Unreadable([Problem(0, "account", f"This plan is of another account than {account.name}.")])
    steps = [Step.from_json(step.model_dump()) for step in parsed.steps]
    made_at: datetime = parsed.made_at
    return Plan(account, steps, [], 0, made_at, parsed.known)
