"""Asks Telnyx for a recording's file and for what it has of a call, and makes the command to delete one."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import Q, QuerySet

from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.refusals import PortalRefusal
from portal.telnyx import paging
from portal.telnyx.client import ask
from portal.telnyx.errors import UNREAD, TelnyxRefused, TelnyxUnread
from portal.times import read_time
from voice.calls import measures
from voice.calls.projection import Fact, assign, merge
from voice.commands import outbox
from voice.models import Call, CallCommand, Recording
from voice.recordings.projection import CHANNELS, id_in
from voice.texml import recordings as texml_recordings

DELETE = "recordings.delete"
_FORMATS = ("wav", "mp3")  # what a browser plays of both; of the first a picture can be drawn
_GONE = "Telnyx has no file of this recording any more: it was deleted there, or its time was over."
_NEVER = "There is no file of this recording: Telnyx told of none."
_NUMBER = "The file's address has a phone number in it: it takes the permission to see whole numbers."


class NoFile(PortalRefusal):
    """Says that there is no file to be heard or to be deleted."""

    code = "no_file"


def listen(recording: Recording, actor: Actor) -> str:
    """Ask for a fresh link for somebody who may listen, and note that they do.

    Raises ``NoFile``, ``PortalRefusal`` where the link would tell a hidden number, and what ``ask`` raises.
    """
    url = fresh_link(recording)
    if not url:
        raise NoFile(_GONE if recording.recording_id else _NEVER)
    if not texml_recordings.playable(actor.user, {"media_url": url}):
        raise PortalRefusal(_NUMBER)
    AuditEvent.note(actor, "recording.listen", recording)
    return url


def fresh_link(recording: Recording) -> str:
    """Ask Telnyx where the file lies: a link that is good for ten minutes. Empty when there is no file (any more).

    Raises what ``ask`` raises.
    """
    if not recording.recording_id:
        return ""
    if recording.is_texml:
        told = texml_recordings.retrieve(recording.account, recording.recording_id)
        return _address(told.resource.get("media_url")) if told else ""
    try:
        data = ask(recording.account, "recordings.retrieve", recording.recording_id).get("data")
    except TelnyxRefused as error:
        if error.is_not_found:
            return ""
        raise
    if not isinstance(data, dict):
        raise TelnyxUnread(UNREAD)
    urls = data.get("download_urls")
    found = (_address(urls.get(one)) for one in _FORMATS) if isinstance(urls, dict) else iter(())
    return next((url for url in found if url), "")


def may_be_fetched(account: TelnyxAccount, url: str) -> bool:
    """Tell whether the portal itself reads from there: over TLS, or where the account's Telnyx is."""
    return url.startswith("https://") or urlsplit(url).hostname == urlsplit(account.base_url).hostname


def delete(recording: Recording, actor: Actor, *, intent: str) -> CallCommand:
    """Make a queued deletion of the file at Telnyx; while one is open, or was carried out, it is that one.

    Raises ``NoFile`` for a recording that failed.
    """
    if not recording.recording_id:
        raise NoFile(_NEVER)
    action = texml_recordings.DELETE if recording.is_texml else DELETE
    wish = f"{recording.pk}:{intent}"
    return outbox.delete_recording(recording.account, action, recording.recording_id, actor, intent=wish)


def deletable(calls: Sequence[uuid.UUID]) -> QuerySet[Recording]:
    """Select the recordings of these legs whose file is there and that nobody deletes yet, oldest first."""
    return _deletable().filter(call__in=calls)


def still_deletable(recordings: Sequence[uuid.UUID]) -> QuerySet[Recording]:
    """Select those of these recordings whose file is there and that nobody deletes yet, oldest first."""
    return _deletable().filter(pk__in=recordings)


def _deletable() -> QuerySet[Recording]:
    open_or_done = Q(deletion__isnull=False) & ~Q(deletion__status__in=outbox.NOT_DELETED)
    rows = Recording.objects.filter(status=Recording.Status.SAVED).exclude(recording_id="")
    return rows.exclude(open_or_done).order_by("started_at", "id")


@dataclass(frozen=True)
class Found:
    """Says how many recordings of a leg Telnyx told of; not ``complete`` when it was slow, or has too many."""

    count: int
    complete: bool


def look_up(call: Call) -> Found:
    """Ask Telnyx which recordings it has of this leg, and keep those that no event told of.

    Raises what ``ask`` raises.
    """
    listed = paging.read_all(call.account, "recordings.list", filter={"call_control_id": call.call_control_id})
    mine = [row for row in listed.rows if row.get("call_control_id") in (None, call.call_control_id)]
    for row in mine:
        if key := id_in(row.get("id")):
            _keep(call, key, row)
    return Found(len(mine), listed.complete)


def _keep(call: Call, key: str, row: Mapping[str, Any]) -> None:
    now = sql.clock()
    begun = read_time(row.get("recording_started_at")) or read_time(row.get("created_at")) or now
    with transaction.atomic():
        leg = sql.fetch_locked(Call, id=call.pk)  # in the order everybody takes
        stub = Recording(account=call.account, key=key, recording_id=key, call=call, started_at=begun)
        stub.is_texml = call.is_texml
        Recording.objects.bulk_create([stub], ignore_conflicts=True)
        found = Recording.objects.select_for_update(of=("self",), no_key=True).get(account=call.account, key=key)
        assign(found, merge(found, _facts_of(row), begun, 0, "told")).save()
        told = merge(leg, iter([Fact("has_recording", True)]), begun, 0, "told") if leg else {}
        if leg and told:  # a fact, so that what was not recorded besides takes nothing from it
            sql.update(leg, sorted(assign(leg, told).columns))


def _facts_of(row: Mapping[str, Any]) -> Iterator[Fact]:
    """State what Telnyx's own list says: lighter than an event."""
    yield Fact("status", Recording.Status.SAVED, 1)
    if ended := read_time(row.get("recording_ended_at")):
        yield Fact("ended_at", ended, 1)
    if (length := measures.count(row.get("duration_millis"))) is not None:
        yield Fact("seconds", length / 1000, 1)
    if channels := CHANNELS.get(str(row.get("channels"))):
        yield Fact("channels", channels, 0)


def _address(url: Any) -> str:
    """Return what Telnyx says of where the file lies; empty where it is no address."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return ""
    try:
        return url if urlsplit(url).hostname else ""
    except ValueError:
        return ""
