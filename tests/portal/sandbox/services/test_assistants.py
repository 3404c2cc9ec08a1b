"""An assistant talks, gathers and leaves."""

from typing import Any

from tests.support.sandbox_http import Http, refused
from tests.support.webhook_receiver import Receiver


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
