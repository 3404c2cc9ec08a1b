"""Asks what is to be done for many calls, with how many they are, and does it (POST)."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from portal.actors import actor_of
from portal.refusals import PortalRefusal
from portal.texts import pluralised
from portal.times import read_time
from voice.call_log import query as queries
from voice.call_log.bulk import bundles, carrying_out, selection
from voice.call_log.bulk.carrying_out import KIND
from voice.call_log.bulk.selection import Selection, SelectionRefused
from voice.commands import outbox
from voice.exports import files, formats
from voice.exports import service as exports
from voice.models import BulkAction
from voice.notes import notes, tags
from voice.recordings import service as recordings
from voice.wakeups import wake_bulk_action, wake_commands

MOST_RECORDINGS = 1000
AT_ONCE_SECONDS = 1.5  # most is done while the browser waits; the rest is the workers'
_DELETE = ("voice.view_recording", "voice.delete_recording")
_TITLES: dict[str, str] = {
    KIND.TAG: "Tagging",
    KIND.FOLLOW_UP: "Asking for a follow-up",
    KIND.DELETE: "Deleting recordings",
}


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
            return do(request, chosen)
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
    people, are_more_people = notes.people() if may["add_followup"] else ([], False)
    context = {
        **admin.site.each_context(request),
        "title": _calls(len(chosen.ids)),
        "chosen": chosen,
        "text": text,
        "scope": "all" if request.POST.get("scope") == "all" else "picked",
        "until": until.isoformat(),
        "back": queries.address(text),
        "may": may,
        "people": people,
        "are_more_people": are_more_people,
        "formats": formats.FORMATS.values(),
        "recordings": found,
        "most_recordings": MOST_RECORDINGS,
        "most_bundled": bundles.MOST,
        "export": f"{reverse('admin:voice_exports')}?q=",
    }
    return TemplateResponse(request, "voice/call_log/many.html", context, status=status)


def _tag(request: HttpRequest, chosen: Selection) -> HttpResponseBase:
    _check(request, "voice.add_calltag")
    name = tags.name_of(request.POST.get("name", "").replace("\0", ""))
    return _carry_out(request, KIND.TAG, chosen, chosen.ids, name)


def _follow_up(request: HttpRequest, chosen: Selection) -> HttpResponseBase:
    _check(request, "voice.add_followup")
    assignee = notes.person(request.POST.get("assignee", "").replace("\0", ""))
    return _carry_out(request, KIND.FOLLOW_UP, chosen, chosen.ids, assignee.get_username() if assignee else "")


def _export(request: HttpRequest, chosen: Selection) -> HttpResponseBase:
    form = request.POST.get("format", "")
    told = f"{_calls(len(chosen.ids))}: {chosen.words}"[:1000]
    return files.answer_with(exports.begin(chosen.query, form, [], actor_of(request), uuid.uuid4(), told=told))


def _bundle(request: HttpRequest, chosen: Selection) -> HttpResponseBase:
    return bundles.answer_with(chosen, request, actor_of(request))


def _delete(request: HttpRequest, chosen: Selection) -> HttpResponseBase:
    _check(request, *_DELETE)
    rows = list(recordings.deletable(chosen.ids).values_list("pk", flat=True)[: MOST_RECORDINGS + 1])
    if len(rows) > MOST_RECORDINGS:
        raise ValidationError(
            f"At most {MOST_RECORDINGS:,} recordings are deleted at a time, and these calls have more."
        )
    if request.POST.get("recordings") != str(len(rows)) or request.POST.get("sure") != "yes":
        which = pluralised(len(rows), "recording is", "recordings are")
        raise ValidationError(f"sure: confirm that {which} to be deleted. Nothing was deleted.")
    return _carry_out(request, KIND.DELETE, chosen, rows)


def _carry_out(
    request: HttpRequest, kind: str, chosen: Selection, items: Sequence[uuid.UUID], told: str = ""
) -> HttpResponseBase:
    """Do it while the browser waits, if that is soon; else its page tells how far it is."""
    actor = actor_of(request)
    row = carrying_out.begin(kind, chosen, items, actor, told)
    wake_commands(*carrying_out.work(row.pk, AT_ONCE_SECONDS, actor))
    row.refresh_from_db()
    if row.state == BulkAction.State.DONE:
        for level, words in _said(row):
            messages.add_message(request, level, words)
        return HttpResponseRedirect(queries.address(request.POST.get("q", "")[:1000]))
    if carrying_out.is_due(row.pk):
        wake_bulk_action(row.pk)
    return HttpResponseRedirect(reverse("admin:voice_call_many_progress", args=[row.pk]))


def _progress(request: HttpRequest, bulkaction_id: uuid.UUID) -> HttpResponse:
    """Show how far something is that who asks has had done."""
    _check(request, "voice.view_call")
    row = get_object_or_404(BulkAction, pk=bulkaction_id, user=request.user)
    context = {
        **admin.site.each_context(request),
        "title": _TITLES[row.kind],
        "action": row,
        "percent": 100 * row.done // max(row.total, 1),
        "said": [] if row.is_open else [words for _, words in _said(row)],  # what became of it is counted
    }
    return TemplateResponse(request, "voice/call_log/progress.html", context)


def _cancel(request: HttpRequest, bulkaction_id: uuid.UUID) -> HttpResponseBase:
    """Cancel the rest of it (POST); what is done stays."""
    _check(request, "voice.view_call")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    row = get_object_or_404(BulkAction, pk=bulkaction_id, user=request.user)
    if not carrying_out.cancel(row, actor_of(request)):
        messages.info(request, "It is over already.")
    return HttpResponseRedirect(reverse("admin:voice_call_many_progress", args=[row.pk]))


def _said(row: BulkAction) -> Iterator[tuple[int, str]]:
    """Say what was done."""
    made, full = row.counts.get("made", 0), row.counts.get("full", 0)
    if row.kind == KIND.TAG:
        yield messages.SUCCESS, f"Tagged {_calls(made)}; {row.done - made - full:,} had the tag before."
        if full:
            yield messages.WARNING, f"{_calls(full)} with {tags.MOST} tags already got no more."
    elif row.kind == KIND.FOLLOW_UP:
        whom = "one person" if row.told else "whoever comes first"
        yield messages.SUCCESS, f"{_calls(made)} to follow up, for {whom}."
        if left := row.counts.get("left", 0):
            yield messages.WARNING, f"{_calls(left)} left as they were: somebody else is asked, and is not done."
    else:
        yield from _said_of_deletions(made, carrying_out.deletions(row))


def _said_of_deletions(made: int, became: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """Say what became of the recordings that are to be deleted, as far as that is known by now."""
    gone, unknown = became.get("ok", 0), became.get("uncertain", 0)
    if made and gone == made:
        yield messages.SUCCESS, f"{pluralised(made, 'recording is', 'recordings are')} deleted at Telnyx."
    else:
        asked = pluralised(made, "recording", "recordings")
        deleted = f"; {pluralised(gone, 'is', 'are')} deleted" if gone else ""
        yield messages.SUCCESS, f"Telnyx is being asked to delete {asked}{deleted}."
    if kept := sum(became.get(status, 0) for status in outbox.NOT_DELETED):
        yield messages.WARNING, f"Not deleted, and still at Telnyx: {kept:,}. Search again and have them deleted."
    if unknown:
        yield messages.WARNING, f"Nobody knows whether they are deleted: {unknown:,}. Their commands are uncertain."


_Does = Callable[[HttpRequest, Selection], HttpResponseBase]
_DOES: dict[str, _Does] = {
    "tag": _tag,
    "follow-up": _follow_up,
    "export": _export,
    "bundle": _bundle,
    "delete": _delete,
}


def _until(request: HttpRequest) -> datetime:
    """Return when the calls were counted: what began later was not."""
    return read_time(request.POST.get("until")) or timezone.now()


def _calls(number: int) -> str:
    return pluralised(number, "call", "calls")


def _check(request: HttpRequest, *permissions: str) -> None:
    user: Any = request.user
    if not user.has_perms(permissions):
        raise PermissionDenied


def _add(site: Any) -> None:
    found: tuple[tuple[str, Any, str], ...] = (
        ("", _page, "voice_call_many"),
        ("<uuid:bulkaction_id>/", _progress, "voice_call_many_progress"),
        ("<uuid:bulkaction_id>/cancel/", _cancel, "voice_call_many_cancel"),
    )
    site.add_pages([path(f"voice/call/many/{at}", site.admin_view(view), name=name) for at, view, name in found])


_add(admin.site)
