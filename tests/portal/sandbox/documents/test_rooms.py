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


WAITS = """<Dial action="/after">
  <Conference{} waitUrl="{}" statusCallback="/room" statusCallbackEvent="start">r</Conference>
</Dial>"""


@pytest.mark.parametrize("sound", [False, True])
def test_who_is_early_hears_something_until_the_conference_begins(
    account: Account, receiver: Receiver, sound: bool
) -> None:
    url = "/music.mp3" if sound else "/wait"
    early = WAITS.format(' startConferenceOnEnter="false"', url)
    receiver.documents = {"/voice": response(early), "/wait": response("<Say>You are early</Say>")}
    receiver.documents |= {"/music.mp3": b"ID3\x04", "/after": response("<Hangup/>")}
    guest = account.ring("texml_menu")
    heard = f"{receiver.origin}/music.mp3 without an end" if sound else '"You are early"'
    eventually(lambda: f"Caller hears: {heard}" in ran(account, guest), "what is heard", receiver.exchange)
    (room,) = account("GET", "Conferences")[1]["conferences"]
    assert room["status"] == "init"
    form = at(receiver, url)[0]
    assert (form["CallSid"], form["ConferenceSid"], form["FriendlyName"]) == (guest, room["sid"], "r")
    receiver.documents["/voice"] = response("<Dial><Conference>r</Conference></Dial>")
    host = account.ring("texml_conference")
    account.http.end(host)
    asked = len(at(receiver, url))
    account.http.end(guest)
    assert len(at(receiver, url)) == asked  # nothing is heard any more
    assert at(receiver, "/room")
    assert host != guest


def test_who_comes_to_a_conference_under_way_hears_no_waiting(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response(WAITS.format("", "/wait")), "/wait": response("<Say>Early</Say>")}
    account.http.end(account.ring("texml_conference"))
    assert at(receiver, "/wait") == []


def test_strict_refuses_what_a_waiting_caller_would_not_hear(account: Account, receiver: Receiver) -> None:
    early = WAITS.format(' startConferenceOnEnter="false"', "/wait")
    receiver.documents = {
        "/voice": response(early),
        "/wait": response("<Leave/><Dial>+13125550001</Dial><Say>Hi</Say>"),
    }
    sid = account.ring("texml_conference")
    account.http.end(sid)
    assert [line for line in ran(account, sid) if line.startswith("Ignored")][:2] == [
        "Ignored: <Leave>, since nobody waits in a queue (line 1)",
        "Ignored: <Dial>, which does not belong into what callers hear while they wait in a queue (line 1)",
    ]
    account.http("POST", "/sandbox/documents", {"strict": True})
    sid = account.ring("texml_conference")
    account.http.end(sid)
    assert ran(account, sid)[-1].startswith("The call ends. (strict: ignored: <Leave>")


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


# what is heard between a queue and whoever takes one out of it

WAITING = '<Enqueue waitUrl="/wait" action="/left">support</Enqueue>'
TAKES = '<Dial action="/done"{}><Queue url="/soon">support</Queue></Dial>'


def queued(account: Account, receiver: Receiver, soon: str, takes: str = TAKES.format("")) -> tuple[str, str]:
    """One who waits, and one who takes them: they hear ``soon`` first."""
    receiver.documents = {
        "/voice": response(WAITING),
        "/wait": response('<Say loop="0">Please wait</Say>'),
        "/soon": response(soon),
        "/left": response("<Hangup/>"),
        "/done": response("<Hangup/>"),
    }
    waiting = account.ring("texml_menu", digits="")
    wait_form(receiver, QueueSid="support", QueuePosition="1")
    receiver.documents["/voice"] = response(takes)
    return waiting, account.ring("transferred", digits="*")


def test_who_is_taken_hears_a_document_before_they_are_put_through(account: Account, receiver: Receiver) -> None:
    waiting, taker = queued(account, receiver, "<Say>Soon</Say><Leave/>")
    for sid in (waiting, taker):
        account.http.end(sid)
    (form,) = at(receiver, "/soon")
    assert (form["CallSid"], form["QueueSid"], form["QueuePosition"]) == (waiting, "support", "1")
    lines = ran(account, waiting)
    assert lines.index('Caller hears: "Please wait" without an end') < lines.index('Caller hears: "Soon"')
    assert any(line.startswith("Ignored: <Leave>, which does not belong into what a caller hears") for line in lines)
    (left,) = at(receiver, "/left")
    assert (left["CallSid"], left["QueueResult"]) == (waiting, "bridged")


def test_who_hangs_up_while_they_hear_it_was_not_put_through(account: Account, receiver: Receiver) -> None:
    waiting, taker = queued(account, receiver, '<Say loop="0">Soon</Say>')
    eventually(lambda: at(receiver, "/soon"), "the document", receiver.exchange)
    account("POST", f"Calls/{waiting}", {"Status": "completed"})
    for sid in (waiting, taker):
        account.http.end(sid)
    (form,) = at(receiver, "/done")
    assert (form["CallSid"], form["DialCallStatus"], form["DialCallDuration"]) == (taker, "no-answer", "0")


def test_who_is_let_down_by_whoever_took_them_goes_on(account: Account, receiver: Receiver) -> None:
    waiting, taker = queued(account, receiver, '<Say loop="0">Soon</Say>')
    eventually(lambda: at(receiver, "/soon"), "the document", receiver.exchange)
    account("POST", f"Calls/{taker}", {"Status": "completed"})
    for sid in (waiting, taker):
        account.http.end(sid)
    (form,) = at(receiver, "/left")
    assert (form["CallSid"], form["QueueResult"], form["QueueSid"]) == (waiting, "error", "support")
    assert at(receiver, "/done") == []


def test_strict_refuses_what_they_would_not_hear(account: Account, receiver: Receiver) -> None:
    account.http("POST", "/sandbox/documents", {"strict": True})
    waiting, taker = queued(account, receiver, "<Leave/><Say>Soon</Say>")
    for sid in (waiting, taker):
        account.http.end(sid)
    assert ran(account, waiting)[-1].startswith("The call ends. (strict: ignored: <Leave>")
    assert at(receiver, "/done")[0]["DialCallStatus"] == "no-answer"


@pytest.mark.parametrize("star", ["true", "false"])
def test_whoever_took_somebody_is_rid_of_them_by_a_star(account: Account, receiver: Receiver, star: str) -> None:
    waiting, taker = queued(account, receiver, "<Say>Soon</Say>", TAKES.format(f' hangupOnStar="{star}"'))
    for sid in (waiting, taker):
        account.http.end(sid)
    assert len(at(receiver, "/done")) == (star == "true")  # else it is the taker who leaves first
