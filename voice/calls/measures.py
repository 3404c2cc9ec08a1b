"""Reads what events tell of a call beside its course: sound, trust, cost. Telnyx sends most of these numbers as texts.

Sources: Telnyx's OpenAPI spec, webhooks ``callHangup``, ``callInitiated``, ``callCost``; of TeXML its callbacks.
"""

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Columns = dict[str, Any]

LATE_SECONDS = 5.0  # deliveries take tenths of a second; after so long somebody who waits has noticed
POOR_MOS = 3.6  # below it many listeners are dissatisfied (ITU-T G.107, annex B)
_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_DECIMAL = re.compile(r"\d{1,9}(\.\d{1,20})?", re.ASCII)
_COUNT = re.compile(r"\d{1,10}", re.ASCII)
_MOST_COUNT, _MOST_MOS, _MOST_PARTS = 2**31 - 1, 5.0, 20
_WORD = re.compile(r"[\w.\- ]{1,50}", re.ASCII)
_TRUE = {True: True, False: False, "true": True, "false": False}
_PART = ("call_part", "cost", "rate", "currency")


def sound(payload: Mapping[str, Any]) -> Columns | None:
    """Return the columns of what was heard; None where nothing was measured."""
    stats = _object(payload.get("call_quality_stats"))
    # Telnyx's reference of TeXML has them without a direction
    inbound, outbound = _object(stats.get("inbound", stats)), _object(stats.get("outbound"))
    mos = decimal(inbound.get("mos"))
    told = {
        "mos": mos if mos is not None and mos <= _MOST_MOS else None,
        "jitter": decimal(inbound.get("jitter_max_variance", inbound.get("jitter"))),
        "packets_in": count(inbound.get("packet_count")),
        "skipped_in": count(inbound.get("skip_packet_count")),
        "packets_out": count(outbound.get("packet_count")),
        "skipped_out": count(outbound.get("skip_packet_count")),
    }
    return told if any(value is not None for value in told.values()) else None


def trust(payload: Mapping[str, Any]) -> Columns | None:
    """Return how far the caller's number is vouched for (SHAKEN/STIR); None where nothing is told."""
    level = word(payload.get("shaken_stir_attestation"))[:10]
    checked = payload.get("shaken_stir_validated")
    is_valid = _TRUE.get(checked) if isinstance(checked, bool | str) else None
    return {"attestation": level, "attestation_valid": is_valid} if level or is_valid is not None else None


def screening(payload: Mapping[str, Any]) -> str:
    """Return what Telnyx's screening of the call found; empty where none is told."""
    return word(payload.get("call_screening_result"))


def cost(payload: Mapping[str, Any]) -> Columns | None:
    """Return the columns of the price; None where no price is told. All of them, so that no two events' are mixed."""
    total = payload.get("total_cost")
    if payload.get("status") == "error" or not _AMOUNT.fullmatch(text := _written(total)):
        return None
    parts = [_part(one) for one in _list(payload.get("cost_parts"))[:_MOST_PARTS] if isinstance(one, dict)]
    currencies = {part["currency"] for part in parts if part["currency"]}
    return {
        "cost": text,
        "cost_amount": Decimal(text),
        "currency": currencies.pop()[:3] if len(currencies) == 1 else "",
        "billed_seconds": count(payload.get("billed_duration_secs")),
        "cost_parts": parts or None,
    }


def decimal(value: Any) -> float | None:
    """Read a number that is none below zero, also one written as a text."""
    text = _written(value)
    return float(text) if _DECIMAL.fullmatch(text) else None


def count(value: Any) -> int | None:
    """Read a whole number, also one written as a text."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return min(int(text), _MOST_COUNT) if _COUNT.fullmatch(text) else None


def word(value: Any) -> str:
    """Read a word of Telnyx's."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _written(value: Any) -> str:
    """Write a number in digits, whatever it came as: Python writes small ones with an exponent."""
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _part(told: Mapping[str, Any]) -> Columns:
    part: Columns = {name: word(_written(told.get(name))) for name in _PART}
    return part | {"billed_seconds": count(told.get("billed_duration_secs"))}


def _object(value: Any) -> Mapping[str, Any]:
    """Return an object; TeXML's callbacks have it as a text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
