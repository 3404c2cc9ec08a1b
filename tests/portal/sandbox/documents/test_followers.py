"""The end of a leg reaches the documents that wait for it."""

import pytest

from tests.support.sandbox_texml import Account, at, ran, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

ANSWERS = "+13125550001"


def test_whom_a_document_dials_hangs_up_and_the_document_goes_on(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f"<Dial>{ANSWERS}</Dial><Say>One more thing</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    assert 'Caller hears: "One more thing"' in ran(account, sid)


def test_a_second_dial_follows_the_first(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f"<Dial>{ANSWERS}</Dial><Dial>+13125550002</Dial>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    children = {hook.body["To"] for hook in receiver.hooks if "ParentCallSid" in hook.body}
    assert children == {ANSWERS, "+13125550002"}
    assert wait_form(receiver, CallSid=sid, CallStatus="completed")["DialCallStatus"] == "busy"


def test_who_still_hears_a_document_of_their_own_is_let_go_with_the_caller(
    account: Account, receiver: Receiver
) -> None:
    receiver.documents = {
        "/voice": response(f'<Dial><Number url="/whisper">{ANSWERS}</Number></Dial>'),
        "/whisper": response('<Gather timeout="60"/>'),
    }
    sid = account.ring("texml_menu")
    asked = wait_form(receiver, Direction="outbound")
    account("POST", f"Calls/{sid}", {"Status": "completed"})
    account.http.end(sid)
    assert wait_form(receiver, CallSid=asked["CallSid"], CallStatus="completed")


def test_the_action_of_a_message_is_told_once(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response('<Record action="/next"/>'), "/next": response("<Say>Thanks</Say>")}
    account.http.end(account.ring("texml_voicemail"))
    assert [form["Digits"] for form in at(receiver, "/next")] == ["#"]


def test_a_key_that_nobody_waits_for_is_lost(
    account: Account, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.documents = {"/voice": response("<Say>One</Say><Say>Two</Say>")}
    sid = account.ring("texml_menu")
    wait_form(receiver, CallSid=sid, CallStatus="in-progress")
    account.http("POST", f"/sandbox/calls/{sid}/press", {"keys": "1"})
    account.http.end(sid)
    assert 'Caller hears: "Two"' in ran(account, sid)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
