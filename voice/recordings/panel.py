"""Shows on a call's page what was recorded of its session, or why nothing was."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from voice.calls import timeline
from voice.models import Call, CallCommand, Recording
from voice.recordings import listing

SEE, LISTEN, DELETE = "voice.view_recording", "voice.listen_recording", "voice.delete_recording"
_CHANNELS = {"dual": "two channels", "single": "one channel"}


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw it for who may see recordings."""
    user: Any = request.user
    if not user.has_perm(SEE):
        return SafeString("")
    session = listing.of_session(call, timeline.story_of(request, call))
    context = {
        "call": call,
        "legs": [(leg, [state(row) for row in leg.recordings]) for leg in session.legs],
        "of_rooms": [state(row) for row in session.of_rooms],
        "more_legs": session.more_legs,
        "more": session.more,
        "most": listing.MOST_RECORDINGS,
        "in_all": listing.MOST_RECORDINGS + session.more,
        "may_listen": user.has_perm(LISTEN),
        "may_ask": not call.is_alive and bool(call.answered_at or call.bridged_at),
    }
    return SafeString(render_to_string("voice/recordings/panel.html", context, request))


def state(recording: Recording) -> dict[str, Any]:
    """Say of a recording how it stands, and whether it can be heard."""
    deletion = recording.deletion
    is_saved = recording.status == Recording.Status.SAVED
    found: dict[str, Any] = {
        "row": recording,
        "channels": _CHANNELS.get(recording.channels, ""),
        "badge": "",
        "words": "",
    }
    if deletion is not None and recording.is_deleted:
        found |= {
            "badge": "deleted",
            "words": f"Deleted at Telnyx by {deletion.requested_by.removeprefix('user: ')}",
            "at": deletion.finished_at,
        }
    elif deletion is not None and not deletion.finished_at:
        found |= {"badge": "deleting", "words": "Telnyx is being asked to delete it."}
    elif recording.status == Recording.Status.FAILED:
        found |= {"badge": "failed", "words": recording.reason or "Telnyx does not say why."}
    elif not is_saved:
        found |= {"badge": "under way", "words": "It is being recorded, or saved."}
    elif deletion is not None:
        found["words"] = _why_not_deleted(deletion)
    return found | {"is_there": is_saved and not recording.is_deleted and bool(recording.recording_id)}


def _why_not_deleted(deletion: CallCommand) -> str:
    if deletion.status == CallCommand.Status.UNCERTAIN:
        return "It is not known whether Telnyx deleted it."
    return f"It was not deleted: {deletion.settlement or deletion.error}"
