"""Shows one of TeXML's resources as Telnyx tells it now, what hangs on it, and the buttons that make sense."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from portal.actors import actor_of
from portal.admin.site import as_json
from portal.masking import HIDDEN, display_number, masked_for
from portal.models import AuditEvent, TelnyxAccount
from portal.phone_numbers import pretty
from portal.texts import visible
from voice.catalogue.texml_operations import CALL_STATUS_OVER
from voice.commands.confirmation import DANGEROUS
from voice.models import Call, CallCommand
from voice.texml import calls as texml_calls
from voice.texml import conferences, listings, recordings
from voice.texml.admin import lists, pages, resources
from voice.texml.admin.resources import Cell, Resource
from voice.texml.listings import Listed

Row = dict[str, Any]
_PAUSED = {"paused": ("Go on", "in-progress"), "in-progress": ("Pause", "paused")}


def view(request: HttpRequest, resource: Resource, account_id: uuid.UUID, sid: str) -> HttpResponse:
    """Show one resource."""
    pages.demand(request.user, resource.permission)
    account = pages.account_of(account_id)
    found, error = pages.asked(lambda: resource.retrieve(account, sid))
    context = _frame(request, account, found.resource if found else {}, error)
    title = f"TeXML {resource.name}"
    context |= {"back": resources.list_page(resource, account), "back_title": f"TeXML {resource.plural}"}
    context |= {"as_of": found.as_of if found else None, "name": _seen(request.user, sid)}
    if found:
        shown = listings.shown(request.user, found.resource)
        context |= {
            "facts": resources.facts((*resource.columns, *resource.more), shown),
            "name": _name(resource, shown),
        }
    context |= _PARTS[resource.name](request, account, sid, found.resource if found else {})
    answer = pages.draw(request, "detail", title, busy=_is_busy(context["commands"]), **context)
    if media := context.get("media_origin"):
        answer.media_origin = media  # type: ignore[attr-defined]  # portal.runtime.middleware lets it be heard
    return answer


def participant_view(request: HttpRequest, account_id: uuid.UUID, conference_sid: str, who: str) -> HttpResponse:
    """Show one participant, by the SID of the call or by the label."""
    pages.demand(request.user, resources.CONFERENCE.permission)
    account = pages.account_of(account_id)
    found, error = pages.asked(lambda: conferences.participant(account, conference_sid, who))
    context = _frame(request, account, found.resource if found else {}, error)
    context |= {"back": resources.page(resources.CONFERENCE, account, conference_sid), "back_title": "The conference"}
    context |= {"as_of": found.as_of if found else None, "name": _seen(request.user, who)}
    if found:
        shown = listings.shown(request.user, found.resource)
        known = _known(account, [found.resource])
        person = _person(request.user, account, conference_sid, found.resource, known)
        context |= {
            "facts": resources.facts((*resources.PARTICIPANT, *resources.MORE_OF_PARTICIPANT), shown),
            "buttons": person["buttons"],
        }
        context |= {"mirrored": _mirrored(request.user, known.get(str(found.resource.get("call_sid"))))}
    names = {who, str((found.resource if found else {}).get("call_sid") or who)}
    asked = pages.commands(request.user, account=account, path__0=conference_sid, path__1__in=sorted(names))
    return pages.draw(request, "detail", "TeXML participant", commands=asked, busy=_is_busy(asked), **context)


def media_view(request: HttpRequest, account_id: uuid.UUID, sid: str) -> HttpResponse:
    """Lead to a recording's file: Telnyx is asked for the link, which is of use for minutes only."""
    pages.demand(request.user, resources.RECORDING.permission, listings.LISTEN)
    account = pages.account_of(account_id)
    found, error = pages.asked(lambda: recordings.retrieve(account, sid))
    url = recordings.playable(request.user, found.resource) if found else ""
    if not url:
        messages.error(request, masked_for(request.user, error) or "Telnyx tells no file of this recording.")
        return HttpResponseRedirect(resources.page(resources.RECORDING, account, sid))
    AuditEvent.note_look(actor_of(request), "recording.listen", sid)
    return HttpResponseRedirect(url)


# --- What each has ----------------------------------------------------------------------------------------------------


def _call(request: HttpRequest, account: TelnyxAccount, sid: str, told: Row) -> dict[str, Any]:
    user, name = request.user, "texml.calls.recordings"
    call = Call.objects.filter(account=account, call_control_id=sid).first()
    context: dict[str, Any] = {"mirrored": _mirrored(user, call)}
    context["commands"] = pages.commands(user, account=account, call_control_id=sid)
    if not told:
        return context
    key, is_over = resources.key(user, sid), told.get("status") in CALL_STATUS_OVER
    if key and not is_over:
        of_it = {"call_sid": key}
        context["buttons"] = resources.buttons(
            user,
            account,
            [
                ("texml.calls.hang_up", "Hang up", of_it),
                ("texml.calls.redirect", "Other instructions", of_it),
                ("texml.calls.record", "Record", of_it),
                ("texml.calls.start_stream", "Stream", of_it),
                ("texml.calls.start_siprec", "SIPREC", of_it),
            ],
        )
        ends = [("texml.calls.stop_stream", "Stop streaming"), ("texml.calls.stop_siprec", "Stop SIPREC")]
        context["more"] = resources.buttons(user, account, [(action, label, of_it) for action, label in ends])
        context["note"] = "Telnyx advises against Call Control's actions on a TeXML call: use these."
    listed = Listed(name, {}, (account.name, sid))
    part = pages.part(request, listed, lambda query: texml_calls.recordings(account, sid, query), "recordings")
    context["sections"] = [_recordings(user, account, part)]
    return context


def _conference(request: HttpRequest, account: TelnyxAccount, sid: str, told: Row) -> dict[str, Any]:
    user, key = request.user, resources.key(request.user, sid)
    context: dict[str, Any] = {"commands": pages.commands(user, account=account, path__0=sid)}
    if not told:
        return context
    if key and told.get("status") != "completed":
        of_it = {"conference_sid": key}
        wanted = [
            ("texml.participants.dial", "Dial somebody in", of_it),
            ("texml.conferences.announce", "Announce", of_it),
            ("texml.conferences.end", "End conference", of_it),
        ]
        context["buttons"] = resources.buttons(user, account, wanted)
    inside = pages.part(
        request,
        Listed("texml.participants.list", {}, (account.name, sid)),
        lambda query: conferences.participants(account, sid, query),
        "inside",
    )
    as_of_calls = request.GET.get("listing") == "json"
    name = "texml.conferences.recordings_json" if as_of_calls else "texml.conferences.recordings"
    kept = pages.part(
        request,
        Listed(name, {}, (account.name, sid)),
        lambda query: conferences.recordings(account, sid, query, as_of_calls=as_of_calls),
        "recordings",
    )
    known = _known(account, inside["rows"])
    inside |= {
        "title": "Participants",
        "note": "as Telnyx tells it now; who leaves is not listed any more",
        "head": ["Call", *(column.title for column in resources.PARTICIPANT)],
        "rows": [_person(user, account, sid, one, known) for one in inside["rows"]],
        "empty": "Nobody is in it.",
    }
    saved = _recordings(user, account, kept)
    other = "?" if as_of_calls else "?listing=json"
    saved |= {"note": "Telnyx has two lists of them", "switch": (other, "Show Telnyx's other list")}
    context["sections"] = [inside, saved]
    return context


def _queue(request: HttpRequest, account: TelnyxAccount, sid: str, told: Row) -> dict[str, Any]:
    context: dict[str, Any] = {"commands": pages.commands(request.user, account=account, queue_name=sid)}
    if told and (key := resources.key(request.user, sid)):
        of_it = {"queue_sid": key}
        wanted = [("texml.queues.update", "Change", of_it), ("texml.queues.delete", "Delete", of_it)]
        context["buttons"] = resources.buttons(request.user, account, wanted)
    return context


def _recording(request: HttpRequest, account: TelnyxAccount, sid: str, told: Row) -> dict[str, Any]:
    context = _deletable(request, account, resources.RECORDING, "texml.recordings.delete", sid, told)
    context |= {"is_recording": bool(told), "may_listen": request.user.has_perm(listings.LISTEN)}
    if context["may_listen"] and (url := recordings.playable(request.user, told)):
        context["media"] = reverse("admin:voice_texml_recording_media", args=[account.pk, sid])
        context["media_origin"] = recordings.origin(url)
    return context


def _transcription(request: HttpRequest, account: TelnyxAccount, sid: str, told: Row) -> dict[str, Any]:
    context = _deletable(request, account, resources.TRANSCRIPTION, "texml.transcriptions.delete", sid, told)
    context |= {"is_transcription": bool(told), "may_listen": request.user.has_perm(listings.LISTEN)}
    text = listings.shown(request.user, told).get("transcription_text") or ""
    context |= {"text": text, "is_hidden": text == HIDDEN}  # callers say numbers
    return context


_PARTS = {
    "call": _call,
    "conference": _conference,
    "queue": _queue,
    "recording": _recording,
    "transcription": _transcription,
}


def _deletable(
    request: HttpRequest, account: TelnyxAccount, resource: Resource, action: str, sid: str, told: Row
) -> dict[str, Any]:
    user, call_sid = request.user, told.get("call_sid")
    call = Call.objects.filter(account=account, call_control_id=call_sid).first() if call_sid else None
    context: dict[str, Any] = {"commands": pages.commands(user, account=account, path__0=sid)}
    context["mirrored"] = _mirrored(user, call)
    if told and (key := resources.key(user, sid)):
        context["buttons"] = resources.buttons(user, account, [(action, "Delete", {resource.sid: key})])
    return context


def _recordings(user: Any, account: TelnyxAccount, part: Row) -> dict[str, Any]:
    rows = []
    for told in part["rows"]:
        drawn = lists.row(user, account, resources.RECORDING, told)
        ids = {
            "call_sid": resources.key(user, told.get("call_sid")),
            "recording_sid": resources.key(user, told.get("sid")),
        }
        if all(ids.values()) and told.get("status") in _PAUSED:
            label, status = _PAUSED[told["status"]]
            wanted = [(label, status), ("Stop", "stopped")]
            action = "texml.calls.update_recording"
            drawn["buttons"] = resources.buttons(
                user, account, [(action, words, ids | {"Status": state}) for words, state in wanted]
            )
        rows.append(drawn)
    head = [column.title for column in resources.RECORDING.columns]
    return part | {"title": "Recordings", "head": head, "rows": rows, "empty": "Telnyx lists no recording of it."}


def _person(
    user: Any, account: TelnyxAccount, conference_sid: str, told: Row, known: dict[str, Call]
) -> dict[str, Any]:
    """Draw a participant, by the numbers of the call if the portal knows it."""
    shown, call_sid = listings.shown(user, told), told.get("call_sid")
    ids = {
        "conference_sid": resources.key(user, conference_sid),
        "call_sid_or_participant_label": resources.key(user, call_sid),
    }
    call = known.get(call_sid) if isinstance(call_sid, str) else None
    who = _parties(call, user) if call else visible(str(shown.get("call_sid") or "?"))
    drawn = [Cell("Call", "number" if call else "mono", who), *resources.cells(resources.PARTICIPANT, shown)]
    if not all(ids.values()):
        return {"cells": drawn, "url": "", "buttons": []}
    update, muted, hold = "texml.participants.update", told.get("muted") is True, told.get("hold") is True
    wanted = [
        (update, "Unmute" if muted else "Mute", ids | {"Muted": "false" if muted else "true"}),
        (update, "Unhold" if hold else "Hold", ids | {"Hold": "false" if hold else "true"}),
        ("texml.participants.announce", "Announce", ids),
        ("texml.participants.remove", "Remove", ids),
    ]
    url = reverse("admin:voice_texml_participant", args=[account.pk, *ids.values()])
    return {"cells": drawn, "url": url, "buttons": resources.buttons(user, account, wanted)}


def _is_busy(commands: list[tuple[CallCommand, str]]) -> bool:
    waiting = (CallCommand.Status.QUEUED, CallCommand.Status.SENDING)
    return any(command.status in waiting for command, _ in commands)


def _frame(request: HttpRequest, account: TelnyxAccount, told: Row, error: str) -> dict[str, Any]:
    raw = as_json(listings.without_link(request.user, told)) if told else ""
    frame = {"account": account, "error": error, "raw": raw, "dangerous": DANGEROUS}
    return frame | {"status": told.get("status")}


def _name(resource: Resource, shown: Row) -> str:
    if resource is resources.CALL:
        return visible(" → ".join(pretty(str(shown.get(side) or "?")) for side in ("from", "to")))
    return visible(str(shown.get("friendly_name") or shown.get("sid") or "?"))


def _known(account: TelnyxAccount, rows: list[Row]) -> dict[str, Call]:
    ids = [row["call_sid"] for row in rows if isinstance(row.get("call_sid"), str)]
    return {call.call_control_id: call for call in Call.objects.filter(account=account, call_control_id__in=ids)}


def _parties(call: Call, user: Any) -> str:
    return visible(" → ".join(pretty(display_number(side, user)) for side in (call.from_number, call.to_number)))


def _mirrored(user: Any, call: Call | None) -> tuple[str, str] | None:
    """Return the numbers of the call in the call log, and its page, for who may see it."""
    if call is None or not user.has_perm("voice.view_call"):
        return None
    return _parties(call, user), reverse("admin:voice_call_change", args=[call.pk])


def _seen(user: Any, sid: str) -> str:
    return visible(str(masked_for(user, {"sid": sid})["sid"]))
