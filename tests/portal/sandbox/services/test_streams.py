"""What is sent elsewhere begins, may fail, and stops with the call."""

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


def test_a_stream_that_cannot_be_opened_fails(http: Http, answered: str, receiver: Receiver) -> None:
    url = "wss://example.com/fail"
    http.act(answered, "streaming_start", stream_url=url, stream_track="both_tracks")
    payload = receiver.wait("streaming.failed", answered).payload
    assert payload["stream_params"] == {"stream_url": url, "track": "both_tracks"}
    assert refused(http.act(answered, "streaming_stop")) == (422, "90048")


def test_what_is_sent_elsewhere_stops_with_the_call(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "fork_start")
    http.act(answered, "streaming_start", stream_url="wss://example.com/a")
    http.act(answered, "siprec_start")
    http.act(answered, "hangup")
    receiver.wait("call.hangup", answered)
    stopped = ["streaming.stopped", "call.fork.stopped", "siprec.stopped", "call.hangup"]
    assert receiver.types(answered)[-4:] == stopped


def test_a_call_that_is_streamed_is_not_forked(http: Http, answered: str) -> None:
    http.act(answered, "streaming_start", stream_url="wss://example.com/a")
    assert refused(http.act(answered, "fork_start")) == (422, "90045")


def test_no_fork_is_stopped_that_was_not_begun(http: Http, answered: str) -> None:
    assert refused(http.act(answered, "fork_stop")) == (422, "90031")
    http.act(answered, "fork_start")
    assert http.act(answered, "fork_stop")[0] == 200


def test_a_siprec_connector_may_fail(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "siprec_start", connector_name="will fail")
    assert receiver.wait("siprec.failed", answered).payload["failure_cause"]
