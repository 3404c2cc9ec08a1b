"""Stores the cases of ``tests/voice/explanations/cases.jsonl`` as rows, as if each had happened here."""

import json
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.factories import run_owed
from tests.support.rows import Call, CallCommand, CallEvent
from voice.events import envelopes, texml_callbacks
from voice.explanations.judgement.telnyx_codes import reason_in

PATH = Path(__file__).parent.parent / "voice" / "explanations" / "cases.jsonl"
CASES: list[dict[str, Any]] = [json.loads(line) for line in PATH.read_text().splitlines()]
BY_ID = {case["id"]: case for case in CASES}
OF_CALLS = {name: case for name, case in BY_ID.items() if case["events"]}


def store(account: TelnyxAccount, case: dict[str, Any]) -> list[Call]:
    """Return the calls, in the order they began; a dial that was never placed makes none."""
    context = case.get("context") or {}
    if "application" in context:
        told = {"telnyx_id": "1838929119256715414", "application_name": "desk"}
        seconds = context["application"]["first_command_timeout_secs"]
        CallControlApplication.objects.create(account=account, first_command_timeout_secs=seconds, **told)
    for event in case["events"]:
        _store_event(account, event)
    run_owed()
    calls = {call.call_control_id: call for call in Call.objects.filter(account=account)}
    for at, command in enumerate(case["commands"]):
        _store_command(account, command, calls, context.get("breaker"), f"{case['id']}:{at}")
    if context.get("upstream", {}).get("alive") is False:
        Call.objects.filter(account=account).update(state="lost")
    return list(Call.objects.filter(account=account).order_by("started_at"))


def _store_event(account: TelnyxAccount, told: dict[str, Any]) -> None:
    if "form" in told:
        body = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in told["form"].items())
        event = CallEvent(account=account, source="texml", body=body.encode(), dedupe_key=body[:90])
        event.received_at = parse_datetime("2026-11-20T14:03:14.3Z")
        texml_callbacks.read(event)
    else:
        data = told["data"]
        event = CallEvent(account=account, source="webhook", body=json.dumps(told).encode(), dedupe_key=data["id"])
        event.received_at = parse_datetime(told.get("received_at") or data["occurred_at"])
        envelopes.read(event)
    if not CallEvent.objects.filter(account=account, dedupe_key=event.dedupe_key).exists():
        event.save(force_insert=True)


def _store_command(
    account: TelnyxAccount, told: dict[str, Any], calls: dict[str, Call], breaker: dict[str, Any] | None, key: str
) -> None:
    control_id, created = told.get("call_control_id") or "", parse_datetime(told["created_at"])
    reason = reason_in(*((told.get("telnyx_answer") or {}).get(name) for name in ("telnyx_error",)), told["error"])
    last = told["attempts"][-1] if told["attempts"] else {}
    is_held = breaker is not None and not told["attempts"]
    CallCommand.objects.create(
        id=told["id"],
        account=account,
        action=told["action"],
        status=told["status"],
        requested_by=told["requested_by"],
        parameters=told["parameters"],
        attempts=told["attempts"],
        error=told["error"],
        error_code=reason or last.get("code") or "",
        call=calls.get(control_id),
        call_control_id=control_id,
        intent_key=key,
        created_at=created,
        expires_at=created,
        first_sent_at=parse_datetime(told["first_sent_at"]) if told["first_sent_at"] else None,
        finished_at=created,
        held_since=created if is_held else None,
        held_why=f"Commands of this account are held back: {breaker['why']}"[:300] if is_held and breaker else "",
    )
