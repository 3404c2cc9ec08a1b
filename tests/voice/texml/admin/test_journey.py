"""TeXML from the browser alone, at a real sandbox: every method of the SDK is asked for by a page or a button."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import run_owed
from tests.support.html_forms import typed
from tests.support.polling import eventually
from tests.support.rows import CallCommand
from tests.support.sandbox_http import Http
from tests.support.sandbox_ledger import requests
from tests.support.texml_pages import IDS, do
from tests.support.texml_resources import ASKED, SID, heard
from voice.catalogue.texml_operations import COMMANDS

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.alone("an account need not be named while there is only one"),
]
NUMBERS = {"From": "+13125550100", "To": "+13125550101"}


@pytest.fixture
def press(browser: Client) -> Callable[..., CallCommand]:
    """Open the page of a command, fill in, send, and see it accepted."""

    def make(url: str, /, **given: Any) -> CallCommand:
        form = browser.get(url).context["form"]
        begun = {field.name: field.value() for field in form if field.value() is not None}
        made = browser.post(url, begun | {name: typed(value) for name, value in given.items()})
        assert made.status_code == 302, made.context["form"].errors
        run_owed()
        command = CallCommand.objects.latest("created_at")
        assert command.status == "ok", command.error
        return command

    return make


@pytest.fixture
def page(browser: Client) -> Callable[..., str]:
    def read(name: str, *args: Any, query: str = "") -> str:
        answer = browser.get(reverse(f"admin:voice_texml_{name}", args=args) + query)
        assert answer.status_code == 200
        return answer.content.decode()

    return read


def button(page: str, label: str) -> str:
    """The address behind a button."""
    found = re.search(rf'<a class="portal-button[^"]*" href="([^"]+)">{label}</a>', page)
    assert found, f"no button {label}"
    return html.unescape(found[1])


def test_every_method_is_asked_for_from_the_browser(
    press: Any, page: Any, application: str, sandbox: Sandbox, sandbox_account: TelnyxAccount, http: Http
) -> None:
    at = sandbox_account.pk
    dialled = press(reverse("admin:voice_texml_dial"), ApplicationSid=application, Texml="<Response/>", **NUMBERS)
    sid = dialled.call_control_id
    heard(sandbox, CallSid=sid, CallStatus="in-progress")
    assert reverse("admin:voice_texml_call", args=[at, sid]) in page("calls")
    of_call = page("call", at, sid)
    assert "In the call log" in of_call
    recording = press(button(of_call, "Record"), RecordingChannels="single").answer["sid"]
    of_call = page("call", at, sid)
    assert reverse("admin:voice_texml_recording", args=[at, recording]) in of_call
    press(button(of_call, "Pause"))
    press(button(page("call", at, sid), "Go on"))
    press(button(page("call", at, sid), "Stop"))
    stream = press(button(of_call, "Stream"), Url="wss://example.com/audio").answer["sid"]
    press(do(sandbox_account, "texml.calls.stop_stream", call_sid=sid, streaming_sid=stream))
    siprec = press(button(of_call, "SIPREC"), ConnectorName="archive").answer["sid"]
    press(do(sandbox_account, "texml.calls.stop_siprec", call_sid=sid), siprec_sid=siprec)
    press(button(of_call, "Other instructions"), Texml="<Response><Pause length='60'/></Response>")
    press(button(of_call, "Hang up"))
    heard(sandbox, CallSid=sid, CallStatus="completed")
    assert "Hang up</a>" not in page("call", at, sid)

    press(button(page("calls"), "Call with an AI assistant"), connection_id=application, AIAssistantId="a", **NUMBERS)
    press(button(page("calls"), "Dial by application id"), connection_id=application, Texml="<Response/>", **NUMBERS)

    into = {"ApplicationSid": application, "Label": "ada", **NUMBERS}
    room = press(button(page("conferences"), "Dial into a conference"), conference_sid="standup", **into).answer
    room_sid, ada = room["conference_sid"], room["call_sid"]
    assert "standup" in page("conferences")
    of_room = page("conference", at, room_sid)
    press(button(of_room, "Mute"))
    of_room = page("conference", at, room_sid)
    assert "Unmute" in of_room
    press(button(of_room, "Announce"), AnnounceUrl="https://example.com/a.mp3")
    of_ada = page("participant", at, room_sid, ada)
    press(button(of_ada, "Announce"), AnnounceUrl="https://example.com/a.mp3")
    press(button(of_room, "Dial somebody in"), **into | {"Label": "bob", "To": "+13125550109"})
    press(button(of_ada, "Remove"))
    page("conference", at, room_sid, query="?listing=json")
    press(button(of_room, "End conference"))
    assert "End conference</a>" not in page("conference", at, room_sid)

    press(button(page("queues"), "Create queue"), FriendlyName="support", MaxSize=3)
    press(button(page("queue", at, "support"), "Change"), MaxSize=7)
    assert "7" in page("queues")
    press(button(page("queue", at, "support"), "Delete"))
    assert "nothing of this id" in page("queue", at, "support")

    http.ring("texml_record", connection_id=application)
    eventually(
        lambda: "No transcription" not in page("transcriptions") and "completed" in page("transcriptions"),
        "a transcription",
        sandbox.exchange,
    )
    for name in ("recording", "transcription"):
        url = re.findall(rf'href="(/admin/texml/{name}s/{at}/[^"]+)"', page(f"{name}s"))[-1]
        press(button(page(name, at, url.split("/")[-2]), "Delete"))
    press(button(page("secrets"), "Save a secret"), name="crm", value="hush")
    assert "crm" in page("secrets")

    assert set(CallCommand.objects.values_list("action", flat=True)) == set(COMMANDS)
    lines = [(line["method"], line["path"]) for line in requests(sandbox)]
    for name, (_, _, method, path) in ASKED.items():
        assert [one for one in lines if one[0] == method and re.fullmatch(pattern(path), one[1])], name


def pattern(path: str) -> str:
    """A path as the tests of REST expect it, of whatever ids."""
    known = {SID, *IDS.values()}
    parts = [
        "[^/]+" + re.escape(part.removeprefix(part.removesuffix(".json")))
        if part.removesuffix(".json") in known
        else re.escape(part)
        for part in path.split("/")
    ]
    return "/".join(parts)
