"""Reads the facts of a session from its rows, and has them judged. Nothing is written here."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from applications.models import CallControlApplication
from portal.times import read_time
from voice.calls import timeline
from voice.catalogue.event_types import ENDS
from voice.commands.products import Product
from voice.explanations.cases import TEXML_TYPES, asked_ends, texml_payload, was_asked
from voice.explanations.judgement import precedence
from voice.explanations.judgement.facts import Command, Context, Event, Facts
from voice.explanations.judgement.telnyx_codes import refusal_in
from voice.explanations.judgement.verdicts import DELIVERIES, LOW, Verdict
from voice.flows import handlers, versions
from voice.models import Call, CallCommand, CallEvent

_MOST = 2000  # of events and of commands; a talk of hours has more words than that, and they end no call
_TAKING = ("answer", "transfer")  # what takes an incoming call that nobody has answered
_NEAR, _SOON = 200, timedelta(days=1)  # legs of an application before a call and after it; how long after it
_NOISE = (
    *(
        "call.transcription",
        "call.dtmf.received",
        "call.ai_gather.partial_results",
        "call.conversation_insights.generated",
    ),
    *("call.ai_gather.message_history_updated", "conversation_insight_result", "conference.floor.changed"),
    *("texml.transcription", "texml.conference.speaker"),
)
_BEGINNING = ("call.initiated", "call.answered", "call.bridged", "texml.call.initiated", "texml.call.answered")
_UNUSED = (CallEvent.Status.QUARANTINED,)


def session_of(call: Call) -> list[Call]:
    """List the legs of the call's session, in the order they began; of very many the first, and the call's own."""
    return [leg for _, leg in timeline.legs(call)]


def verdicts_of(legs: list[Call], facts: Facts | None = None) -> dict[uuid.UUID, Verdict]:
    """Say of each leg of one session why it ended. That of the first leg is the session's."""
    facts = facts or facts_of(legs)
    judged = precedence.judge_legs(facts)
    return {leg.pk: judged.get(leg.call_control_id) or _without_events(leg, facts) for leg in legs}


def verdict_of(call: Call) -> Verdict:
    """Say why this leg ended."""
    return verdicts_of(session_of(call))[call.pk]


def verdict_of_command(command: CallCommand) -> Verdict:
    """Say why the call that a command asked for was never placed."""
    return precedence.judge_command(_command(command), Facts(context=Context(now=timezone.now())))


def facts_of(legs: list[Call]) -> Facts:
    """Read events, commands and what else is known of these legs."""
    ids = [leg.pk for leg in legs]
    names = {leg.pk: leg.call_control_id for leg in legs}
    found = CallEvent.objects.filter(call__in=ids).exclude(event_type__in=_NOISE).exclude(status__in=_UNUSED)
    events = list(found.defer("body", "headers").order_by("-received_at", "-id")[:_MOST])
    if len(events) == _MOST:  # of very many the last ones count, and how each leg began and ended
        for telling in (_BEGINNING, ENDS):
            events += found.defer("body", "headers").filter(event_type__in=telling).order_by("received_at")[:_MOST]
    commands = CallCommand.objects.filter(call__in=ids).order_by("-created_at", "-id")[:_MOST]
    told = [_event(event, names[event.call_id]) for event in events if event.call_id in names]
    told += asked_ends(map(_told, legs), told)
    return Facts(
        tuple(told),
        tuple(_command(command) for command in commands),
        _context(legs, events),
    )


def _event(event: CallEvent, leg: str) -> Event:
    is_texml = event.source == CallEvent.Source.TEXML
    payload: Mapping[str, Any] = event.payload if isinstance(event.payload, dict) else {}
    return Event(
        str(event.pk),
        TEXML_TYPES.get(event.event_type, event.event_type),
        event.happened_at,
        leg,
        texml_payload({name: str(value) for name, value in payload.items()}) if is_texml else payload,
        event.received_at,
        event.attempt or 1,
        event.source == CallEvent.Source.BACKFILL,
        is_texml,
    )


def _told(leg: Call) -> dict[str, Any]:
    """Return what a leg's own row tells of its end, as REST does."""
    times = {name: at.isoformat() for name in ("started_at", "answered_at", "ended_at") if (at := getattr(leg, name))}
    return times | {
        "call_control_id": leg.call_control_id,
        "state": leg.state,
        "to": leg.to_number,
        "direction": leg.direction,
        "hangup_cause": leg.hangup_cause,
        "product": Product.TEXML if leg.is_texml else "",
    }


def _command(command: CallCommand) -> Command:
    tries = [one for one in command.attempts if isinstance(one, dict)]
    last: dict[str, Any] = tries[-1] if tries else {}
    code, reason, words = refusal_in(last.get("code"), command.error_code, command.error, command.settlement)
    return Command(
        id=str(command.pk),
        action=command.action,
        status=command.status,
        by=command.requested_by,
        created_at=command.created_at,
        sent_at=_sent_at(command, tries),
        leg=command.call_control_id,
        parameters=command.parameters if isinstance(command.parameters, dict) else {},
        http_status=last.get("http_status"),
        code=code,
        reason=reason,
        words=words,
        finished_at=command.finished_at,
        was_lost=any(one.get("outcome") in {None, "uncertain"} for one in tries[:-1]),
        held_since=command.held_since,
        held_until=command.held_until,
        held_why=command.held_why,
        settlement=command.settlement,
        was_asked=was_asked(last),
    )


def _sent_at(command: CallCommand, tries: Iterable[dict[str, Any]]) -> Any:
    """Return when the attempt that was taken left; the first one may have been put off by Telnyx, and never acted."""
    if command.status != CallCommand.Status.OK:
        return command.first_sent_at
    taken = [one for one in tries if one.get("outcome") not in {"unavailable", "refused"}]
    return (read_time(taken[0].get("at")) if taken else None) or command.first_sent_at


def _context(legs: list[Call], events: list[CallEvent]) -> Context:
    directions = {leg.call_control_id: leg.direction for leg in legs if leg.direction}
    living = {leg.call_control_id: leg.is_alive for leg in legs}
    asked = next(
        (leg for leg in legs if leg.direction == "incoming" and not leg.answered_at and not leg.is_alive), None
    )
    context = Context(now=timezone.now(), directions=directions, living=living)
    return _of_application(asked, context) if asked and asked.connection_id and not asked.is_texml else context


def _of_application(leg: Call, context: Context) -> Context:
    """Add what the application of a call that nobody answered says of it."""
    row = CallControlApplication.objects.filter(account=leg.account_id, telnyx_id=leg.connection_id).first()
    seconds = getattr(row, "first_command_timeout_secs", None) if row else None
    has_flow = _is_answered_here(leg) if row else None
    return Context(
        now=context.now,
        directions=context.directions,
        living=context.living,
        first_command_seconds=float(seconds) if isinstance(seconds, int) else None,
        has_flow=has_flow,
        answered_by=_answering(leg) if has_flow is False else "",
        is_old_format=str(getattr(row, "webhook_api_version", "") or "") == "1",
    )


def _is_answered_here(leg: Call) -> bool:
    """Tell whether a flow of the application was active when the leg began, or a handler of ours is for it."""
    if handlers.problems() or handlers.matching("call.initiated", leg.connection_id):
        return True
    return versions.in_force(leg.account_id, leg.connection_id, leg.started_at) is not None


def _answering(leg: Call) -> str:
    """Return who answered the last calls of the application before this one, else the next ones; empty if nobody did.

    Whoever transfers a call that nobody has answered takes it as well. A rule among them is that of a flow that was
    switched off.
    """
    others = Call.objects.filter(account=leg.account_id, connection_id=leg.connection_id)
    next_ones = others.filter(started_at__gt=leg.started_at, started_at__lt=leg.started_at + _SOON)
    for near in (
        others.filter(started_at__lt=leg.started_at).order_by("-started_at"),
        next_ones.order_by("started_at"),
    ):
        asked = CallCommand.objects.filter(action__in=_TAKING, call__in=near.values("pk")[:_NEAR]).order_by(
            "-created_at", "-sequence"
        )
        took = {call: (at, by) for call, at, by in asked.values_list("call", "created_at", "requested_by")}  # the first
        if took:
            return str(min(took.values(), key=lambda first: abs(first[0] - leg.started_at))[1])
    return ""


def _without_events(leg: Call, facts: Facts) -> Verdict:
    """Judge a leg of which there is only the row: a dial that Telnyx took, or one that it listed."""
    mine = [command for command in facts.commands if command.leg == leg.call_control_id]
    if dial := next((command for command in mine if command.is_dial), None):
        return precedence.judge_command(dial, facts)
    if leg.is_alive:
        return Verdict(
            "open", "unknown", "unknown", "No event of this call has come yet.", LOW, "Ask Telnyx for its status."
        )
    return Verdict("lost", "unknown", "unknown", "It ended, and nothing of it was ever reported.", LOW, DELIVERIES)
