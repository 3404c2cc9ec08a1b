"""What the SDK's types cannot say of TeXML's commands, and what they do say, by the names of the wire."""

from typing import Any

import pytest

from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions, retry_policy, texml_operations
from voice.catalogue.retry_policy import RetryClass

TO = {"To": "+13125550001"}


def refused(action: str, values: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidParameters) as caught:
        actions.check(action, values)
    return caught.value.errors


@pytest.mark.parametrize(
    ("action", "values", "field"),
    [
        ("texml.calls.dial", {"From": "+13125550100"}, "To"),
        ("texml.calls.dial", TO | {"Url": "https://example.com/a", "Texml": "<Response/>"}, "Texml"),
        ("texml.calls.create", TO | {"From": "+1", "Url": "https://a.example", "Texml": "<Response/>"}, "Texml"),
        ("texml.calls.create", {"From": "+13125550100"}, "To"),
        ("texml.participants.dial", {"From": "+13125550100"}, "To"),
        ("texml.calls.hang_up", {"Status": "over"}, "Status"),
        ("texml.calls.hang_up", {"Status": "completed", "Url": "https://example.com/a"}, "Url"),
        ("texml.calls.redirect", {}, "Status"),
        ("texml.calls.redirect", {"StatusCallback": "https://example.com/a"}, "Status"),
        ("texml.calls.redirect", {"Url": "https://example.com/a", "Texml": "<Response/>"}, "Texml"),
        ("texml.calls.update_recording", {}, "Status"),
        ("texml.calls.update_recording", {"Status": "completed"}, "Status"),
        ("texml.calls.stop_siprec", {}, "Status"),
        ("texml.calls.stop_stream", {"Status": "in-progress"}, "Status"),
        ("texml.conferences.end", {"Status": "completed", "AnnounceUrl": "https://example.com/a"}, "AnnounceUrl"),
        ("texml.conferences.announce", {"AnnounceMethod": "GET"}, "Status"),
        ("texml.participants.update", {}, "AnnounceMethod"),
        ("texml.participants.update", {"Coaching": True}, "CallSidToCoach"),
        ("texml.participants.announce", {"Coaching": True}, "CallSidToCoach"),
        ("texml.participants.dial", TO | {"From": "+13125550100", "Coaching": True}, "CallSidToCoach"),
        ("texml.calls.dial", TO | {"Texml": "<Response>"}, "Texml"),
        ("texml.calls.create", TO | {"From": "+13125550100", "Texml": "<Response>"}, "Texml"),
        ("texml.calls.redirect", {"Texml": "<Response>"}, "Texml"),
        ("texml.conferences.end", {"Status": "over"}, "Status"),
        ("texml.conferences.end", {"Status": "completed", "AnnounceMethod": "GET"}, "AnnounceMethod"),
        ("texml.calls.hang_up", {"Status": "completed", "Texml": "<Response/>"}, "Texml"),
        ("texml.queues.update", {}, "MaxSize"),
        ("texml.calls.record", {"account_sid": "org-2"}, "account_sid"),
        ("texml.calls.update_recording", {"Status": "paused", "call_sid": "v3:b"}, "call_sid"),
    ],
)
def test_what_does_not_go_together_is_refused_by_name(action: str, values: dict[str, Any], field: str) -> None:
    assert list(refused(action, values)) == [field]


def test_names_are_those_of_the_wire_and_the_nearest_is_named() -> None:
    errors = refused("texml.calls.dial", TO | {"from_": "+13125550100", "application_sid": "1"})
    assert errors["from_"] == ['Unknown parameter. Did you mean "From"?']
    assert "Unknown parameter." in errors["application_sid"][0]


@pytest.mark.parametrize(
    ("action", "words"),
    [("texml.calls.dial", "'mono' or 'dual'"), ("texml.calls.record", "'single' or 'dual'")],
)
def test_channels_are_called_otherwise_in_a_dial_than_in_a_recording(action: str, words: str) -> None:
    beside = TO if action == "texml.calls.dial" else {}
    assert actions.check(action, beside | {"RecordingChannels": "dual"})
    assert refused(action, beside | {"RecordingChannels": "stereo"}) == {"RecordingChannels": [f"Must be {words}."]}


def test_an_assistants_call_takes_no_document() -> None:
    values = TO | {"From": "+13125550100", "AIAssistantId": "assistant-1", "Texml": "<Response/>"}
    assert "Unknown parameter." in refused("texml.ai_calls.create", values)["Texml"][0]


def test_what_sets_a_state_may_follow_itself_and_nothing_else_may() -> None:
    for action in texml_operations.COMMANDS:
        sets = action in texml_operations.SET_STATE
        assert retry_policy.retry_class(action) is (RetryClass.SET_STATE if sets else RetryClass.TEXML)
        assert retry_policy.is_sent_once(action) is not sets
        assert not retry_policy.takes_command_id(action)
    once = {"texml.calls.redirect", "texml.participants.announce", "texml.conferences.announce", "texml.calls.record"}
    assert not once & texml_operations.SET_STATE


def test_a_dial_is_begun_soon_and_a_hang_up_keeps() -> None:
    assert {retry_policy.freshness(one).seconds for one in texml_operations.DIALS} == {20}
    assert retry_policy.freshness("texml.calls.hang_up").seconds == 300


def test_every_command_has_a_label_and_a_place_at_telnyx() -> None:
    assert texml_operations.LABELS.keys() == texml_operations.COMMANDS.keys()
    assert actions.label("texml.calls.redirect") == "TeXML: other instructions"
    assert texml_operations.address("texml.calls.stop_siprec", ["v3:a", "s"]) == {"call_sid": "v3:a", "siprec_sid": "s"}
    assert texml_operations.application_of("texml.calls.create", ["app-1"], {}) == "app-1"
    assert texml_operations.application_of("texml.calls.dial", [], {"ApplicationSid": "app-2"}) == "app-2"


def test_days_take_inequalities_and_paging_is_not_a_filter() -> None:
    assert {"DateCreated", "DateCreated>", "DateCreated<"} <= set(texml_operations.filters("texml.recordings.list"))
    assert {"DateUpdated", "DateUpdated>", "DateUpdated<"} <= set(texml_operations.filters("texml.queues.list"))
    assert {"StartTime", "StartTime>", "EndTime<", "To"} <= set(texml_operations.filters("texml.calls.list"))
    assert not {"Page", "PageSize", "PageToken", "account_sid"} & set(texml_operations.filters("texml.queues.list"))


@pytest.mark.parametrize(
    ("action", "path", "names"),
    [
        ("texml.calls.hang_up", [], ["call_sid"]),
        ("texml.calls.hang_up", [""], ["call_sid"]),
        ("texml.calls.hang_up", ["v3:a", "v3:b"], ["path"]),
        ("texml.calls.stop_siprec", ["v3:a"], ["siprec_sid"]),
        ("texml.calls.stop_siprec", ["", "sip-1"], ["call_sid"]),
        ("texml.calls.stop_siprec", [], ["call_sid", "siprec_sid"]),
        ("texml.queues.create", ["support"], ["path"]),
    ],
)
def test_an_address_has_each_of_its_ids_and_no_more(action: str, path: list[str], names: list[str]) -> None:
    with pytest.raises(InvalidParameters) as caught:
        texml_operations.check_address(action, path)
    ids = " and ".join(texml_operations.COMMANDS[action].ids) or "no id"
    assert caught.value.errors == {name: [f"The address of {action} takes {ids}."] for name in names}
    whole = ["x"] * len(texml_operations.COMMANDS[action].ids)
    texml_operations.check_address(action, whole)


def test_an_address_names_its_call_and_a_dial_its_application() -> None:
    assert texml_operations.call_sid("texml.calls.stop_siprec", ["v3:a", "s"]) == "v3:a"
    assert texml_operations.call_sid("texml.participants.remove", ["room", "v3:b"]) == "v3:b"
    assert texml_operations.call_sid("texml.queues.delete", ["support"]) == ""
    assert texml_operations.application_of("texml.calls.create", ["app-1"], {"ApplicationSid": "app-2"}) == "app-1"
    assert texml_operations.application_of("texml.calls.dial", [], {}) == ""


URL: dict[str, Any] = {"Url": "https://example.com/a"}
DOCUMENT: dict[str, Any] = {"Texml": "<Response/>"}
ANNOUNCED: dict[str, Any] = {"AnnounceUrl": "https://example.com/a"}
COACHED: dict[str, Any] = {"Coaching": True, "CallSidToCoach": "v3:b"}
NUMBERS: dict[str, Any] = TO | {"From": "+13125550100"}


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("texml.calls.dial", TO),
        ("texml.calls.dial", TO | URL),
        ("texml.calls.dial", TO | DOCUMENT),
        ("texml.calls.create", NUMBERS),
        ("texml.calls.create", NUMBERS | URL),
        ("texml.calls.create", NUMBERS | DOCUMENT),
        ("texml.calls.redirect", URL),
        ("texml.calls.redirect", DOCUMENT),
        ("texml.calls.redirect", {"Status": "completed"}),
        ("texml.calls.hang_up", {"Status": "completed"}),
        ("texml.calls.update_recording", {"Status": "paused"}),
        ("texml.conferences.end", {"Status": "completed"}),
        ("texml.conferences.announce", {"Status": "completed"}),
        ("texml.conferences.announce", ANNOUNCED),
        ("texml.participants.dial", NUMBERS),
        ("texml.participants.dial", NUMBERS | {"Coaching": False}),
        ("texml.participants.dial", NUMBERS | COACHED),
        ("texml.participants.update", {"Muted": True}),
        ("texml.participants.update", {"Coaching": False}),
        ("texml.participants.update", COACHED),
        ("texml.participants.announce", ANNOUNCED),
        ("texml.participants.announce", ANNOUNCED | COACHED),
        ("texml.queues.update", {"MaxSize": 5}),
    ],
)
def test_what_goes_together_is_taken_as_it_is(action: str, values: dict[str, Any]) -> None:
    assert actions.check(action, values) == values
