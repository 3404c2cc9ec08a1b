"""A transcript comes in words."""

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


def test_a_transcript_comes_in_words(http: Http, answered: str, receiver: Receiver) -> None:
    config = {"transcription_engine": "Google", "interim_results": True}
    http.act(answered, "transcription_start", transcription_engine_config=config, transcription_tracks="both")
    last = receiver.wait("call.transcription", answered, count=6)
    heard = [hook.payload["transcription_data"] for hook in receiver.hooks if hook.type == last.type]
    assert [one["is_final"] for one in heard] == [False, True] * 3
    assert [one["transcription_track"] for one in heard[1::2]] == ["inbound", "outbound", "inbound"]
    assert heard[1]["transcript"].startswith(heard[0]["transcript"])


def test_a_transcript_without_interim_results_is_final(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "transcription_start")
    assert refused(http.act(answered, "transcription_start")) == (422, "90054")
    assert receiver.wait("call.transcription", answered).payload["transcription_data"]["is_final"] is True
    assert http.act(answered, "transcription_stop")[0] == 200
    assert http.act(answered, "transcription_start")[0] == 200
