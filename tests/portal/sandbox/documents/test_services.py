"""What goes on beside a document is begun and stopped by it, and what takes its place ends."""

import pytest

from tests.support.media_servers import CLOSE, MediaServer, packed
from tests.support.sandbox_texml import Account, at, ran, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

STREAM = '<Stream url="wss://x.example/a" name="one" statusCallback="/stream"/>'
SIPREC = '<Siprec connectorName="c" name="two" statusCallback="/stream"/>'


def test_streams_and_siprec_begin_and_stop(account: Account, receiver: Receiver) -> None:
    stop = '<Stop><Stream name="one"/></Stop>'
    receiver.documents = {"/voice": response(f"<Start>{STREAM}{SIPREC}</Start><Pause/>{stop}<Pause/>")}
    account.http.end(account.ring("transferred"))
    events = [form.get("StreamEvent") or form["SiprecEvent"] for form in at(receiver, "/stream")]
    assert events == ["stream-started", "siprec-started", "stream-stopped", "siprec-stopped"]


def test_stop_without_a_name_stops_the_one_begun_last(account: Account, receiver: Receiver) -> None:
    second = STREAM.replace("one", "second")
    verbs = f"<Start>{STREAM}{second}</Start><Stop><Stream/></Stop><Pause/>"
    receiver.documents = {"/voice": response(verbs)}
    account.http.end(account.ring("transferred"))
    stopped = [form["StreamName"] for form in at(receiver, "/stream") if form["StreamEvent"] == "stream-stopped"]
    assert stopped == ["second", "one"]


def test_what_brings_nothing_is_passed_by(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response("<Start><Transcription/><Suppression/></Start><Say>On</Say>")}
    sid = account.ring("transferred")
    account.http.end(sid)
    assert 'Caller hears: "On"' in ran(account, sid)


def test_a_stream_keeps_the_document_until_it_is_stopped(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f"<Connect>{STREAM}</Connect><Say>After</Say>")}
    sid = account.ring("texml_menu")
    stream = wait_form(receiver, CallSid=sid, StreamEvent="stream-started")["StreamSid"]
    assert 'Caller hears: "After"' not in ran(account, sid)
    assert account("POST", f"Calls/{sid}/Streams/{stream}.json", {"Status": "stopped"})[0] == 200
    account.http.end(sid)
    assert 'Caller hears: "After"' in ran(account, sid)


def test_a_stream_that_fails_keeps_nobody(account: Account, receiver: Receiver) -> None:
    failing = STREAM.replace("/a", "/fail")
    receiver.documents = {"/voice": response(f"<Connect>{failing}</Connect><Say>After</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    assert [form["StreamEvent"] for form in at(receiver, "/stream")] == ["stream-failed"]
    assert 'Caller hears: "After"' in ran(account, sid)


def test_the_document_goes_on_when_the_application_closes_its_stream(account: Account, receiver: Receiver) -> None:
    with MediaServer() as server:
        server.react = lambda frame: [packed(b"", CLOSE)] if frame["event"] == "dtmf" else []
        stream = (
            f'<Stream url="{server.url}" bidirectionalMode="rtp" codec="PCMA" track="outbound_track" '
            'statusCallback="/stream">'
            '<Parameter name="room" value="7"/></Stream>'
        )
        receiver.documents = {"/voice": response(f"<Connect>{stream}</Connect><Say>After</Say>")}
        sid = account.ring("texml_menu")
        wait_form(receiver, CallSid=sid, StreamEvent="stream-started")
        start = server.wait("start")["start"]
        assert (start["call_control_id"], start["custom_parameters"]) == (sid, {"room": "7"})
        assert start["media_format"] == {"encoding": "PCMA", "sample_rate": 8000, "channels": 1}
        assert account.http("GET", f"/sandbox/calls/{sid}")[1]["streams"][0]["track"] == "outbound_track"
        assert 'Caller hears: "After"' not in ran(account, sid)
        account.http("POST", f"/sandbox/calls/{sid}/press", {"keys": "1"})
        query = f"kind=streams&event_type=stopped&call_control_id={start['call_control_id']}&wait=30"
        assert account.http("GET", f"/sandbox/ledger?{query}")[1]["found"]
        wait_form(receiver, CallSid=sid, StreamEvent="stream-stopped")
        account.http.end(sid)
        assert 'Caller hears: "After"' in ran(account, sid)


def test_a_stream_that_nobody_takes_keeps_nobody(account: Account, receiver: Receiver) -> None:
    nobody = STREAM.replace("wss://x.example/a", "ws://127.0.0.1:1/")
    receiver.documents = {"/voice": response(f"<Connect>{nobody}</Connect><Say>After</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    (form,) = at(receiver, "/stream")
    assert (form["StreamEvent"], form["StreamError"]) == ("stream-failed", "connection_failed: Connection refused")
    assert 'Caller hears: "After"' in ran(account, sid)


@pytest.mark.parametrize("child", ['<AIAssistant id="7"/>', '<ConversationRelay url="wss://x.example"/>'])
def test_an_assistant_speaks_for_a_while_and_its_action_goes_on(
    account: Account, receiver: Receiver, child: str
) -> None:
    receiver.documents = {
        "/voice": response(f'<Connect action="/done">{child}</Connect>'),
        "/done": response("<Hangup/>"),
    }
    sid = account.ring("texml_menu")
    account.http.end(sid)
    assert at(receiver, "/done")[0]["CallSid"] == sid


@pytest.mark.parametrize(
    ("to", "status", "goes_on"),
    [("0001", "in-progress", False), ("0002", "busy", True), ("0003", "canceled", True), ("0004", "failed", True)],
)
def test_a_referral_ends_the_call_or_the_document_goes_on(
    account: Account, receiver: Receiver, to: str, status: str, goes_on: bool
) -> None:
    verb = f'<Refer action="/done"><Sip>sip:{to}@b.example</Sip></Refer>'
    receiver.documents = {"/voice": response(verb), "/done": response("<Say>Still here</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    (form,) = at(receiver, "/done")
    assert form["ReferCallStatus"] == status
    assert ('Caller hears: "Still here"' in ran(account, sid)) == goes_on
