"""Participants are dialled, muted, held, let coach and thrown out; what was set of them stays set."""

from typing import Any

import pytest

from tests.support.polling import eventually
from tests.support.sandbox_http import refusal
from tests.support.sandbox_texml import FROM, TO, Account, wait_form
from tests.support.webhook_receiver import Receiver

NOT_FOUND = (404, {"errors": [{"detail": "Resource not found"}]})


@pytest.fixture
def path(account: Account) -> str:
    """The participants of a conference whose host is there."""
    made = account.participant("daily", Label="host")
    path = f"Conferences/{made['conference_sid']}/Participants"
    eventually(lambda: account("GET", f"{path}/host")[1]["status"] == "connected", "the host", account.http.exchange)
    return path


def test_a_participant_is_dialled_by_the_conferences_name(account: Account) -> None:
    made = account.participant("daily", Muted=True, EndConferenceOnExit=True)
    assert (made["status"], made["muted"], made["hold"], made["end_conference_on_exit"]) == (
        *("connecting", True, False, True),
    )
    again = account.participant("daily", "+13125550001")
    assert again["conference_sid"] == made["conference_sid"]
    sids = [made["call_sid"], again["call_sid"]]
    page = account("GET", f"Conferences/{made['conference_sid']}/Participants")[1]
    assert [one["call_sid"] for one in page["participants"]] == sids


def test_by_its_id_no_application_is_needed(account: Account, path: str) -> None:
    status, made = account.form(path, {"From": FROM, "To": TO, "Label": "guest"})
    assert (status, made["status"]) == (200, "connecting")
    body = {"From": FROM, "To": TO}
    assert refusal(account("POST", "Conferences/new/Participants", body)) == (422, "10004", "/ApplicationSid")


def test_what_was_asked_for_holds_once_they_are_there(account: Account) -> None:
    made = account.participant("daily", Muted=True, EndConferenceOnExit=True)
    path = f"Conferences/{made['conference_sid']}/Participants/{made['call_sid']}"
    there = eventually(
        lambda: (found := account("GET", path)[1])["status"] == "connected" and found, "there", account.http.exchange
    )
    assert (there["muted"], there["end_conference_on_exit"], there["hold"]) == (True, True, False)


@pytest.mark.parametrize("who", ["host", "guest"])
def test_what_is_set_stays_set(account: Account, path: str, who: str) -> None:
    account.form(path, {"From": FROM, "To": TO, "Label": "guest"})  # who is still being dialled
    assert account.form(f"{path}/{who}", {"Muted": "true", "Hold": "true"})[1]["muted"] is True
    found = account("GET", f"{path}/{who}")[1]
    assert (found["muted"], found["hold"]) == (True, True)
    assert account("POST", f"{path}/{who}", {"Muted": False})[0] == 200
    found = account("GET", f"{path}/{who}")[1]
    assert (found["muted"], found["hold"]) == (False, True)


def test_call_control_sees_it(account: Account, path: str) -> None:
    account("POST", f"{path}/host", {"Muted": True, "EndConferenceOnExit": True})
    conference = path.split("/")[1]
    (found,) = account.http("GET", f"/v2/conferences/{conference}/participants")[1]["data"]
    assert (found["muted"], found["end_conference_on_exit"]) == (True, True)


def test_one_coaches_another(account: Account, path: str) -> None:
    guest = account.form(path, {"From": FROM, "To": TO, "Label": "guest"})[1]["call_sid"]
    coaching = account("POST", f"{path}/host", {"Coaching": True, "CallSidToCoach": guest})[1]
    assert (coaching["coaching"], coaching["coaching_call_sid"]) == (True, guest)
    assert account("POST", f"{path}/host", {"Coaching": False})[1]["coaching"] is False
    assert refusal(account("POST", f"{path}/host", {"Coaching": True})) == (422, "10004", "/CallSidToCoach")


def test_who_is_on_hold_hears_no_announcement(account: Account, path: str, receiver: Receiver) -> None:
    gong = {"AnnounceUrl": f"{receiver.origin}/gong"}
    assert account("POST", f"{path}/host", gong)[0] == 200
    eventually(lambda: [hook for hook in receiver.hooks if hook.path == "/gong"])
    account("POST", f"{path}/host", {"Hold": True})
    assert refusal(account("POST", f"{path}/host", gong))[:2] == (400, "90047")


def test_one_is_thrown_out(account: Account, path: str, receiver: Receiver) -> None:
    sid = account("GET", f"{path}/host")[1]["call_sid"]
    assert account("DELETE", f"{path}/host") == (204, None)
    assert account("GET", f"{path}/host") == NOT_FOUND
    assert wait_form(receiver, CallSid=sid, CallStatus="completed")
    assert account("GET", path)[1]["participants"] == []


def test_a_label_is_taken_once(account: Account, path: str) -> None:
    body = {"From": FROM, "To": TO, "Label": "host"}
    assert refusal(account("POST", path, body)) == (422, "10015", "/Label")


def test_a_label_may_hold_a_slash(account: Account, path: str) -> None:
    account.form(path, {"From": FROM, "To": TO, "Label": "a/b c"})
    whole = f"/v2/texml/Accounts/{account.sid}/{path}/a%2Fb%20c"
    assert account.http("GET", whole)[1]["status"] == "connecting"


def test_a_full_conference_takes_nobody(account: Account) -> None:
    made = account.participant("small", MaxParticipants=2)
    account.participant("small", "+13125550001")
    body = {"From": FROM, "To": TO}
    answer = account("POST", f"Conferences/{made['conference_sid']}/Participants", body)
    assert refusal(answer)[:2] == (422, "90032")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"MaxParticipants": 801}, "10033", "/MaxParticipants"),
        ({"Beep": "loud"}, "10032", "/Beep"),
        ({"Muted": "true"}, "10026", "/Muted"),
        ({"To": ""}, "10004", "/To"),
    ],
)
def test_nonsense_is_refused(account: Account, path: str, body: dict[str, Any], code: str, pointer: str) -> None:
    answer = account("POST", path, {"From": FROM, "To": TO} | body)
    assert refusal(answer) == (422, code, pointer)
