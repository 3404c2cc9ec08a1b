"""Words a call in two sentences without a code: for a ticket, a chat, the customer's own colleague."""

from datetime import datetime

from django.utils import timezone

from voice.call_page.session import Session
from voice.session_picture.text import length


def of(session: Session) -> str:
    """Say who called whom, when and how long, and why it ended: as the viewer may see it."""
    return f"{_what(session)} {_end(session)}"


def _what(session: Session) -> str:
    call = session.first  # a customer knows of the call, and of no leg
    whom = f"{session.number(call.from_number) or 'Somebody'} called {session.number(call.to_number) or 'us'}"
    told = [session.words(session.application)] if session.application else []
    told += [f"{len(session.legs)} legs"] if len(session.legs) > 1 else []
    told += [f"talk {length(call.talk_seconds)}"] if call.talk_seconds is not None else []
    beside = f" ({', '.join(told)})" if told else ""
    return f"On {when(call.started_at)} {whom}{beside}."


def _end(session: Session) -> str:
    if session.first.is_alive:
        return "The call is still on the line."
    sentence = session.words(session.verdicts[session.first.pk].sentence).strip()
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def when(at: datetime) -> str:
    """Write a time for a person, in the viewer's zone, and name the zone."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%B %Y} at {local:%H:%M:%S} {local:%Z}"
