"""A call comes in, is answered and ends."""

from typing import Any

from tests.support.sandbox_http import Http, refusal
from tests.support.webhook_receiver import Hook, Receiver

SPEECH = {"payload": "hello", "voice": "female"}


def test_a_call_comes_in_parked(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("answered", **{"from": "+13125550143", "to": "+13125550188"})
    payload = receiver.wait("call.initiated", id).payload
    assert (payload["direction"], payload["state"]) == ("incoming", "parked")
    assert (payload["from"], payload["to"]) == ("+13125550143", "+13125550188")
    assert payload["connection_id"] == application.id
    assert id.startswith("v3:")


def test_an_answered_caller_hangs_up(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("answered")
    http.act(id, "answer")
    end = http.end(id)
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]
    assert (end["hangup_cause"], end["hangup_source"]) == ("normal_clearing", "caller")


def test_a_caller_nobody_answers_gives_up(http: Http, application: Any, receiver: Receiver) -> None:
    http.end(http.ring("answered"))
    payload = receiver.wait("call.hangup").payload
    assert (payload["hangup_cause"], payload["hangup_source"]) == ("originator_cancel", "caller")
    assert payload["call_quality_stats"] is None


def test_a_caller_who_hangs_up_at_once_is_never_answered(http: Http, application: Any, receiver: Receiver) -> None:
    http.end(http.ring("caller_hangs_up"))
    assert receiver.types() == ["call.initiated", "call.hangup"]


def test_client_state_is_echoed_until_changed(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("answered")
    assert receiver.wait("call.initiated").payload["client_state"] is None
    http.act(id, "answer", client_state="b25l")
    assert receiver.wait("call.answered").payload["client_state"] == "b25l"
    http("PUT", f"/v2/calls/{id}/actions/client_state_update", {"client_state": "dHdv"})
    assert receiver.wait("call.hangup").payload["client_state"] == "dHdv"


def test_a_menu_is_walked_from_ring_to_end(http: Http, application: Any, receiver: Receiver) -> None:
    """The application acts on each webhook before it answers it, as a portal would."""

    def react(hook: Hook) -> None:
        id, kind, payload = hook.payload["call_control_id"], hook.type, hook.payload
        if kind == "call.initiated" and payload["direction"] == "incoming":
            assert http.act(id, "answer", command_id=hook.event["id"])[0] == 200
            assert http.act(id, "gather_using_speak", **SPEECH, maximum_digits=1)[0] == 200
        if kind == "call.gather.ended" and payload["digits"] == "1":
            assert http.act(id, "transfer", to="+13125550001", command_id=hook.event["id"])[0] == 200

    receiver.react = react
    id = http.ring("ivr")
    end = http.end(id)
    assert [leg["state"] for leg in end["legs"]] == ["ended", "ended"]
    assert receiver.types(id) == [
        "call.initiated",
        "call.answered",
        "call.dtmf.received",
        "call.gather.ended",
        "call.bridged",
        "call.hangup",
    ]


def test_a_limit_of_thousands_of_digits_is_refused(http: Http, application: Any) -> None:
    """Its first nine are a number that would do."""
    limit = "000000001" + "1" * 5000
    answer = http("GET", f"/v2/connections/{application.id}/active_calls?page[limit]={limit}")
    assert refusal(answer)[:2] == (400, "10015")


def test_active_calls_ignore_page_numbers(http: Http, application: Any) -> None:
    id = http.ring()
    answer = http("GET", f"/v2/connections/{application.id}/active_calls?page[number]=2")[1]
    assert [call["call_control_id"] for call in answer["data"]] == [id]


def test_ended_calls_are_not_active(http: Http, application: Any) -> None:
    http.act(http.ring(), "hangup")
    answer = http("GET", f"/v2/connections/{application.id}/active_calls")[1]
    assert answer["data"] == []
    assert answer["meta"]["next"] is None


def test_an_ended_call_tells_its_end(http: Http, application: Any) -> None:
    id = http.ring()
    http.act(id, "hangup")
    status = http("GET", f"/v2/calls/{id}")[1]["data"]
    assert status["is_alive"] is False
    assert status["end_time"] >= status["start_time"]
