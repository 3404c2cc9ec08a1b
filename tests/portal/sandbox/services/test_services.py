"""What goes on beside the call: streams, transcripts, machines that talk, payments, referrals."""

from typing import Any

import pytest
import telnyx

from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

pytestmark = pytest.mark.usefixtures("steady")


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["errors"][0]["code"]


def test_a_stream_that_cannot_be_opened_fails(http: Http, answered: str, receiver: Receiver) -> None:
    url = "wss://example.com/fail"
    http.act(answered, "streaming_start", stream_url=url, stream_track="both_tracks")
    payload = receiver.wait("streaming.failed", answered).payload
    assert payload["stream_params"] == {"stream_url": url, "track": "both_tracks"}
    assert refused(http.act(answered, "streaming_stop")) == (422, "90048")


def test_what_is_sent_elsewhere_stops_with_the_call(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "streaming_start", stream_url="wss://example.com/a")
    http.act(answered, "fork_start")
    http.act(answered, "siprec_start")
    http.act(answered, "hangup")
    receiver.wait("call.hangup", answered)
    stopped = ["streaming.stopped", "call.fork.stopped", "siprec.stopped", "call.hangup"]
    assert receiver.types(answered)[-4:] == stopped


def test_no_fork_is_stopped_that_was_not_begun(http: Http, answered: str) -> None:
    assert refused(http.act(answered, "fork_stop")) == (422, "90031")
    http.act(answered, "fork_start")
    assert http.act(answered, "fork_stop")[0] == 200


def test_a_siprec_connector_may_fail(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "siprec_start", connector_name="will fail")
    assert receiver.wait("siprec.failed", answered).payload["failure_cause"]


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


@pytest.mark.parametrize(
    ("address", "last", "response"),
    [
        ("sip:+13125550001@example.com", "call.refer.completed", 200),
        ("sip:+13125550002@example.com", "call.refer.failed", 486),
    ],
)
def test_a_referral_is_taken_or_not(
    http: Http, answered: str, receiver: Receiver, address: str, last: str, response: int
) -> None:
    http.act(answered, "refer", sip_address=address)
    assert receiver.wait("call.refer.started", answered).payload["from"] == "+13125550143"
    assert receiver.wait(last, answered).payload["sip_notify_response"] == response
    if response == 200:
        assert receiver.wait("call.hangup", answered).payload["hangup_cause"] == "normal_clearing"
    else:
        assert http.act(answered, "send_dtmf", digits="1")[0] == 200


def test_a_referral_needs_a_sip_address(http: Http, answered: str) -> None:
    assert refused(http.act(answered, "refer", sip_address="+13125550001")) == (422, "10015")


def test_sip_info_arrives_at_the_other_leg(http: Http, answered: str, receiver: Receiver) -> None:
    other = http.ring("transferred")
    http.act(other, "answer")
    http.act(answered, "bridge", call_control_id=other)
    http.act(answered, "send_sip_info", body="{}", content_type="application/json")
    assert receiver.wait("call.sip_info.received", other).payload["body"] == "{}"


def test_an_assistant_talks_until_it_is_stopped(http: Http, answered: str, receiver: Receiver) -> None:
    body = {"assistant": {"id": "assistant-1"}}
    told = http.act(answered, "ai_assistant_start", **body)[1]["data"]["conversation_id"]
    assert refused(http.act(answered, "ai_assistant_start", **body)) == (422, "90061")
    http.act(answered, "ai_assistant_stop")
    receiver.wait("call.conversation_insights.generated", answered)
    ended = receiver.wait("call.conversation.ended", answered).payload
    assert (ended["conversation_id"], ended["assistant_id"]) == (told, "assistant-1")


def test_an_assistant_that_is_none_does_not_start(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "ai_assistant_start", assistant={"id": "assistant-fail"})
    assert receiver.wait("call.conversation.start_failed", answered).payload["reason"] == "invalid_request"
    assert http.act(answered, "ai_assistant_start")[0] == 200


def test_an_assistant_may_answer_and_leaves_with_the_caller(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring()
    http.act(id, "answer", assistant={"id": "assistant-1"})
    http.act(id, "hangup")
    assert receiver.wait("call.conversation.ended", id).payload["reason"] == "customer_disconnect"


def test_a_machine_gathers_what_was_asked_for(http: Http, answered: str, receiver: Receiver) -> None:
    wanted = {"type": "object", "properties": {"age": {"type": "integer"}, "name": {"type": "string"}}}
    more = {"send_partial_results": True, "send_message_history_updates": True}
    http.act(answered, "gather_using_ai", parameters=wanted, **more)
    ended = receiver.wait("call.ai_gather.ended", answered).payload
    assert (ended["result"], ended["status"]) == ({"age": 7, "name": "sandbox"}, "valid")
    assert [one["role"] for one in ended["message_history"]] == ["assistant", "user"]
    assert receiver.wait("call.ai_gather.partial_results", answered).payload["partial_results"] == {"age": 7}
    receiver.wait("call.ai_gather.message_history_updated", answered)
    receiver.wait("call.conversation.ended", answered)


def test_a_hangup_leaves_a_machine_without_an_answer(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather_using_ai", parameters={})
    http.act(answered, "hangup")
    assert receiver.wait("call.ai_gather.ended", answered).payload["status"] == "invalid"


def test_a_payment_goes_step_by_step_and_tells_no_card(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "pay", amount=9.5, currency="USD")
    done = receiver.wait("call.payment.completed", answered).payload
    assert (done["result"], bool(done["charge_id"]), done["token_id"]) == ("success", True, None)
    steps = [hook.payload for hook in receiver.hooks if hook.type == "call.payment.progress"]
    assert [step["payment_step"] for step in steps][:2] == ["payment-card-number", "expiration-date"]
    for payload in (done, *steps):
        assert not {"payment_card_number", "security_code", "expiration_date", "bank_account_number"} & set(payload)


def test_a_payment_of_somebody_who_leaves_is_cancelled(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "pay", payment_method="ach-debit", transaction_type="tokenize")
    http.act(answered, "hangup")
    done = receiver.wait("call.payment.completed", answered).payload
    assert (done["result"], done["token_id"]) == ("cancelled", None)


def test_a_file_is_played_before_digits_are_gathered(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("ivr")
    http.act(id, "answer")
    http.act(id, "gather_using_audio", audio_url="http://example.com/a.wav", maximum_digits=1)
    assert receiver.wait("call.gather.ended", id).payload["digits"] == "1"
    assert receiver.types(id)[2:] == [
        "call.playback.started",
        "call.playback.ended",
        "call.dtmf.received",
        "call.gather.ended",
    ]


def test_a_gather_is_known_by_its_id(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather", gather_id="one")
    http.act(answered, "gather_stop")
    assert receiver.wait("call.gather.ended", answered).payload["gather_id"] == "one"


def test_what_a_dial_asks_for_begins_with_the_answer(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(
        application,
        "+13125550001",
        record="record-from-answer",
        stream_url="wss://example.com/a",
        transcription=True,
        deepfake_detection={"enabled": True},
        time_limit_secs=5,
    )
    expected = ["streaming.started", "call.transcription", "call.deepfake_detection.result", "call.recording.saved"]
    for event_type in expected:
        receiver.wait(event_type, id)
    assert receiver.wait("call.hangup", id).payload["hangup_cause"] == "time_limit"


@pytest.mark.parametrize(
    ("to", "mode", "events"),
    [
        ("+13125550005", "premium", {"call.machine.premium.greeting.ended": "beep_detected"}),
        ("+13125550007", "premium", {"call.machine.premium.detection.ended": "fax_detected"}),
        ("+13125550005", "greeting_end", {"call.machine.greeting.ended": "ended"}),
        ("+13125550005", "detect_words", {"call.machine.greeting.ended": "ended"}),
        (
            "+13125550006",
            "premium_ios_call_screening_detection",
            {"call.machine.premium.call_screening.detected": "screening"},
        ),
    ],
)
def test_each_mode_of_detection_has_its_events(
    http: Http, application: Any, answered: str, receiver: Receiver, to: str, mode: str, events: dict[str, str]
) -> None:
    http.act(answered, "transfer", to=to, answering_machine_detection=mode)
    for event_type, result in events.items():
        assert receiver.wait(event_type).payload["result"] == result
    started = "call.machine.premium.detection.started"
    assert bool([hook for hook in receiver.hooks if hook.type == started]) == mode.startswith("premium")


def test_a_leg_waits_in_a_queue_until_it_is_bridged(
    sdk: telnyx.Telnyx, http: Http, answered: str, receiver: Receiver
) -> None:
    http.act(answered, "enqueue", queue_name="support")
    told = receiver.wait("call.enqueued", answered).payload
    assert (told["queue"], told["current_position"]) == ("support", 1)
    assert sdk.queues.retrieve("support").data.current_size == 1  # type: ignore[union-attr]
    other = http.ring("transferred")
    http.act(other, "answer")
    assert http.act(other, "bridge", queue="support", call_control_id="v3:of-no-meaning-then")[0] == 200
    told = receiver.wait("call.dequeued", answered).payload
    assert (told["reason"], told["queue_position"]) == ("bridged", 1)
    eventually(lambda: receiver.wait("call.bridged", answered))
    assert sdk.queues.retrieve("support").data.current_size == 0  # type: ignore[union-attr]
