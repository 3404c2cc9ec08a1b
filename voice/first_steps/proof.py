"""Follows one call from the wish to its last webhook: the proof that everything works, step by step."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.urls import reverse

from portal import sql
from portal.texts import pluralised
from voice.catalogue.event_types import ending, label
from voice.models import Call, CallCommand, CallEvent

PATIENCE = timedelta(seconds=60)  # for the first webhook
_ENDS_WITHIN = timedelta(minutes=5)
_SEE_CALLS = "voice.view_call"
_Status = CallCommand.Status


@dataclass(frozen=True)
class Stage:
    """Says how far it came: ``ok`` is None while it is awaited. ``url`` leads to where that is seen every day.

    The page there ``needs`` these permissions.
    """

    title: str
    ok: bool | None
    words: str
    where: str = ""
    url: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proof:
    """Holds the stages. ``is_over``: nothing is awaited any more; ``is_proven``: a signed webhook of it came."""

    stages: list[Stage]
    is_over: bool
    is_proven: bool


def follow(command: CallCommand, user: Any) -> Proof:
    """Look how far the call is, with the ways to pages that this person may see."""
    now, call = sql.clock(), command.call
    events = list(_events(call)) if call else []
    late = now - command.created_at > PATIENCE
    failed = command.status in {_Status.REFUSED, _Status.EXPIRED}
    first, ended = (events[0] if events else None), bool(call and not call.is_alive)
    stages = [_asked(command), _accepted(command, failed=failed)]
    if not failed:
        stages += [_heard(command, first, late=late), _known(call, events), _over(call)]
    too_long = now - command.created_at > _ENDS_WITHIN
    over = failed or (first is None and late) or (first is not None and ended) or too_long
    shown = [one if user.has_perms(one.needs) else replace(one, where="", url="") for one in stages]
    return Proof(shown, over, first is not None)


def _events(call: Call) -> Any:
    rows = CallEvent.objects.filter(call=call, source=CallEvent.Source.WEBHOOK).defer("body", "headers")
    return rows.order_by("received_at")[:20]


def _asked(command: CallCommand) -> Stage:
    page = reverse("admin:voice_callcommand_change", args=[command.pk])
    words = f"Asked for at {command.created_at:%H:%M:%S} UTC: it was a row here before it was a request."
    return Stage("The call was asked for", True, words, "The command", page, ("voice.view_callcommand",))


def _accepted(command: CallCommand, *, failed: bool) -> Stage:
    title = "Telnyx took it"
    if failed:
        return Stage(title, False, command.error or "It was not sent.")
    if command.status == _Status.OK:
        attempt = command.attempts[-1] if command.attempts else {}
        return Stage(title, True, f"Its answer came after {attempt.get('ms') or 0} ms.")
    if command.status == _Status.UNCERTAIN:
        return Stage(title, None, f"Nobody knows: {command.error}")
    return Stage(title, None, command.held_why or "On its way …")


def _heard(command: CallCommand, first: CallEvent | None, *, late: bool) -> Stage:
    title = "Its signed webhook came"
    if first is not None:
        seconds = max((first.received_at - command.created_at).total_seconds(), 0)
        words = f"{label(first.event_type)}, {seconds:.1f} s after the wish, and its signature is Telnyx's."
        page = reverse("admin:voice_callevent_change", args=[first.pk])
        return Stage(title, True, words, "The event as it came", page, ("voice.view_callevent",))
    if late:
        words = "None came within a minute. The inbox says what was refused, and why."
        inbox = reverse("admin:voice_inbox_account", args=[command.account_id])
        return Stage(title, False, words, "The inbox", inbox, ("voice.view_rejectedrequest", "voice.view_callevent"))
    return Stage(title, None, "Waiting for it …")


def _known(call: Call | None, events: list[CallEvent]) -> Stage:
    title = "The call is in the call log"
    if call is None or not events:
        return Stage(title, None, "It follows the webhook.")
    words = f"It is {call.state}; {pluralised(len(events), 'event', 'events')} told of it so far."
    page = reverse("admin:voice_call_change", args=[call.pk])
    return Stage(title, True, words, "The call and its story", page, (_SEE_CALLS,))


def _over(call: Call | None) -> Stage:
    title = "It ended"
    if call is not None and not call.is_alive:
        return Stage(title, True, ending(call.hangup_cause, call.hangup_source) or "It has ended.")
    live = reverse("admin:voice_call_live")
    words = "Hang up when you have heard enough, or here on the live board."
    return Stage(title, None, words, "The live board", live, (_SEE_CALLS,))
