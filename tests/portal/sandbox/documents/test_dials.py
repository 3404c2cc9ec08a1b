"""A Dial calls several people together or in turn, and its action hears how that went."""

from urllib.parse import urlsplit

import pytest

from tests.support.sandbox_texml import Account, at, forms, ran, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

BUSY, NO_ANSWER, ANSWERS = "+13125550002", "+13125550003", "+13125550001"


def dialled(account: Account, receiver: Receiver, verb: str, **more: str) -> dict[str, str]:
    """What the action of a Dial was told."""
    receiver.documents = {"/voice": response(verb), "/end": response("<Say>After</Say>"), **more}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    (form,) = at(receiver, "/end")
    assert form["CallSid"] == sid
    assert 'Caller hears: "After"' in ran(account, sid)
    return form


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (ANSWERS, "completed"),
        (BUSY, "busy"),
        (NO_ANSWER, "no-answer"),
        ("+13125559013", "failed"),
        ("nobody", "failed"),
        ("sip:0001@b.example", "completed"),
    ],
)
def test_how_it_ended_is_told(account: Account, receiver: Receiver, number: str, status: str) -> None:
    form = dialled(account, receiver, f'<Dial action="/end">{number}</Dial>')
    assert (form["DialCallStatus"], "DialCallSid" in form) == (status, status != "failed")


def test_the_first_to_answer_is_put_through_and_the_others_are_let_go(account: Account, receiver: Receiver) -> None:
    numbers = f"<Number>{NO_ANSWER}</Number><Number>{ANSWERS}</Number>"
    form = dialled(account, receiver, f'<Dial action="/end">{numbers}</Dial>')
    assert form["DialCallStatus"] == "completed"
    over = {
        one["To"]: one["CallStatus"] for one in forms(receiver) if "ParentCallSid" in one.body for one in [one.body]
    }
    assert over == {NO_ANSWER: "canceled", ANSWERS: "completed"}
    assert form["DialCallSid"] == wait_form(receiver, To=ANSWERS, CallStatus="completed")["CallSid"]


def test_in_turn_the_next_one_is_called_when_the_one_before_is_over(account: Account, receiver: Receiver) -> None:
    numbers = f"<Number>{BUSY}</Number><Number>{ANSWERS}</Number><Number>{NO_ANSWER}</Number>"
    form = dialled(account, receiver, f'<Dial action="/end" sequential="true">{numbers}</Dial>')
    assert form["DialCallStatus"] == "completed"
    children = [hook.body for hook in receiver.hooks if "ParentCallSid" in hook.body]
    assert [(one["To"], one["CallStatus"]) for one in children] == [
        (BUSY, "initiated"),
        (BUSY, "busy"),
        *((ANSWERS, status) for status in ("initiated", "ringing", "in-progress", "completed")),
    ]


def test_a_number_has_its_own_address_and_caller(account: Account, receiver: Receiver) -> None:
    number = f'<Number statusCallback="/own" statusCallbackEvent="answered completed">{ANSWERS}</Number>'
    dialled(account, receiver, f'<Dial action="/end" callerId="+13125550177">{number}</Dial>')
    assert [(one["CallStatus"], one["From"]) for one in at(receiver, "/own")] == [
        ("in-progress", "+13125550177"),
        ("completed", "+13125550177"),
    ]


def test_a_dial_is_recorded_and_the_recording_can_be_heard(account: Account, receiver: Receiver) -> None:
    more = 'record="record-from-answer-dual" recordingStatusCallback="/recorded"'
    form = dialled(account, receiver, f'<Dial action="/end" {more}>{ANSWERS}</Dial>')
    (told,) = at(receiver, "/recorded")
    assert (told["RecordingStatus"], told["RecordingSource"], told["RecordingChannels"]) == (
        "completed",
        "DialVerb",
        "2",
    )
    assert form["RecordingSid"] == told["RecordingSid"]
    assert urlsplit(form["RecordingUrl"]).path == urlsplit(told["RecordingUrl"]).path


@pytest.mark.parametrize(("verbs", "status"), [("<Gather/>", "completed"), ("<Hangup/>", "completed")])
def test_who_is_called_hears_a_document_first(account: Account, receiver: Receiver, verbs: str, status: str) -> None:
    receiver.documents["/whisper"] = response(verbs)
    number = f'<Number url="/whisper">{ANSWERS}</Number>'
    form = dialled(account, receiver, f'<Dial action="/end">{number}</Dial>', **{"/whisper": response(verbs)})
    (asked,) = at(receiver, "/whisper")
    assert asked["CallSid"] == form["DialCallSid"]
    assert form["DialCallStatus"] == status
    seen = account.http("GET", f"/sandbox/calls/{form['CallSid']}")[1]["legs"][1]
    assert seen["hangup_source"] == ("callee" if verbs == "<Gather/>" else "caller")


def test_a_caller_who_hangs_up_takes_everybody_along(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f'<Dial action="/end">{ANSWERS}</Dial>')}
    sid = account.ring("texml_menu", stays=1)
    session = account.http.end(sid)
    assert [leg["ended"] for leg in session["legs"]] == [True, True]
    assert at(receiver, "/end") == []


def test_without_an_action_the_next_verb_runs(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(f"<Dial>{BUSY}</Dial><Say>Busy, sorry</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    assert 'Caller hears: "Busy, sorry"' in ran(account, sid)
    assert wait_form(receiver, CallSid=sid, CallStatus="completed")["DialCallStatus"] == "busy"


@pytest.mark.parametrize(
    ("star", "digits", "source"),
    [("true", "*", "caller"), ("true", "1", "callee"), ("false", "*", "callee")],
)
def test_a_caller_is_rid_of_the_other_one_by_a_star(
    account: Account, receiver: Receiver, star: str, digits: str, source: str
) -> None:
    dial = f'<Dial action="/end" hangupOnStar="{star}">{ANSWERS}</Dial>'
    receiver.documents = {"/voice": response(dial), "/end": response("<Say>After</Say>")}
    sid = account.ring("texml_menu", digits=digits)
    account.http.end(sid)
    (form,) = at(receiver, "/end")
    assert form["DialCallStatus"] == "completed"
    assert account.http("GET", f"/sandbox/calls/{form['DialCallSid']}")[1]["legs"][1]["hangup_source"] == source
    assert ("The caller presses *: the other one is hung up" in ran(account, sid)) == (source == "caller")
    assert 'Caller hears: "After"' in ran(account, sid)


def limited(account: Account, limit: int) -> None:
    assert account.http("POST", "/sandbox/account", {"channel_limit": limit})[0] == 200


def test_whom_no_channel_is_left_for_is_not_called(account: Account, receiver: Receiver) -> None:
    limited(account, 1)
    numbers = f"<Number>{ANSWERS}</Number><Number>{NO_ANSWER}</Number>"
    form = dialled(account, receiver, f'<Dial action="/end">{numbers}</Dial>')
    assert form["DialCallStatus"] == "completed"
    assert [
        one["to"] for one in account.http("GET", "/sandbox/calls")[1]["calls"] if one["direction"] == "outgoing"
    ] == [ANSWERS]
    noted = [line for line in ran(account, form["CallSid"]) if line.startswith("Not called")]
    assert noted == [f"Not called: {NO_ANSWER}: The account allows 1 outgoing calls at once."]


def test_in_turn_one_channel_is_enough(account: Account, receiver: Receiver) -> None:
    limited(account, 1)
    numbers = f"<Number>{BUSY}</Number><Number>{ANSWERS}</Number>"
    form = dialled(account, receiver, f'<Dial action="/end" sequential="true">{numbers}</Dial>')
    assert form["DialCallStatus"] == "completed"


def test_without_a_channel_a_dial_has_failed(account: Account, receiver: Receiver) -> None:
    limited(account, 0)
    form = dialled(account, receiver, f'<Dial action="/end">{ANSWERS}</Dial>')
    assert (form["DialCallStatus"], "DialCallSid" in form) == ("failed", False)
