"""Tags calls: a word that people give a call, to find it again."""

import re
import uuid
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from portal.actors import Actor
from portal.masking import masked_text
from portal.models import AuditEvent
from voice.models import Call, CallTag

MOST = 20  # of one call
_TOGETHER = 100
_NAME = re.compile(r"[^\W_](?:[\w\-.]{0,39})")
_DIGITS = re.compile(r"\d{7}")
_NO_NUMBERS = (
    "A tag is seen by everybody: no phone numbers in it, nor what looks like one. Write a note, or name the number."
)


def name_of(text: str) -> str:
    """Read a tag: in lower case, with ``-`` for spaces. ``ValidationError`` for what is none."""
    name = as_kept(text).removeprefix("#")
    if not _NAME.fullmatch(name):
        raise ValidationError("A tag is a word of letters, digits, - and . with at most 40 characters.")
    if _DIGITS.search(name) or masked_text(name) != name:  # which most would see hidden
        raise ValidationError(_NO_NUMBERS)
    return name


def as_kept(text: str) -> str:
    """Write a tag as it is kept: in lower case, with ``-`` for spaces."""
    return "-".join(text.casefold().split())


def tag(call: Call, text: str, actor: Actor) -> CallTag:
    """Give the call a tag; twice is once. ``ValidationError`` says what is wrong with it."""
    name = name_of(text)
    if CallTag.objects.filter(call=call).exclude(name=name).count() >= MOST:
        raise ValidationError(f"A call has at most {MOST} tags. Take one away first.")
    told = {"tagged_by": actor.label.removeprefix("user: ")[:200], "at": timezone.now()}
    with transaction.atomic():
        row, made = CallTag.objects.get_or_create(call=call, name=name, defaults=told)
        if made:
            AuditEvent.note(actor, "call.tag", call, tag=row.name)
    return row


def tag_many(calls: Sequence[uuid.UUID], text: str, actor: Actor) -> tuple[int, int]:
    """Give many calls a tag, a hundred in a transaction; return how many are new, and how many have no room for it.

    Nothing is noted of each: who asks for it notes the whole.
    """
    name, now, by = name_of(text), timezone.now(), actor.label.removeprefix("user: ")[:200]
    made = full = 0
    for at in range(0, len(calls), _TOGETHER):
        few = calls[at : at + _TOGETHER]
        with transaction.atomic():
            there = set(Call.objects.filter(pk__in=few).values_list("pk", flat=True))
            rows = CallTag.objects.filter(call__in=few)
            had = set(rows.filter(name=name).values_list("call", flat=True))
            counted = rows.exclude(name=name).values("call").annotate(tags=Count("pk")).order_by()
            without_room = {row["call"] for row in counted if row["tags"] >= MOST} - had
            # in one order, that two who tag the same calls at once wait for each other, and not both
            new = [CallTag(call_id=pk, name=name, tagged_by=by, at=now) for pk in sorted(there - had - without_room)]
            CallTag.objects.bulk_create(new, ignore_conflicts=True)
        made, full = made + len(new), full + len(without_room)
    return made, full


def untag(call: Call, number: int, actor: Actor) -> None:
    """Take a tag away, by the number of its row."""
    row = CallTag.objects.filter(call=call, pk=number).first()
    if row is not None:
        with transaction.atomic():
            if CallTag.objects.filter(pk=row.pk).delete()[0]:
                AuditEvent.note(actor, "call.untag", call, tag=row.name)


def calls_tagged(name: str) -> QuerySet[Call]:
    """Select the calls with that tag."""
    return Call.objects.filter(pk__in=CallTag.objects.filter(name=name.casefold()).values("call"))
