"""A recording sounds in the form that was asked for."""

from urllib.request import urlopen

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


def fetched(url: str) -> bytes:
    with urlopen(url, timeout=60) as answer:
        return bytes(answer.read())


def test_an_mp3_is_wanted_and_made(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "record_start", format="mp3", channels="single")
    http.act(answered, "record_stop")
    urls = receiver.wait("call.recording.saved", answered).payload["recording_urls"]
    assert urls["wav"] is None
    assert fetched(urls["mp3"])[:2] == b"\xff\xfb"
