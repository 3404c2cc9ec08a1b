"""Shows how the webhooks of a session came in, and how its commands went out: how late, why they waited."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from portal.texts import pluralised
from voice.call_page import session as sessions
from voice.call_page.session import Session
from voice.catalogue import actions
from voice.catalogue.event_types import label
from voice.models import Call, CallCommand, CallEvent

_MOST = 100
_LATE = 5.0  # seconds


@dataclass(frozen=True)
class Webhook:
    """Holds how one event came. ``delay`` is from when it happened to when it was received, in seconds."""

    id: str
    at: datetime
    title: str
    leg: str
    delay: float | None
    attempt: int | None
    source: str
    status: str
    processing: float | None
    error: str

    @property
    def is_fetched(self) -> bool:
        """Tell whether no webhook brought it: then its delay is that of the recovery."""
        return self.source == CallEvent.Source.BACKFILL

    @property
    def is_late(self) -> bool:
        return not self.is_fetched and ((self.delay or 0) > _LATE or (self.attempt or 1) > 1)


@dataclass(frozen=True)
class Sent:
    """Holds how one command went. ``waited`` is from its making to its first sending, in seconds."""

    id: str
    at: datetime
    title: str
    leg: str
    status: str
    waited: float | None
    attempts: tuple[dict[str, Any], ...]
    why: str


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw it, closed, with what stands out on its first line."""
    session = sessions.of(request, call)
    user: Any = request.user
    sees_events, sees_commands = user.has_perm("voice.view_callevent"), user.has_perm("voice.view_callcommand")
    webhooks, sent = _webhooks(session) if sees_events else [], _sent(session) if sees_commands else []
    context = {
        "webhooks": webhooks[:_MOST],
        "sent": sent[:_MOST],
        "said": said(webhooks if sees_events else None, sent),
        "more": len(webhooks) > _MOST or len(sent) > _MOST,
        "most": _MOST,
        "many": len(session.legs) > 1,
        "events": _events(session.call),
        "sees_events": sees_events,
        "is_told": sees_events or bool(sent),
    }
    return render_to_string("voice/call_page/delivery.html", context, request)


def _events(call: Call) -> str:
    """Return the address of the account's events of this session, or of this call where none was told."""
    asked = {"account__id__exact": str(call.account_id), "q": call.call_session_id or call.call_control_id}
    return f"{reverse('admin:voice_callevent_changelist')}?{urlencode(asked)}"


def said(told: Iterable[Webhook] | None, sent: Iterable[Sent]) -> str:
    """Say in a line how webhooks and commands went; without webhooks, which the viewer may not see, of commands."""
    webhooks, sent = list(told or ()), list(sent)
    came = [one for one in webhooks if not one.is_fetched]
    delays = [one.delay for one in came if one.delay is not None]
    late, held = sum(one.is_late for one in webhooks), sum(bool(one.why) for one in sent)
    count = f"over {len(came) - 1}" if len(webhooks) > _MOST else str(len(came))
    words = f"{count} webhook{'' if len(came) == 1 else 's'}" if came else "no webhook came"
    parts = [] if told is None else [words]
    parts += [f"usually after {median(delays):.1f} s, the slowest after {max(delays):.1f} s"] if delays else []
    parts += [f"{late} late or sent again"] if late else []
    recovered = len(webhooks) - len(came)
    parts += [f"{recovered} brought by no webhook but fetched"] if recovered else []
    parts += [f"{pluralised(held, 'command', 'commands')} held back"] if held else []
    return ", ".join(parts)


def _webhooks(session: Session) -> list[Webhook]:
    letters: dict[Any, str] = {leg.pk: letter for letter, leg in session.legs}
    rows = CallEvent.objects.filter(call__in=letters).order_by("received_at", "id")
    rows = rows.only(
        "event_type", "source", "status", "occurred_at", "received_at", "processed_at", "attempt", "error", "call"
    )
    return [
        Webhook(
            id=str(event.pk),
            at=event.received_at,
            title=label(event.event_type),
            leg=letters.get(event.call_id, ""),
            delay=_seconds(event.occurred_at, event.received_at),
            attempt=event.attempt,
            source=event.source,
            status=event.status,
            processing=_seconds(event.received_at, event.processed_at),
            error=session.words(event.error),
        )
        for event in rows[: _MOST + 1]
    ]


def _sent(session: Session) -> list[Sent]:
    letters: dict[Any, str] = {leg.pk: letter for letter, leg in session.legs}
    rows = CallCommand.objects.filter(call__in=letters).order_by("created_at", "sequence", "id")[: _MOST + 1]
    return [
        Sent(
            id=str(command.pk),
            at=command.created_at,
            title=actions.label(command.action),
            leg=letters.get(command.call_id, ""),
            status=command.status,
            waited=_seconds(command.created_at, command.first_sent_at),
            attempts=tuple(one for one in command.attempts if isinstance(one, dict)),
            why=session.words(command.held_why) if command.held_since else "",
        )
        for command in rows
    ]


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return max((end - begin).total_seconds(), 0.0) if begin and end else None
