"""Callers meet in the conferences and queues that REST shows."""

import pytest

from tests.support.polling import eventually
from tests.support.sandbox_texml import Account, at, ran, wait_form
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

ROOM = """<Dial action="/after">
  <Conference statusCallback="/room" statusCallbackEvent="start end join leave"{}>sales</Conference>
</Dial>"""


def events(receiver: Receiver) -> list[str]:
    return [form["StatusCallbackEvent"] for form in at(receiver, "/room")]


def test_callers_meet_in_a_conference_that_rest_shows(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(ROOM.format(' participantLabel="me"'))}
    sid = account.ring("texml_conference")
    told = wait_form(receiver, CallSid=sid, StatusCallbackEvent="participant-join")
    (room,) = account("GET", "Conferences")[1]["conferences"]
    assert (room["sid"], room["friendly_name"], room["status"]) == (told["ConferenceSid"], "sales", "in-progress")
    (there,) = account("GET", f"Conferences/{room['sid']}/Participants")[1]["participants"]
    assert there["call_sid"] == sid
    assert account("GET", f"Conferences/{room['sid']}/Participants/me")[0] == 200
    account.http.end(sid)
    assert events(receiver) == ["conference-start", "participant-join", "participant-leave", "conference-end"]
    assert account("GET", f"Conferences/{room['sid']}")[1]["status"] == "completed"


def test_whom_a_host_leaves_behind_goes_on_with_the_document(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(ROOM.format("")), "/after": response("<Say>The host has left</Say>")}
    guest = account.ring("texml_menu")
    wait_form(receiver, CallSid=guest, StatusCallbackEvent="participant-join")
    receiver.documents["/voice"] = response(ROOM.format(' endConferenceOnExit="true"'))
    host = account.ring("texml_conference")
    account.http.end(host)
    account.http.end(guest)
    (form,) = at(receiver, "/after")
    assert (form["CallSid"], form["DialCallStatus"]) == (guest, "completed")
    assert 'Caller hears: "The host has left"' in ran(account, guest)


def test_a_full_conference_takes_nobody_else(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(ROOM.format(' maxParticipants="2"')), "/after": response("<Hangup/>")}
    inside = [account.ring("texml_menu") for _ in range(2)]
    eventually(lambda: events(receiver).count("participant-join") == 2, "both", receiver.exchange)
    account.http.end(account.ring("texml_menu"))
    (form,) = at(receiver, "/after")
    assert form["DialCallStatus"] == "failed"
    for sid in inside:
        account("POST", f"Calls/{sid}", {"Status": "completed"})


def test_a_conference_is_recorded(account: Account, receiver: Receiver) -> None:
    more = ' record="record-from-start" recordingStatusCallback="/recorded"'
    receiver.documents = {"/voice": response(ROOM.format(more))}
    account.http.end(account.ring("texml_conference"))
    (form,) = at(receiver, "/recorded")
    assert (form["RecordingStatus"], form["RecordingSource"]) == ("completed", "Conference")


# queues


def test_who_waits_in_a_queue_hears_its_document_with_their_place(account: Account, receiver: Receiver) -> None:
    receiver.documents = {
        "/voice": response('<Enqueue waitUrl="/wait">support</Enqueue>'),
        "/wait": response("<Say>Please wait</Say>"),
    }
    sid = account.ring("texml_queue")
    form = wait_form(receiver, QueueSid="support")
    assert account("GET", f"Calls/{sid}")[1]["status"] == "in-progress"
    assert (form["CallSid"], form["QueuePosition"], form["CurrentQueueSize"]) == (sid, "1", "1")
    assert account("GET", "Queues/support")[1]["current_size"] == 1
    account.http.end(sid)
    assert len(at(receiver, "/wait")) == 2  # it was over once
    assert account("GET", "Queues/support")[1]["current_size"] == 0


def test_who_waits_may_leave_by_a_key(account: Account, receiver: Receiver) -> None:
    receiver.documents = {
        "/voice": response('<Enqueue waitUrl="/wait" action="/left">support</Enqueue>'),
        "/wait": response('<Gather action="/key" numDigits="1"/>'),
        "/key": response("<Leave/>"),
        "/left": response("<Say>Goodbye</Say>"),
    }
    sid = account.ring("texml_menu")
    account.http.end(sid)
    (form,) = at(receiver, "/left")
    assert (form["QueueResult"], form["QueueSid"]) == ("leave", "support")
    assert account("GET", "Queues/support")[1]["current_size"] == 0
    assert 'Caller hears: "Goodbye"' in ran(account, sid)


def test_waiting_has_an_end(account: Account, receiver: Receiver) -> None:
    receiver.documents = {
        "/voice": response('<Enqueue action="/left" maxWaitTimeSecs="2">support</Enqueue>'),
        "/left": response("<Hangup/>"),
    }
    account.http.end(account.ring("texml_menu"))
    assert at(receiver, "/left")[0]["QueueResult"] == "timeout"


def test_a_full_queue_takes_nobody_else(account: Account, receiver: Receiver) -> None:
    assert account("POST", "Queues", {"FriendlyName": "support", "MaxSize": 1})[0] == 200
    receiver.documents = {
        "/voice": response('<Enqueue action="/left">support</Enqueue>'),
        "/left": response("<Hangup/>"),
    }
    first = account.ring("texml_menu")
    eventually(lambda: account("GET", "Queues/support")[1]["current_size"], "the first", receiver.exchange)
    account.http.end(account.ring("texml_menu"))
    assert at(receiver, "/left")[0]["QueueResult"] == "queue-full"
    account.http.end(first)


@pytest.mark.parametrize("leaves", ["taken", "taker"])
def test_who_waits_is_taken_by_a_dial_and_both_go_on_afterwards(
    account: Account, receiver: Receiver, leaves: str
) -> None:
    receiver.documents = {
        "/voice": response('<Enqueue waitUrl="/wait" action="/left">support</Enqueue>'),
        "/wait": response('<Say loop="0">Please wait</Say>'),
        "/left": response("<Hangup/>"),
        "/done": response("<Hangup/>"),
    }
    waiting = account.ring("texml_menu")
    wait_form(receiver, QueueSid="support")
    receiver.documents["/voice"] = response('<Dial action="/done"><Queue>support</Queue></Dial>')
    taker = account.ring("transferred" if leaves == "taker" else "texml_menu")
    through = "The caller is put through to the first in the queue support"
    eventually(lambda: through in ran(account, taker), "the taking", receiver.exchange)
    assert account("GET", "Queues/support")[1]["current_size"] == 0
    if leaves == "taken":
        account("POST", f"Calls/{waiting}", {"Status": "completed"})
    for sid in (waiting, taker):
        account.http.end(sid)
    if leaves == "taker":
        (form,) = at(receiver, "/left")
        assert (form["CallSid"], form["QueueResult"]) == (waiting, "bridged")
    else:
        (form,) = at(receiver, "/done")
        assert (form["CallSid"], form["DialCallStatus"], form["DialCallSid"]) == (taker, "completed", waiting)


def test_an_empty_queue_has_nobody_to_give(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response("<Dial><Queue>nobody</Queue></Dial><Say>Later</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    assert 'Caller hears: "Later"' in ran(account, sid)
