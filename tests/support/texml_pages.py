"""TeXML's operations as a browser asks for them."""

from typing import Any
from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from tests.support.html_forms import typed
from tests.support.texml_resources import CALL, QUEUE, ROOM, everything
from voice.catalogue.texml_operations import COMMANDS

IDS = {
    **{"call_sid": CALL, "conference_sid": ROOM, "call_sid_or_participant_label": CALL, "queue_sid": QUEUE},
    **{"recording_sid": "rec-1", "siprec_sid": "sip-1", "streaming_sid": "str-1"},
    **{"recording_transcription_sid": "tra-1", "connection_id": "app-1"},
}
# what belongs to the other command of the same method, and is not asked for
NOT_ASKED = {
    "texml.calls.hang_up": {"Method", "FallbackUrl", "FallbackMethod"},
    "texml.participants.update": {"AnnounceMethod"},
}
# by read the page that asks for it
PAGES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "texml.calls.list": ("calls", (), ""),
    "texml.calls.retrieve": ("call", (CALL,), ""),
    "texml.calls.recordings": ("call", (CALL,), ""),
    "texml.conferences.list": ("conferences", (), ""),
    "texml.conferences.retrieve": ("conference", (ROOM,), ""),
    "texml.conferences.recordings": ("conference", (ROOM,), ""),
    "texml.conferences.recordings_json": ("conference", (ROOM,), "?listing=json"),
    "texml.participants.list": ("conference", (ROOM,), ""),
    "texml.participants.retrieve": ("participant", (ROOM, CALL), ""),
    "texml.queues.list": ("queues", (), ""),
    "texml.queues.retrieve": ("queue", (QUEUE,), ""),
    "texml.recordings.list": ("recordings", (), ""),
    "texml.recordings.retrieve": ("recording", ("rec-1",), ""),
    "texml.transcriptions.list": ("transcriptions", (), ""),
    "texml.transcriptions.retrieve": ("transcription", ("tra-1",), ""),
}


def page_of(account: TelnyxAccount, name: str) -> str:
    """The address of the page that reads it."""
    at, ids, query = PAGES[name]
    return reverse(f"admin:voice_texml_{at}", args=[account.pk, *ids] if ids else []) + query


def do(account: TelnyxAccount, name: str, **given: str) -> str:
    query = f"?{urlencode(given)}" if given else ""
    return reverse("admin:voice_texml_do", args=[account.pk, name]) + query


def ids_of(name: str) -> dict[str, str]:
    return {one: IDS[one] for one in COMMANDS[name].ids}


def asked(name: str) -> dict[str, Any]:
    """Every parameter that the page of a command asks for, or sets."""
    return {key: value for key, value in everything(name).items() if key not in NOT_ASKED.get(name, ())}


def press(client: Client, account: TelnyxAccount, name: str, given: dict[str, Any] | None = None, **ids: str) -> Any:
    """Open the page of a command, fill in, send."""
    url = do(account, name, **ids)
    page = client.get(url)
    assert page.status_code == 200, page.status_code
    intent = str(page.context["form"]["intent"].value())
    return client.post(url, {key: typed(value) for key, value in (given or {}).items()} | {"intent": intent})
