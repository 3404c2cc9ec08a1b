"""A stream is a real WebSocket: what goes out follows the world's clock, what comes back is played and told."""

import base64
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portal.sandbox.client import Client
from portal.sandbox.resources.audit import OWNER
from portal.sandbox.server.server import Sandbox
from tests.support.media_servers import CLOSE, MediaServer, packed
from tests.support.polling import eventually
from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver

SAMPLES = base64.b64encode(b"\x55" * 8000).decode()  # a second of PCMU
MP3 = base64.b64encode(b"ID3" + bytes(100)).decode()
TALKS = {"event": "media", "media": {"payload": SAMPLES}}
SAID = {"event": "mark", "mark": {"name": "said"}}
RTP = {"stream_bidirectional_mode": "rtp"}
Start = Callable[..., str]


def says(server: MediaServer, *messages: Any) -> None:
    """Have it say that when the stream begins."""
    server.react = lambda frame: list(messages) if frame["event"] == "start" else []


def told(client: Client, event_type: str, count: int = 1) -> dict[str, Any]:
    """The last of so many lines of the ledger."""
    return client.ledger("streams", event_type=event_type, count=count, wait=30)[-1]


def test_it_says_whose_stream_it_is(stream: Start, server: MediaServer, receiver: Receiver) -> None:
    parameters = [{"name": "room", "value": "7"}]
    call = stream(stream_auth_token="a token", custom_parameters=parameters, client_state="YQ==")
    connected, start = server.frames[:2]
    token = {"x-telnyx-streaming-auth-token": "a token"}
    assert connected == {"event": "connected", "version": "1.0.0", "connected": token}
    assert "\r\nx-telnyx-streaming-auth-token: a token\r\n" in server.request
    assert server.request.startswith("GET /audio?for=tests HTTP/1.1\r\n")
    assert (start["sequence_number"], start["start"]["call_control_id"]) == ("1", call)
    assert start["start"]["media_format"] == {"encoding": "PCMU", "sample_rate": 8000, "channels": 1}
    assert start["start"]["custom_parameters"] == {"room": "7"}
    assert (start["start"]["from"], start["start"]["client_state"]) == ("+13125550143", "YQ==")
    assert start["start"]["user_id"] == OWNER.id
    assert receiver.wait("streaming.started", call).payload["stream_url"] == server.url


def test_a_second_has_fifty_frames(stream: Start, server: MediaServer, client: Client) -> None:
    stream()
    client.advance(1)
    server.wait("media", 50)
    client.advance(0.5)
    server.wait("media", 75)
    frames = server.of("media")
    assert [frame["media"]["chunk"] for frame in frames] == [str(number) for number in range(1, 76)]
    assert [frame["media"]["timestamp"] for frame in frames[:3]] == ["0", "20", "40"]
    assert [int(frame["sequence_number"]) for frame in frames] == list(range(2, 77))
    assert {frame["media"]["track"] for frame in frames} == {"inbound"}
    assert {len(base64.b64decode(frame["media"]["payload"])) for frame in frames} == {160}


@pytest.mark.parametrize(
    ("asked", "encoding", "rate", "size"),
    [
        ({"stream_codec": "PCMA"}, "PCMA", 8000, 160),
        ({"stream_codec": "L16"}, "L16", 8000, 320),
        ({"stream_codec": "L16", "stream_bidirectional_sampling_rate": 16_000}, "L16", 16_000, 640),
        ({"stream_codec": "default", "stream_bidirectional_sampling_rate": 16_000}, "PCMU", 8000, 160),
    ],
)
def test_the_codec_is_the_one_asked_for(
    stream: Start, server: MediaServer, client: Client, asked: dict[str, Any], encoding: str, rate: int, size: int
) -> None:
    call = stream(**asked)
    client.advance(0.02)
    media = server.wait("media")["media"]
    sends = {"encoding": encoding, "sample_rate": rate, "channels": 1}
    assert server.of("start")[0]["start"]["media_format"] == sends
    assert len(base64.b64decode(media["payload"])) == size
    (seen,) = client.call(call)["streams"]
    assert (seen["sends"], seen["note"]) == (sends, "")


@pytest.mark.parametrize("codec", ["G722", "OPUS", "AMR-WB"])
def test_a_codec_that_is_not_encoded_here_is_named(
    stream: Start, server: MediaServer, client: Client, codec: str
) -> None:
    call = stream(stream_codec=codec)
    assert server.of("start")[0]["start"]["media_format"]["encoding"] == "PCMU"
    note = f"{codec} is not encoded here: PCMU, the call's own, is sent"
    assert told(client, "open")["note"] == note
    assert client.call(call)["streams"][0]["note"] == note


def test_a_call_from_europe_has_another_codec(
    http: Http, client: Client, application: Any, server: MediaServer
) -> None:
    call = client.ring({"at": 100, "hangup": True}, **{"from": "+442079460018"})
    http.act(call, "answer", stream_url=server.url)
    assert server.wait("start")["start"]["media_format"]["encoding"] == "PCMA"
    dialled = http.dial(application, "+13125550001", stream_url=server.url, stream_codec="PCMA")
    client.advance(1)
    start = server.wait("start", 2)["start"]
    assert (start["call_control_id"], start["media_format"]["encoding"]) == (dialled, "PCMA")


@pytest.mark.parametrize(
    ("track", "heard"), [("outbound_track", ["outbound"]), ("both_tracks", ["inbound", "outbound"])]
)
def test_the_track_is_the_one_asked_for(
    stream: Start, server: MediaServer, client: Client, track: str, heard: list[str]
) -> None:
    stream(stream_track=track)
    client.advance(0.02)
    server.wait("media", len(heard))
    assert [frame["media"]["track"] for frame in server.of("media")] == heard
    assert {frame["media"]["chunk"] for frame in server.of("media")} == {"1"}


def test_of_a_leap_only_the_last_minute_is_sent(
    http: Http, client: Client, application: Any, server: MediaServer
) -> None:
    call = client.ring({"at": 3000, "hangup": True})
    http.act(call, "answer", stream_url=server.url)
    server.wait("start")
    client.advance(20)
    client.advance(70)
    last = server.wait("media", 1000 + 3000)["media"]
    assert (last["chunk"], last["timestamp"]) == ("4500", "89980")
    assert server.of("media")[1000]["media"]["chunk"] == "1501"


def test_a_key_is_told(stream: Start, server: MediaServer, client: Client) -> None:
    call = stream()
    client.act(call, "press", keys="4#")
    client.advance(1)
    server.wait("dtmf", 2)
    assert [frame["dtmf"]["digit"] for frame in server.of("dtmf")] == ["4", "#"]
    assert server.of("dtmf")[0]["occurred_at"].endswith("Z")


def test_it_stops_with_the_call(stream: Start, http: Http, server: MediaServer, receiver: Receiver) -> None:
    call = stream()
    http.act(call, "hangup")
    receiver.wait("call.hangup", call)
    assert receiver.types(call)[-2:] == ["streaming.stopped", "call.hangup"]
    stop = server.wait("stop")
    assert stop["stop"] == {"user_id": OWNER.id, "call_control_id": call}
    assert eventually(lambda: server.others) == [(CLOSE, (1000).to_bytes(2))]


def test_it_is_stopped_on_request(stream: Start, http: Http, server: MediaServer, client: Client) -> None:
    call = stream()
    assert http.act(call, "streaming_stop")[0] == 200
    assert client.call(call)["streams"][0]["state"] == "stopped"  # whatever becomes of the connection
    server.wait("stop")
    assert told(client, "stopped")["sent"] == 0
    (stream_of_call,) = client.call(call)["streams"]
    assert (stream_of_call["state"], stream_of_call["url"]) == ("stopped", server.url)
    assert refused(http.act(call, "streaming_stop")) == (422, "90048")


def test_what_is_said_takes_its_time(stream: Start, server: MediaServer, client: Client) -> None:
    says(server, TALKS, SAID)
    call = stream(**RTP)
    assert told(client, "mark")["received"]["seconds"] == 1.0
    client.advance(0.9)
    assert not server.of("mark")
    client.advance(0.1)
    assert server.wait("mark")["mark"] == {"name": "said"}
    (seen,) = client.call(call)["streams"]
    assert (seen["state"], seen["mode"], seen["sent"]) == ("open", "rtp", 50)
    counted = {"media": 1, "bytes": 8000, "seconds": 1.0, "clears": 0, "refused": 0}
    assert seen["received"] == counted | {"marks": ["said"], "marks_answered": 1}
    assert told(client, "media")["call_control_id"] == call
    assert not {"token", "start"} & set(seen)


def test_what_is_cleared_is_not_waited_for(stream: Start, server: MediaServer, client: Client) -> None:
    says(server, TALKS, TALKS, SAID, {"event": "clear"})
    stream(**RTP)
    told(client, "clear")
    assert server.wait("mark")["mark"] == {"name": "said"}


def test_an_mp3_takes_two_seconds(stream: Start, server: MediaServer, client: Client) -> None:
    says(server, {"event": "media", "media": {"payload": MP3}}, SAID)
    stream()
    told(client, "mark")
    client.advance(1.9)
    assert not server.of("mark")
    client.advance(0.1)
    server.wait("mark")


def test_what_it_does_not_take_is_said_and_the_stream_goes_on(
    stream: Start, server: MediaServer, client: Client
) -> None:
    says(server, {"event": "start"}, {"event": "mark"}, SAID)
    call = stream()
    first = server.wait("error", 2)["payload"]
    assert (first["code"], first["title"]) == (100_003, "malformed_frame")
    assert told(client, "error", 2)["detail"] == "A mark has a name: mark.name."
    server.wait("mark")
    assert client.call(call)["streams"][0]["received"]["refused"] == 2


def test_whoever_hangs_up_ends_the_stream_and_not_the_call(
    stream: Start, http: Http, server: MediaServer, client: Client, receiver: Receiver
) -> None:
    says(server, packed((1001).to_bytes(2) + b"done", CLOSE))
    call = stream()
    receiver.wait("streaming.stopped", call)
    assert told(client, "stopped")["why"] == "the other side closed it: 1001 done"
    assert refused(http.act(call, "streaming_stop")) == (422, "90048")
    assert client.call(call)["ended"] is False


def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{taken.getsockname()[1]}/"


def test_an_address_where_nobody_is_is_said(http: Http, client: Client, answered: str, receiver: Receiver) -> None:
    url = nobody()
    http.act(answered, "streaming_start", stream_url=url, stream_track="both_tracks")
    payload = receiver.wait("streaming.failed", answered).payload
    assert payload["failure_reason"] == "connection_failed: Connection refused"
    assert payload["stream_params"] == {"stream_url": url, "track": "both_tracks"}
    assert "streaming.started" not in receiver.types(answered)
    (seen,) = client.call(answered)["streams"]
    assert (seen["id"], seen["state"], seen["why"]) == (payload["stream_id"], "failed", "Connection refused")


def test_dial_and_answer_begin_one(
    http: Http, sdk: Any, client: Client, application: Any, server: MediaServer, receiver: Receiver
) -> None:
    asked = {"stream_url": server.url, "stream_bidirectional_mode": "rtp"}
    dialled = http.dial(application, "+13125550001", stream_auth_token="mine", **asked)
    client.advance(1)
    receiver.wait("streaming.started", dialled)
    assert "x-telnyx-streaming-auth-token: mine" in server.request
    ringing = http.ring("transferred")
    assert http.act(ringing, "answer", **asked)[0] == 200
    receiver.wait("streaming.started", ringing)
    assert [frame["start"]["call_control_id"] for frame in server.of("start")] == [dialled, ringing]
    assert [client.call(id)["streams"][0]["mode"] for id in (dialled, ringing)] == ["rtp", "rtp"]


def test_a_reset_hangs_up_without_a_word(stream: Start, http: Http, server: MediaServer, receiver: Receiver) -> None:
    call = stream()
    receiver.wait("streaming.started", call)
    http("POST", "/sandbox/reset", {})
    eventually(lambda: server.others, "the end")
    assert not server.of("stop")
    assert http.ledger("streams") == []
    assert "streaming.stopped" not in receiver.types(call)


@pytest.mark.parametrize("word", ["restart", "snapshot"])
def test_it_is_opened_again_after_a(word: str, tmp_path: Path, server: MediaServer, receiver: Receiver) -> None:
    state = tmp_path / "own.sqlite3"
    with Sandbox(state) as sandbox:
        http, client = Http(sandbox.port), Client(sandbox.base_url, "KEY")
        client.pause()
        body = {"application_name": "a", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
        http("POST", "/v2/call_control_applications", body)
        call = http.ring("transferred")
        http.act(call, "answer", stream_url=server.url)
        first = server.wait("start")
        receiver.wait("streaming.started", call)
        if word == "snapshot":
            http("PUT", "/sandbox/snapshot", http("GET", "/sandbox/snapshot")[1])
            assert server.wait("start", 2)["stream_id"] == first["stream_id"]
    with Sandbox(state) as sandbox:
        again = server.wait("start", 2 if word == "restart" else 3)
        assert again["stream_id"] == first["stream_id"]
        Http(sandbox.port).act(call, "hangup")
        receiver.wait("call.hangup", call)
    # what was under way when the state was kept may come once more, under its id
    types = [hook.type for hook in {hook.event["id"]: hook for hook in receiver.hooks}.values()]
    assert (types.count("streaming.started"), types.count("streaming.stopped")) == (1, 1)


def test_it_goes_at_the_sandboxs_pace(tmp_path: Path, server: MediaServer, receiver: Receiver) -> None:
    with Sandbox(tmp_path / "fast.sqlite3", pace=0.02) as sandbox:
        client = Client(sandbox.base_url, "KEY")
        client.pause()
        body = {"application_name": "a", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
        client.ask("POST", "/v2/call_control_applications", body)
        call = client.ring({"at": 100, "hangup": True})
        client.ask("POST", f"/v2/calls/{call}/actions/answer", {"stream_url": server.url})
        server.wait("start")
        client.advance(0.02)  # a second of a call
        assert client.call(call)["streams"][0]["sent"] == 50


def test_the_same_seed_gives_the_same_frames(tmp_path: Path) -> None:
    heard = []
    for name in ("one", "two"):
        with MediaServer() as server, Sandbox(tmp_path / f"{name}.sqlite3", seed="7") as sandbox:
            client = Client(sandbox.base_url, "KEY")
            client.pause("2026-03-01T12:00:00Z")
            body = {"application_name": "a", "webhook_event_url": "http://127.0.0.1:1/", "webhook_api_version": "2"}
            client.ask("POST", "/v2/call_control_applications", body)
            call = client.ring({"at": 100, "hangup": True})
            client.ask("POST", f"/v2/calls/{call}/actions/answer", {"stream_url": server.url})
            server.wait("start")
            client.act(call, "press", keys="1")
            client.advance(0.1)
            server.wait("media", 5)
            server.wait("dtmf")
            heard.append([frame for frame in server.frames if frame["event"] != "dtmf"] + server.of("dtmf"))
    first, second = ([frame | {"sequence_number": ""} for frame in frames] for frames in heard)
    assert first == second
