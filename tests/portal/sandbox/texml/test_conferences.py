"""A conference begins with whom it is dialled for, is told of, recorded and ended."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.polling import eventually
from tests.support.sandbox_http import refusal
from tests.support.sandbox_texml import Account, forms, wait_form
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def conference(account: Account, receiver: Receiver) -> dict[str, Any]:
    """A conference of one, who is there; as the dial was answered."""
    more = {
        "ConferenceStatusCallback": f"{receiver.origin}/room",
        "ConferenceStatusCallbackEvent": "start end join leave",
        "ConferenceRecord": "record-from-start",
        "ConferenceRecordingStatusCallback": f"{receiver.origin}/recorded",
        "ConferenceRecordingStatusCallbackEvent": "in-progress completed",
    }
    made = account.participant("daily", Label="host", **more)
    wait_form(receiver, StatusCallbackEvent="participant-join")
    return made


def told(receiver: Receiver) -> list[tuple[str, str]]:
    room = [hook.body for hook in receiver.hooks if hook.path == "/room"]
    return [(form["SequenceNumber"], form["StatusCallbackEvent"]) for form in room]


def test_a_conference_is_told_of_as_it_stands(account: Account, receiver: Receiver) -> None:
    sid = account.participant("daily")["conference_sid"]
    made = account("GET", f"Conferences/{sid}")[1]
    assert (made["friendly_name"], made["status"], "reason_conference_ended" in made) == ("daily", "init", False)
    assert made["subresource_uris"]["participants"].endswith(f"Conferences/{sid}/Participants.json")
    eventually(
        lambda: account("GET", f"Conferences/{sid}")[1]["status"] == "in-progress", "its begin", account.http.exchange
    )
    eventually(
        lambda: account("GET", f"Conferences/{sid}")[1]["status"] == "completed", "its end", account.http.exchange
    )
    ended = account("GET", f"Conferences/{sid}")[1]
    assert ended["reason_conference_ended"] == "last-participant-left"
    assert ended["call_sid_ending_conference"]
    assert not [hook for hook in receiver.hooks if "ConferenceSid" in hook.body]  # nothing was asked for


def test_call_control_knows_it(account: Account, conference: dict[str, Any]) -> None:
    found = account.http("GET", f"/v2/conferences/{conference['conference_sid']}")[1]["data"]
    assert (found["name"], found["status"]) == ("daily", "in_progress")


def test_it_is_ended_with_all_in_it(account: Account, conference: dict[str, Any], receiver: Receiver) -> None:
    sid = conference["conference_sid"]
    ended = account.form(f"Conferences/{sid}", {"Status": "completed"})[1]
    assert (ended["status"], ended["reason_conference_ended"]) == ("completed", "conference-ended-via-api")
    account.http.end(conference["call_sid"])
    assert told(receiver) == [
        *(("0", "conference-start"), ("1", "participant-join"), ("2", "participant-leave"), ("3", "conference-end")),
    ]
    (joined,) = forms(receiver, StatusCallbackEvent="participant-join")
    assert (joined.body["FriendlyName"], joined.body["ParticipantLabel"]) == ("daily", "host")
    assert account("GET", f"Calls/{conference['call_sid']}")[1]["status"] == "completed"
    for path, body in ((f"Conferences/{sid}", {"Status": "completed"}), (f"Conferences/{sid}/Participants/host", {})):
        assert refusal(account("POST", path, body))[:2] == (400, "90019")


def test_with_it_end_the_calls_of_those_who_are_being_dialled(account: Account, conference: dict[str, Any]) -> None:
    sid = conference["conference_sid"]
    coming = account.participant(sid, "+13125550001")["call_sid"]
    assert account("POST", f"Conferences/{sid}", {"Status": "completed"})[0] == 200
    assert account("GET", f"Calls/{coming}")[1]["status"] == "canceled"
    assert account("GET", f"Conferences/{sid}/Participants")[1]["participants"] == []


def test_it_is_recorded_from_its_start(account: Account, conference: dict[str, Any], receiver: Receiver) -> None:
    path = f"Conferences/{conference['conference_sid']}/Recordings"
    running = [account("GET", f"{path}{shape}")[1]["recordings"][0] for shape in ("", ".json")]
    assert [one["status"] for one in running] == ["processing", "in-progress"]
    account.http.end(conference["call_sid"])
    first, second = (account("GET", f"{path}{shape}")[1] for shape in ("", ".json"))
    one, other = first["recordings"][0], second["recordings"][0]
    assert (type(one["duration"]), type(other["duration"])) == (int, str)
    assert (first["participants"], "subresource_uris" in one, "subresources_uris" in other) == ([], True, True)
    assert one["source"] == other["source"] == "Conference"
    assert [hook.body["RecordingStatus"] for hook in receiver.hooks if hook.path == "/recorded"] == [
        *("in-progress", "completed")
    ]
    told = forms(receiver, RecordingStatus="completed")[0].body["RecordingUrl"]
    assert urlsplit(told).path == urlsplit(other["media_url"]).path


def test_conferences_are_listed_by_what_they_are(account: Account, conference: dict[str, Any]) -> None:
    other = account.participant("weekly")["conference_sid"]

    def listed(query: str = "") -> list[str]:
        return [one["sid"] for one in account("GET", "Conferences", query=query)[1]["conferences"]]

    sid = conference["conference_sid"]
    assert listed() == [other, sid]
    assert listed("Status=init") == listed("FriendlyName=weekly") == [other]
    assert listed("Status=in-progress&DateCreated%3E=2020-01-01") == [sid]
    assert listed("DateUpdated%3C=2020-01-01") == []
    assert refusal(account("GET", "Conferences", query="Status=over")) == (422, "10032", "/Status")


def test_something_is_announced(account: Account, conference: dict[str, Any], receiver: Receiver) -> None:
    path = f"Conferences/{conference['conference_sid']}"
    assert account("POST", path, {"AnnounceUrl": f"{receiver.origin}/gong"})[0] == 200
    eventually(lambda: [hook for hook in receiver.hooks if hook.path == "/gong"])
    assert refusal(account("POST", path, {})) == (422, "10004", "/Status")
    assert refusal(account("POST", path, {"Status": "init"})) == (422, "10032", "/Status")


def test_one_for_whom_nobody_comes_ends(account: Account) -> None:
    made = account.participant("daily", "+13125550002")
    account.http.end(made["call_sid"])
    assert account("GET", f"Conferences/{made['conference_sid']}")[1]["status"] == "completed"
