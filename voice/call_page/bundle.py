"""Packs what a ticket at Telnyx needs of a session: ids, times, codes, webhooks, commands, a question."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from portal.actors import Actor
from portal.masking import masked_for
from portal.models import AuditEvent
from portal.texts import pluralised
from voice.call_page import picture, summary
from voice.call_page.session import Session
from voice.calls import search
from voice.calls.serializers import CallSerializer
from voice.catalogue.event_types import ENDS
from voice.commands.products import tell_products
from voice.commands.serializers import CommandSerializer
from voice.explanations.judgement.verdicts import Verdict
from voice.models import HAPPENED_AT, Call, CallCommand, CallEvent
from voice.session_picture import text

_MOST = 2000  # of events and of commands
_AT_TELNYX, _AT_CARRIERS = timedelta(hours=72), timedelta(hours=48)


def packed(session: Session, actor: Actor, request: Any) -> bytes:
    """Return the zip, as its asker may see all of it, and note in the audit trail that it was taken."""
    with timezone.override(UTC):  # it says so, and is read elsewhere; serializers write a time in the zone of who looks
        (events, is_cut), commands = _events(session), _commands(session, request)
        is_cut, commands = is_cut or len(commands) > _MOST, commands[:_MOST]
        case = json.dumps(_case(session, request, events, commands), ensure_ascii=False, default=_written)
        files = {
            "summary.txt": "\n".join(_summary(session, is_cut)) + "\n",
            "call.json": case + "\n",
            "webhooks.ndjson": _as_lines(events),
            "commands.ndjson": _as_lines(commands),
            "timeline.svg": picture.as_file(session),
            "timeline.txt": "\n".join(text.lines(session.scene)) + "\n",
        }
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    AuditEvent.note(actor, "call.bundle", session.call, events=len(events), commands=len(commands))
    return into.getvalue()


def file_name(session: Session) -> str:
    """Name the file by an id, in which nobody's number is."""
    return f"call-{session.call.pk}.zip"


def _summary(session: Session, is_cut: bool) -> Iterator[str]:
    call, verdict = session.call, session.verdict
    yield _age(call.ended_at or call.started_at, timezone.now())
    yield ""
    yield summary.of(session)
    if session.is_over:
        yield f"Ended by {verdict.who}, {verdict.category} ({verdict.code}); confidence {verdict.confidence}."
        yield from (f"Also: {session.words(flag)}" for flag in verdict.flags)
    for letter, leg in session.legs[:50]:
        yield ""
        yield from _of_leg(letter, leg, session)
    if (more := len(session.legs) - 50) > 0:
        yield f"{pluralised(more, 'more leg stands', 'more legs stand')} in call.json."
    yield ""
    yield from text.what_is_not_there(session.scene)
    if is_cut:
        yield f"There are more events or commands than are packed here: the first {_MOST} of each, and all ends."
    yield f"Question to Telnyx: {_question(session)}"


def _age(at: datetime, now: datetime) -> str:
    hours = max((now - at) / timedelta(hours=1), 0.0)
    minutes = round(hours * 60)
    age = pluralised(minutes, "minute", "minutes") if hours < 2 else f"{hours:.0f} h"
    age = f"{hours / 24:.0f} days" if hours >= 72 else age
    late = ""
    if now - at > _AT_TELNYX:
        late = " That is too old for Telnyx: give a newer example, if there is one."
    elif now - at > _AT_CARRIERS:
        late = " That is too old for most carriers."
    return (
        "Telnyx looks into calls of the last 72 hours, and carriers want them within 48: "
        f"this one is {age} old.{late} All times are UTC."
    )


def _of_leg(letter: str, leg: Call, session: Session) -> Iterator[str]:
    yield f"Leg {letter}, {leg.direction or 'direction not known'}, {leg.state}"
    yield f"  from {session.number(leg.from_number) or '-'} to {session.number(leg.to_number) or '-'}"
    named = ("call_control_id", "call_leg_id", "call_session_id", "connection_id")
    yield from (f"  {name}: {value}" for name in named if (value := getattr(leg, name)))
    for name in ("started_at", "answered_at", "bridged_at", "ended_at"):
        if at := getattr(leg, name):
            yield f"  {name}: {at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    for name in ("hangup_cause", "hangup_source", "sip_hangup_cause", "cost"):
        if value := getattr(leg, name):
            yield f"  {name}: {session.words(value)}"
    verdict = session.verdicts.get(leg.pk)
    if verdict and not leg.is_alive:
        yield f"  {session.words(verdict.sentence)}"


def _question(session: Session) -> str:
    if not session.is_over:
        return "What is the state of this call at Telnyx?"
    verdict = session.verdict
    if verdict.category in {"unknown", "carrier", "unreachable"} or verdict.confidence == "low":
        return "Why did this call end, who ended it, and what did the carrier answer?"
    return f"The portal says: {session.words(verdict.sentence)} Do your records show the same?"


def _case(session: Session, request: Any, events: list[Any], commands: list[Any]) -> dict[str, Any]:
    """Return the session in the form that ``manage.py explain --file`` reads, with what is said of its legs."""
    legs = [leg for _, leg in session.legs]
    for leg in legs:
        leg.account = session.call.account  # a session is of one
    tell_products(legs)
    names = search.application_names({(leg.account_id, leg.connection_id) for leg in legs})
    told = CallSerializer(legs, many=True, context={"request": request, "applications": names}).data
    said = [{"call_control_id": leg.call_control_id, **_said(session.verdicts[leg.pk], session)} for leg in legs]
    return {"id": str(session.call.pk), "legs": told, "explanations": said, "events": events, "commands": commands}


def _said(verdict: Verdict, session: Session) -> dict[str, Any]:
    """Return a verdict as the page tells it: our own words, but for the numbers in them."""
    sentences = {"sentence": session.words(verdict.sentence), "next_step": session.words(verdict.next_step)}
    return verdict.told() | sentences | {"flags": [session.words(flag) for flag in verdict.flags]}


def _events(session: Session) -> tuple[list[dict[str, Any]], bool]:
    """Return the events that are packed, and whether there are more: of very many the first, and how each leg ended."""
    if not session.user.has_perm("voice.view_callevent"):
        return [], False
    rows: Any = CallEvent.objects.filter(call__in=[leg.pk for _, leg in session.legs]).exclude(payload=None)
    rows = rows.annotate(at=HAPPENED_AT).defer("body", "headers").order_by("at", "id")
    found = list(rows[: _MOST + 1])
    if is_cut := len(found) > _MOST:
        ends = list(rows.filter(event_type__in=ENDS)[: _MOST // 2])
        others = [event for event in found if event.event_type not in ENDS][: _MOST - len(ends)]
        found = sorted([*others, *ends], key=lambda event: (event.at, event.pk))
    return [_event(event, session) for event in found], is_cut


def _event(event: CallEvent, session: Session) -> dict[str, Any]:
    payload = masked_for(session.user, event.payload)
    told: dict[str, Any] = {"received_at": event.received_at, "source": event.source, "status": event.status}
    if event.source == CallEvent.Source.TEXML:
        return told | {"form": {name: str(value) for name, value in payload.items()}}
    data = {"id": event.event_id, "event_type": event.event_type, "occurred_at": event.occurred_at, "payload": payload}
    return told | {"data": data, "meta": {"attempt": event.attempt or 1}}


def _commands(session: Session, request: Any) -> list[dict[str, Any]]:
    """Return the commands, one more than is packed if there are more."""
    if not session.user.has_perm("voice.view_callcommand"):
        return []
    rows = CallCommand.objects.filter(call__in=[leg.pk for _, leg in session.legs])
    commands = list(rows.select_related("account", "conference").order_by("created_at", "sequence", "id")[: _MOST + 1])
    told = CommandSerializer(commands, many=True, context={"request": request}).data
    return [
        {**one, "first_sent_at": row.first_sent_at, "error_code": row.error_code}
        for one, row in zip(told, commands, strict=True)
    ]


def _written(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _as_lines(rows: Iterable[Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, default=_written) + "\n" for row in rows)
