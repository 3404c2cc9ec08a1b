"""Reads what is compared: lengths of time, the sound of a call, its cost."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from django.db.models import F, Q

from portal.actors import Actor
from voice.call_log.language.conditions import Condition, Malformed

# as many seconds as the most minutes or hours are, since all are written down as seconds
_LENGTH = re.compile(
    r"(>=|<=|>|<)\s*(?:(\d{1,9}(?:\.\d{1,3})?)s?|(\d{1,5}(?:\.\d{1,3})?)(m|h)|(\d{1,4}):([0-5]\d))", re.ASCII
)
_LOOK_UPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_SECONDS = {"m": 60, "h": 3600}


def length(asked: Callable[[str, timedelta], Q]) -> Callable[[str, Actor], Condition]:
    """Make the reader of a length of time, compared: ``>60``, ``<=2m``, ``>1:30``. ``asked`` makes the condition."""

    def read(value: str, actor: Actor) -> Condition:
        match = _LENGTH.fullmatch(value)
        if match is None:
            raise Malformed("takes a length with < or > before it: >60, <10, >=2m, >1:30")
        sign, plain, many, unit, minutes, seconds = match.groups()
        told = Decimal(plain or (Decimal(many) * _SECONDS[unit] if many else int(minutes) * 60 + int(seconds)))
        written = f"{sign}{told.normalize():f}"  # whole, and without an exponent
        return Condition(written, asked(_LOOK_UPS[sign], timedelta(milliseconds=int(told * 1000))))

    return read


def _talk(look_up: str, told: timedelta) -> Q:
    return Q(answered_at__isnull=False, **{f"ended_at__{look_up}": F("answered_at") + told})


def _setup(look_up: str, told: timedelta) -> Q:
    bound = F("started_at") + told
    unanswered = Q(answered_at__isnull=True, **{f"ended_at__{look_up}": bound})
    return Q(**{f"answered_at__{look_up}": bound}) | unanswered


setup, talk = length(_setup), length(_talk)


_AMOUNT = re.compile(r"(>=|<=|>|<)\s*(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})", re.ASCII)


def amount(column: str, takes: str) -> Callable[[str, Actor], Condition]:
    """Make the reader of a number, compared: calls whose ``column`` is told, and is so."""

    def read(value: str, actor: Actor) -> Condition:
        match = _AMOUNT.fullmatch(value)
        if match is None:
            raise Malformed(f"takes {takes} with < or > before it")
        told = Decimal(match[2])
        return Condition(f"{match[1]}{told:f}", Q(**{f"{column}__{_LOOK_UPS[match[1]]}": told}))

    return read


mos = amount("mos", "a score of the sound, as <3.6,")
cost = amount("cost_amount", "an amount, as >0.10,")
