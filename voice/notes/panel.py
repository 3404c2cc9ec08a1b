"""Shows on a call's page what people added to it, and the other calls of its number."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from voice.calls import timeline
from voice.models import Call, CallNote, CallTag, FollowUp
from voice.notes import contacts, history, notes

REFUSED, REFUSED_NAME = "refused_note", "refused_name"  # of the session: call and texts, which its form has once more
_MOST_LEGS, _MOST_NOTES = 100, 50
_SEEN = ("callnote", "calltag", "followup", "contact")


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw notes, tags, the follow-up and the number's history, each for who may see it."""
    user: Any = request.user
    sees = {name: user.has_perm(f"voice.view_{name}") for name in _SEEN}
    past = history.of_call(call)
    letters = {leg.pk: letter for letter, leg in _legs(request, call)}
    written = CallNote.objects.filter(call__in=letters) if sees["callnote"] else CallNote.objects.none()
    follow_up = FollowUp.objects.filter(call=call).select_related("assignee").first() if sees["followup"] else None
    known = contacts.names([past.number]) if past and sees["contact"] else {}
    contact = known.get(past.number) if past else None
    begun, renamed = contacts.begun_with(contact, user), _refused(request, call, REFUSED_NAME) or {}
    rows = list(written.order_by("-at", "-id")[: _MOST_NOTES + 1])
    people, are_more_people = notes.people() if user.has_perm("voice.add_followup") else ([], False)
    context: dict[str, Any] = {
        "call": call,
        "sees": sees,
        "notes": [(letters[row.call_id], row) for row in rows[:_MOST_NOTES]],
        "are_more_notes": len(rows) > _MOST_NOTES,
        "of_many_legs": len(letters) > 1,
        "tags": list(CallTag.objects.filter(call=call)) if sees["calltag"] else [],
        "follow_up": follow_up,
        "people": people,
        "are_more_people": are_more_people,
        "history": past,
        "contact": contact,
        "begun": begun,
        "typed": begun | renamed,
        "is_name_refused": bool(renamed),
        "may_name": user.has_perms(contacts.TO_NAME),
        "longest": notes.LONGEST,
        "refused": _refused(request, call, REFUSED),
    }
    return SafeString(render_to_string("voice/notes/panel.html", context, request))


def _legs(request: HttpRequest, call: Call) -> list[tuple[str, Call]]:
    """List the session's first legs, and the call's own."""
    legs = timeline.story_of(request, call).legs
    return [one for at, one in enumerate(legs) if at < _MOST_LEGS or one[1].pk == call.pk]


def _refused(request: HttpRequest, call: Call, key: str) -> Any:
    """Take what was typed into a form of this call's page and refused just now."""
    of, typed = request.session.get(key, ("", None))
    if of != str(call.pk):
        return None
    del request.session[key]
    return typed
