"""Keeps rules of whom we call: what the people at certain numbers do, who answers there, who is refused at once.

The newest rule whose number fits is used; without one the last digits decide (``destinations``).
"""

from fnmatch import fnmatchcase

from portal.json_types import JsonObject
from portal.sandbox import chance
from portal.sandbox.calls import destinations, machines, scripts
from portal.sandbox.core.errors import wrong
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call, Store
from portal.sandbox.services import quality

RULES = "callees"
MOST = 1000
_MEMBERS = ("number", "steps", "answers_as", "beep", "greeting", "line", "refused")


def add(exchange: Exchange, body: JsonObject) -> JsonObject:
    """Add a rule; 422 names what makes no sense."""
    if unknown := sorted(set(body) - set(_MEMBERS)):
        raise wrong(unknown[0], f"Unknown member; there are {', '.join(_MEMBERS)}.")
    number, who, refused = body.get("number"), body.get("answers_as", "human"), body.get("refused")
    if not isinstance(number, str) or not 0 < len(number) <= 200:
        raise wrong("number", "A number or SIP URI, or a pattern of one: +1312555*.")
    if who not in machines.KINDS:
        raise wrong("answers_as", f"Must be one of {', '.join(machines.KINDS)}.")
    if not isinstance(body.get("beep", True), bool):
        raise wrong("beep", "true or false.")
    greeting = body.get("greeting", machines.GREETING)
    if isinstance(greeting, bool) or not isinstance(greeting, int | float) or not 0 <= greeting <= scripts.LONGEST:
        raise wrong("greeting", "Seconds, from 0.")
    if refused is not None and (not isinstance(refused, str) or refused not in destinations.CODES):
        raise wrong("refused", f"Must be one of {', '.join(destinations.CODES)}.")
    if len(exchange.store.all(RULES)) >= MOST:
        raise wrong("number", f"There are {MOST} rules already.")
    part = scripts.read(body.get("steps", []))
    part |= {"answers_as": who, "beep": body.get("beep", True), "greeting": float(greeting)}
    part |= {"line": quality.read(body["line"], "line")} if "line" in body else {}
    rule: JsonObject = {"id": chance.new_uuid(), "number": number, "refused": refused, "part": part}
    exchange.store.put(RULES, rule["id"], rule)
    return rule


def listed(store: Store) -> list[JsonObject]:
    """Return the rules, oldest first."""
    return store.all(RULES)


def clear(store: Store) -> None:
    for rule in store.all(RULES):
        store.remove(RULES, rule["id"])


def check_allowed(exchange: Exchange, caller: str, number: str, pointer: str) -> None:
    """Refuse to put a call through to a number that Telnyx, or a rule, would not; nobody calls themselves."""
    if caller == number:
        raise destinations.refused("D53")
    rule = _rule(exchange.store, number)
    if rule is None:
        destinations.check_allowed(number, pointer)
    elif rule["refused"]:
        raise destinations.refused(rule["refused"])


def part(exchange: Exchange, call: Call) -> JsonObject | None:
    """Return what whoever we call does, if a rule says it."""
    rule = _rule(exchange.store, call.to_number)
    return rule["part"] if rule else None


def _rule(store: Store, number: str) -> JsonObject | None:
    rules = store.all(RULES)[::-1]
    return next((rule for rule in rules if fnmatchcase(number, rule["number"])), None)
