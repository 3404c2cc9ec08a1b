"""Reads what people wrote beside calls: tags, notes, names of numbers. Each takes the permission to see these."""

from django.db.models import Q

from portal.actors import Actor
from voice.call_log.language.conditions import NOTHING, Condition, Malformed, Reach
from voice.notes import contacts, notes, tags

_SHORTEST, _LONGEST = 2, 100


def tag(value: str, actor: Actor) -> Condition:
    """Read a tag that somebody gave a call."""
    _demand(actor, "voice.view_calltag", "tags")
    if not (name := tags.as_kept(value).lstrip("#")):
        raise Malformed("takes a tag")
    return Condition(name, Q(pk__in=tags.calls_tagged(name).values("pk")), Reach.FEW)


def contact(value: str, actor: Actor) -> Condition:
    """Read the beginning of a name or a company among the contacts: calls from and to them."""
    _demand(actor, "voice.view_contact", "contacts")
    if not value.strip():
        raise Malformed("takes the beginning of a name or a company")
    found = contacts.calls_of_contact(value)
    return Condition(value, Q(pk__in=found.calls.values("pk")), Reach.FEW, _told("contact", found.cut), bool(found.cut))


def note(value: str, actor: Actor) -> Condition:
    """Read words of a note: calls among whose notes these stand, as far back as notes are looked through."""
    _demand(actor, "voice.view_callnote", "notes")
    words = " ".join(value.split())
    if not _SHORTEST <= len(words) <= _LONGEST:
        raise Malformed(f"takes words of a note, {_SHORTEST} to {_LONGEST} characters")
    found = notes.calls_noted(words, actor.user)
    asked = Q(pk__in=found.calls) if found.calls else NOTHING
    return Condition(words, asked, Reach.FEW, _told("note", found.cut), bool(found.cut))


def _told(key: str, cut: str) -> str:
    return f"{key}: {cut}" if cut else ""


def _demand(actor: Actor, permission: str, what: str) -> None:
    if not (actor.user and actor.user.has_perm(permission)):
        raise Malformed(f"asks for {what}, which you may not see")
