"""Writes notes on calls, and that somebody is to look at one again."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.actors import Actor
from portal.masking import masked_for
from portal.models import AuditEvent
from voice.models import Call, CallNote, FollowUp

LONGEST, MOST = 4000, 200
MOST_PEOPLE = 200
_TOGETHER = 100
_KEY = re.compile(r"pk:(\d{1,9})", re.ASCII)
LOOKED_THROUGH, MOST_NOTED = 1000, 100  # notes, for their words; calls that are found by them


def write(call: Call, text: str, actor: Actor) -> CallNote:
    """Write a note. ``ValidationError`` says what is wrong with it."""
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise ValidationError("Write something: the note is empty.")
    if len(text) > LONGEST:
        raise ValidationError(f"A note has at most {LONGEST} characters; this one has {len(text)}.")
    if "\0" in text:
        raise ValidationError("The note has a character in it that cannot be kept: NUL.")
    if CallNote.objects.filter(call=call).count() >= MOST:
        raise ValidationError(f"A call has at most {MOST} notes.")
    by = actor.label.removeprefix("user: ")[:200]
    with transaction.atomic():
        note = CallNote.objects.create(call=call, text=text, author=actor.user, written_by=by, at=timezone.now())
        AuditEvent.note(actor, "call.note", call)
    return note


def remove(note: CallNote, actor: Actor) -> None:
    """Delete a note; that it was there stays in the audit trail."""
    with transaction.atomic():
        if CallNote.objects.filter(pk=note.pk).delete()[0]:
            AuditEvent.note(actor, "call.note_removed", note.call, written_by=note.written_by)


def ask_for_follow_up(call: Call, assignee: Any, actor: Actor, *, takes_over: bool = False) -> FollowUp:
    """Say that somebody is to look at the call again: one person, or whoever comes first.

    What somebody else is asked to look at, and has not, stays with them, unless it ``takes_over``: ``ValidationError``.
    """
    told = {
        "asked_by": actor.label.removeprefix("user: ")[:200],
        "at": timezone.now(),
        "assignee": assignee,
        "done_at": None,
        "done_by": "",
    }
    with transaction.atomic():
        row, is_new = FollowUp.objects.select_for_update(no_key=True).get_or_create(call=call, defaults=told)
        if not is_new:
            other = None if takes_over or row.done_at else row.assignee
            if other is not None and other not in (assignee, actor.user):
                name = masked_for(actor.user, other.get_username())
                raise ValidationError(f"Somebody else has been asked meanwhile: {name}.")
            for field, value in told.items():
                setattr(row, field, value)
            row.save(update_fields=list(told))
        AuditEvent.note(actor, "call.follow_up", call, assignee=assignee.get_username() if assignee else "")
    return row


def ask_for_follow_ups(calls: Sequence[uuid.UUID], assignee: Any, actor: Actor) -> tuple[int, int]:
    """Say of many calls that somebody is to look at them again, a hundred in a transaction.

    Returns of how many, and how many were left: somebody else has been asked, and is not done. Nothing is noted of
    each: who asks for it notes the whole.
    """
    told = {"asked_by": actor.label.removeprefix("user: ")[:200], "at": timezone.now(), "assignee": assignee}
    asked = left = 0
    for at in range(0, len(calls), _TOGETHER):
        few = calls[at : at + _TOGETHER]
        with transaction.atomic():
            open_ones = FollowUp.objects.select_for_update(no_key=True).filter(
                call__in=few, done_at=None, assignee__isnull=False
            )
            others = open_ones.exclude(assignee__in=[one for one in (assignee, actor.user) if one])
            kept = set(others.order_by("call").values_list("call", flat=True))
            # in one order, that two who ask at once wait for each other, and not both
            there = Call.objects.filter(pk__in=few).order_by("pk").values_list("pk", flat=True)
            rows = [FollowUp(call_id=pk, **told) for pk in there if pk not in kept]
            FollowUp.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["call"],
                update_fields=[*told, "done_at", "done_by"],
            )
        asked, left = asked + len(rows), left + len(kept)
    return asked, left


def finish_follow_up(call: Call, actor: Actor) -> None:
    """Say that it was looked at."""
    told = {"done_at": timezone.now(), "done_by": actor.label.removeprefix("user: ")[:200]}
    with transaction.atomic():
        if FollowUp.objects.filter(call=call, done_at=None).update(**told):
            AuditEvent.note(actor, "call.followed_up", call)


def people() -> tuple[list[Any], bool]:
    """List who may be asked to look at a call: everybody who signs in, by name. And whether there are more."""
    found = list(_who_sign_in().order_by("username")[: MOST_PEOPLE + 1])
    return found[:MOST_PEOPLE], len(found) > MOST_PEOPLE


def person(name: str) -> Any:
    """Find who is asked to look at a call; None, whoever comes first, for no name. ``ValidationError`` for nobody's.

    Forms say ``pk:7``, which no name can be: a name may be a number, and is masked for most.
    """
    key = _KEY.fullmatch(name)
    wanted: dict[str, Any] = {"pk": int(key[1])} if key else {"username": name}
    found = _who_sign_in().filter(**wanted).first() if name else None
    if name and found is None:
        raise ValidationError("Nobody of that name signs in here: choose somebody from the list.")
    return found


def _who_sign_in() -> QuerySet[Any]:
    return get_user_model().objects.filter(is_active=True, is_staff=True)


@dataclass(frozen=True)
class Noted:
    """Names the ``calls`` that a note with some words is of, and in ``cut`` what was not looked at, if anything."""

    calls: list[uuid.UUID]
    cut: str


def calls_noted(words: str, user: Any) -> Noted:
    """Find calls by words of a note, in capitals or not. Who may not see numbers finds by what is shown to them."""
    newest = CallNote.objects.order_by("-at", "-id")
    edge = next(iter(newest.values_list("at", flat=True)[LOOKED_THROUGH : LOOKED_THROUGH + 1]), None)
    rows = newest.filter(text__icontains=words, **({"at__gte": edge} if edge else {}))
    found = dict.fromkeys(
        call
        for call, text in rows.values_list("call", "text")[:LOOKED_THROUGH]
        if words.casefold() in masked_for(user, text).casefold()
    )
    if len(found) > MOST_NOTED:
        return Noted(list(found)[:MOST_NOTED], f"Only the {MOST_NOTED} calls that were noted last count.")
    return Noted(list(found), f"The newest {LOOKED_THROUGH:,} notes were looked through." if edge else "")
