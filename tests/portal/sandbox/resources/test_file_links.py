"""Links to recordings hold for ten minutes of the world's clock; each reading brings a fresh one."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def recorded(http: Http, answered: str, receiver: Receiver) -> dict[str, Any]:
    """What was told of a recording."""
    http.act(answered, "record_start", format="wav", channels="single")
    http.act(answered, "record_stop")
    return receiver.wait("call.recording.saved", answered).payload


def status(http: Http, link: str) -> int:
    """How a link is answered. What it plays is read elsewhere: it is no JSON."""
    try:
        return http("GET", link.removeprefix(link[: link.index("/", 8)]))[0]
    except UnicodeDecodeError:
        return 200


def test_a_link_holds_for_ten_minutes_and_a_fresh_one_comes_with_each_reading(
    http: Http, recorded: dict[str, Any]
) -> None:
    http("POST", "/sandbox/clock", {"paused": True})
    path = f"/v2/recordings/{recorded['recording_id']}"
    first = http("GET", path)[1]["data"]["download_urls"]["wav"]
    http("POST", "/sandbox/clock/advance", {"seconds": 598})
    assert (status(http, first), status(http, recorded["recording_urls"]["wav"])) == (200, 200)
    http("POST", "/sandbox/clock/advance", {"seconds": 4})
    assert (status(http, first), status(http, recorded["recording_urls"]["wav"])) == (403, 403)
    assert refused(http("GET", f"{urlsplit(first).path}?{urlsplit(first).query}")) == (403, "10010")
    assert status(http, http("GET", path)[1]["data"]["download_urls"]["wav"]) == 200
    (listed,) = http("GET", "/v2/recordings")[1]["data"]
    assert status(http, listed["download_urls"]["wav"]) == 200


@pytest.mark.parametrize(
    "query", ["", "Expires=9999999999", "Expires=9999999999&Signature=00", "Expires=x&Signature=%C3%A9"]
)
def test_nobody_makes_a_link_but_the_sandbox(http: Http, recorded: dict[str, Any], query: str) -> None:
    path = urlsplit(recorded["recording_urls"]["wav"]).path
    assert refused(http("GET", f"{path}?{query}")) == (403, "10010")


def test_a_link_is_of_one_file(http: Http, recorded: dict[str, Any]) -> None:
    parts = urlsplit(recorded["recording_urls"]["wav"])
    assert refused(http("GET", f"{parts.path.replace('.wav', '.mp3')}?{parts.query}")) == (403, "10010")
