"""Asks what is to be done for many calls, with how many they are, and does it (POST)."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from portal.actors import actor_of
from portal.models import AuditEvent
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from portal.times import read_time
from voice.call_log import query as queries
from voice.call_log.bulk import selection
from voice.call_log.bulk.selection import Selection, SelectionRefused
from voice.exports import files, formats
from voice.exports import service as exports
from voice.notes import notes, tags
from voice.recordings import service as recordings
from voice.wakeups import wake_commands

MOST_RECORDINGS = 100  # deletions at a time: each is a request to Telnyx
_DELETE = ("voice.view_recording", "voice.delete_recording")


def _page(request: HttpRequest) -> HttpResponseBase:
    """Show how many calls they are and what may be done for them; with ``do`` do it, and lead back to the list."""
    _check(request, "voice.view_call")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    text, until = request.POST.get("q", "")[:1000], _until(request)
    do = _DOES.get(request.POST.get("do", ""))
    try:
        chosen = _selected(request, text, until, is_told=do is not None)
    except SelectionRefused as refused:
        messages.error(request, f"{refused.field}: {refused.words}")
        return HttpResponseRedirect(queries.address(text))
    try:
        if do is not None:
            return do(request, chosen) or HttpResponseRedirect(queries.address(text))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except PortalRefusal as refusal:
        messages.error(request, refusal.words)
    return _draw(request, chosen, text, until, 200 if do is None else 400)


def _selected(request: HttpRequest, text: str, until: datetime, *, is_told: bool) -> Selection:
    asked = queries.read(text, request.user, actor=actor_of(request)) if request.POST.get("scope") == "all" else None
    count = request.POST.get("count", "")
    told = int(count) if count.isascii() and count.isdecimal() and len(count) < 10 else -1
    return selection.of(asked, request.POST.getlist("call"), until, told if is_told else None)


def _draw(request: HttpRequest, chosen: Selection, text: str, until: datetime, status: int) -> HttpResponseBase:
    user: Any = request.user
    may = {name: user.has_perm(f"voice.{name}") for name in ("add_calltag", "add_followup")}
    found = recordings.deletable(chosen.ids)[: MOST_RECORDINGS + 1].count() if user.has_perms(_DELETE) else None
    context = {
        **admin.site.each_context(request),
        "title": f"{len(chosen.ids):,} call{'s' if len(chosen.ids) > 1 else ''}",
        "chosen": chosen,
        "text": text,
        "scope": "all" if request.POST.get("scope") == "all" else "picked",
        "until": until.isoformat(),
        "back": queries.address(text),
        "may": may,
        "people": notes.people() if may["add_followup"] else [],
        "formats": formats.FORMATS.values(),
        "recordings": found,
        "most_recordings": MOST_RECORDINGS,
        "export": f"{reverse('admin:voice_exports')}?q=",
    }
    return TemplateResponse(request, "voice/call_log/many.html", context, status=status)


def _tag(request: HttpRequest, chosen: Selection) -> None:
    _check(request, "voice.add_calltag")
    actor, name = actor_of(request), request.POST.get("name", "").replace("\0", "")
    made, full = tags.tag_many(chosen.ids, name, actor)
    _note(request, "call.tag_many", chosen, tag=tags.name_of(name), tagged=made)
    messages.success(request, f"Tagged {_calls(made)}; {len(chosen.ids) - made - full:,} had the tag before.")
    if full:
        messages.warning(request, f"{_calls(full)} with {tags.MOST} tags already got no more.")


def _follow_up(request: HttpRequest, chosen: Selection) -> None:
    _check(request, "voice.add_followup")
    assignee = notes.person(request.POST.get("assignee", "").replace("\0", ""))
    asked = notes.ask_for_follow_ups(chosen.ids, assignee, actor_of(request))
    _note(request, "call.follow_up_many", chosen, assignee=assignee.get_username() if assignee else "")
    messages.success(
        request, f"{_calls(asked)} to follow up, for {'one person' if assignee else 'whoever comes first'}."
    )


def _export(request: HttpRequest, chosen: Selection) -> HttpResponseBase:
    form = request.POST.get("format", "")
    told = f"{len(chosen.ids)} calls: {chosen.words}"[:1000]
    return files.answer_with(exports.begin(chosen.query, form, [], actor_of(request), uuid.uuid4(), told=told))


def _delete(request: HttpRequest, chosen: Selection) -> None:
    _check(request, *_DELETE)
    rows = list(recordings.deletable(chosen.ids).select_related("account")[: MOST_RECORDINGS + 1])
    if len(rows) > MOST_RECORDINGS:
        raise ValidationError(f"At most {MOST_RECORDINGS} recordings are deleted at a time, and these calls have more.")
    if request.POST.get("recordings") != str(len(rows)) or request.POST.get("sure") != "yes":
        raise ValidationError(f"sure: confirm that {len(rows)} recordings are to be deleted. Nothing was deleted.")
    actor, made = actor_of(request), []
    try:
        for row in rows:
            made.append(recordings.delete(row, actor, intent=f"many:{request.POST.get('until', '')[:40]}"))
    except (PortalRefusal, InvalidParameters) as refused:
        messages.error(request, f"After {len(made)}: {refused}")
    _note(request, "recording.delete_many", chosen, recordings=len(made))
    wake_commands(*(command.pk for command in made))
    messages.success(request, f"Telnyx is being asked to delete {len(made)} recording{'s' if len(made) != 1 else ''}.")


_Does = Callable[[HttpRequest, Selection], HttpResponseBase | None]
_DOES: dict[str, _Does] = {"tag": _tag, "follow-up": _follow_up, "export": _export, "delete": _delete}


def _note(request: HttpRequest, action: str, chosen: Selection, **details: Any) -> None:
    AuditEvent.note(actor_of(request), action, None, query=chosen.words, count=len(chosen.ids), **details)


def _until(request: HttpRequest) -> datetime:
    """Return when the calls were counted: what began later was not."""
    return read_time(request.POST.get("until")) or timezone.now()


def _calls(number: int) -> str:
    return f"{number:,} call{'s' if number != 1 else ''}"


def _check(request: HttpRequest, *permissions: str) -> None:
    user: Any = request.user
    if not user.has_perms(permissions):
        raise PermissionDenied


def _add(site: Any) -> None:
    site.add_pages([path("voice/call/many/", site.admin_view(_page), name="voice_call_many")])


_add(admin.site)
