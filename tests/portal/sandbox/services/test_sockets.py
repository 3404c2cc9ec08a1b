"""Which addresses are asked: every one but those that nobody has."""

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def state(http: Http, call: str) -> tuple[str, str]:
    stream = http("GET", f"/sandbox/calls/{call}")[1]["streams"][-1]
    return stream["state"], stream["why"]


@pytest.mark.parametrize("host", ["example.com", "media.example.com", "EXAMPLE.org.", "portal.example:8443", "a.test"])
def test_an_address_of_nobody_is_not_asked(http: Http, answered: str, receiver: Receiver, host: str) -> None:
    url = f"wss://{host}/audio"
    http.act(answered, "streaming_start", stream_url=url)
    assert receiver.wait("streaming.started", answered).payload["stream_url"] == url
    assert state(http, answered) == ("unplayed", "")
    assert http.ledger("streams") == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("wss://a.invalid/", ": names in .invalid are nobody's"),
        ("wss://[/", ": the address is none"),
        ("http://127.0.0.1/", ": the address is none of ws:// or wss://"),
        ("wss://example.com/fail", ""),
    ],
)
def test_an_address_that_cannot_be_asked_fails(
    http: Http, answered: str, receiver: Receiver, url: str, why: str
) -> None:
    http.act(answered, "streaming_start", stream_url=url)
    assert receiver.wait("streaming.failed", answered).payload["failure_reason"] == f"connection_failed{why}"
    assert state(http, answered) == ("failed", why.removeprefix(": "))


def test_there_is_an_end_to_how_many_go_on_at_once(
    http: Http, answered: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sandbox.streaming.streamer.MOST", 0)
    http.act(answered, "streaming_start", stream_url="ws://127.0.0.1:1/")
    assert "streams already" in receiver.wait("streaming.failed", answered).payload["failure_reason"]
