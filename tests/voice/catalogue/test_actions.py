"""Every call action of the SDK is catalogued with its parameters: a new SDK brings its own, and nobody forgets one."""

import inspect

import pytest

from portal.telnyx import schemas
from tests.support.sdk_actions import METHODS
from voice.catalogue import actions, retry_policy, texml_operations

NO_PARAMETERS = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
# Telnyx would carry a repeat of these out: one attempt
NOT_REPEATABLE = {"start_siprec", "switch_supervisor_role", "update_client_state"}


def _arguments(name: str) -> set[str]:
    """The SDK's keyword arguments; the first one without a keyword is the call's id."""
    parameters = inspect.signature(METHODS[name]).parameters.values()
    return {one.name for one in parameters if one.kind is one.KEYWORD_ONLY} - NO_PARAMETERS


def test_every_action_of_the_sdk_is_catalogued() -> None:
    assert {*actions.names(), actions.DIAL} == set(METHODS)
    assert len(METHODS) > 30


@pytest.mark.parametrize("name", METHODS)
def test_an_action_has_every_parameter_of_the_sdk(name: str) -> None:
    known = {parameter.argument for parameter in schemas.parameters(actions.method(name))}
    assert known == _arguments(name)
    assert {parameter.argument for parameter in actions.parameters(name)} == known - {"command_id"}


@pytest.mark.parametrize("name", METHODS)
def test_an_action_is_repeatable_when_the_sdk_takes_a_command_id(name: str) -> None:
    assert retry_policy.takes_command_id(name) == ("command_id" in _arguments(name))


@pytest.mark.parametrize("name", METHODS)
def test_an_action_has_a_permission_a_label_and_a_limit(name: str) -> None:
    assert actions.permission(name) in {"voice.dial", "voice.control_call"}
    assert actions.label(name)
    assert retry_policy.freshness(name).total_seconds() > 0


def test_what_rings_another_number_takes_the_permission_to_dial() -> None:
    costly = {name for name in METHODS if actions.permission(name) == "voice.dial"}
    assert costly == {"dial", "transfer", "refer"}


def test_what_takes_no_command_id_is_known() -> None:
    assert {name for name in METHODS if not retry_policy.takes_command_id(name)} == NOT_REPEATABLE


@pytest.mark.parametrize("name", ["client_state", "target_leg_client_state"])
@pytest.mark.parametrize("state", ["spring", "a", "YWRh!", "YWRh YWRh", "{{x", "{{ call.tags }}"])
def test_a_client_state_that_telnyx_does_not_take_is_told_at_once(name: str, state: str) -> None:
    with pytest.raises(schemas.InvalidParameters) as caught:
        actions.check("transfer", {"to": "+13125550002", name: state})
    assert caught.value.errors == {name: ["Must be base64: Telnyx takes no other client state."]}


@pytest.mark.parametrize("state", ["YWRh", "R3LDvMOfZQ==", ""])
def test_a_client_state_in_base64_is_taken(state: str) -> None:
    assert actions.check("hangup", {"client_state": state}) == {"client_state": state}


@pytest.mark.parametrize("name", ["..", ".", "EU/West", "/"])
@pytest.mark.parametrize(
    ("action", "parameter", "rest"),
    [
        ("queues.create", "queue_name", {}),
        ("enqueue", "queue_name", {}),
        ("texml.queues.create", "FriendlyName", {}),
    ],
)
def test_a_queue_that_no_address_could_name_is_not_made(action: str, parameter: str, rest: dict, name: str) -> None:
    with pytest.raises(schemas.InvalidParameters) as caught:
        actions.check(action, {parameter: name, **rest})
    assert list(caught.value.errors) == [parameter]
    assert actions.check(action, {parameter: "EU.West", **rest}) == {parameter: "EU.West", **rest}


@pytest.mark.parametrize(
    "name", ["record", "stream_url", "enable_dialogflow", "conversation_relay_config", "Record", "ConferenceRecord"]
)
def test_what_is_said_not_to_be_recorded_is_not(name: str) -> None:
    for off in (None, False, "", "false", "do-not-record"):
        assert not actions.is_listening("answer", {name: off})
    for on in (True, "true", "record-from-answer", {"url": "wss://a.example"}, "{{ call.tags }}"):
        assert actions.is_listening("answer", {name: on})


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Answer & end", ["answer", "hangup", "reject"]),
        ("AI", ["gather_using_ai", "start_ai_assistant", "start_conversation_relay"]),
        ("Queue", ["enqueue", "leave_queue"]),
        ("SIP", ["refer", "send_sip_info"]),
        ("Record", ["pause_recording", "start_recording"]),
        ("Stream & fork", ["start_streaming", "stop_forking", "start_siprec", "start_noise_suppression"]),
        ("Transcribe", ["start_transcription"]),
        ("Gather", ["gather", "gather_using_speak", "stop_gather"]),
        ("Speak & play", ["speak", "start_playback", "send_dtmf"]),
        ("Connect", ["transfer", "bridge", "dial", "switch_supervisor_role"]),
        ("Other", ["pay", "update_client_state"]),
    ],
)
def test_an_action_stands_where_people_look_for_it(title: str, names: list[str]) -> None:
    assert {actions.group(name) for name in names} == {title}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("gather", "Gather digits"),
        ("gather_using_speak", "Ask and gather digits"),
        ("send_dtmf", "Send DTMF"),
        ("start_playback", "Start playback"),
        ("conferences.create", "Create conference"),
        ("conferences.end_conference", "End conference"),
        ("conferences.record_start", "Conference: record start"),
        ("conferences.update", "Conference: set supervisor role"),
        ("conferences.send_dtmf", "Conference: send DTMF"),
        ("conferences.gather_dtmf_audio", "Conference: play audio and gather digits"),
        ("queues.create", "Create queue"),
        ("queues.update", "Change queue"),
        ("queues.delete", "Delete queue"),
        ("queues.calls.remove", "Remove from queue"),
        ("queues.calls.update", "Keep in queue after hang-up"),
        ("recordings.delete", "Delete recording"),
        ("texml.queues.update", "TeXML: change queue"),
    ],
)
def test_an_action_is_called_as_people_call_it(action: str, words: str) -> None:
    assert actions.label(action) == words


def test_what_costs_money_deletes_or_is_kept_takes_a_permission_of_its_own() -> None:
    dials = {"texml.calls.dial", "texml.calls.create", "texml.ai_calls.create", "texml.participants.dial"}
    others = {"queues.create", "queues.calls.remove", "recordings.delete", "conferences.update_participant"}
    asked: dict[str, set[str]] = {}
    for action in (*texml_operations.COMMANDS, *actions.conference_names(), *others):
        asked.setdefault(actions.permission(action), set()).add(action)
    assert asked.pop("voice.control_call") >= {"texml.calls.hang_up", "conferences.join", "queues.calls.remove"}
    assert asked == {
        "voice.dial": dials,
        "voice.delete_recording": {"recordings.delete", "texml.recordings.delete", "texml.transcriptions.delete"},
        "applications.change_texmlapplication": {"texml.secrets.save"},
    }
    assert {*dials, "dial"} == actions.NEW_CALLS


@pytest.mark.parametrize(
    ("action", "rest", "names"),
    [("dial", {"connection_id": "77"}, ("from", "to")), ("texml.calls.dial", {}, ("From", "To"))],
)
def test_numbers_are_kept_in_one_form(action: str, rest: dict[str, str], names: tuple[str, str]) -> None:
    told = actions.check(action, rest | dict.fromkeys(names, "+1 (312) 555-0001"))
    assert told == rest | dict.fromkeys(names, "+13125550001")


@pytest.mark.parametrize(
    ("document", "is_heard"),
    [
        ("<Response><Record/></Response>", True),
        ("<Response><Say>Hello</Say></Response>", False),
        ("<Response>", True),  # nobody knows
        ("", False),
    ],
)
def test_who_hears_a_call_is_told_by_its_document(document: str, is_heard: bool) -> None:
    assert actions.is_listening("texml.calls.redirect", {"Texml": document}) is is_heard


def test_actions_stand_under_their_headings_in_the_order_in_which_people_look_for_them() -> None:
    told = actions.grouped()
    assert [title for title, _ in told] == [
        *("Answer & end", "Connect", "Speak & play", "Gather", "Record", "Stream & fork", "Transcribe", "AI"),
        *("Queue", "SIP", "Other"),
    ]
    assert sorted(name for _, members in told for name in members) == sorted(actions.names())
    assert actions.grouped(["refer", "hangup", "answer"]) == [
        ("Answer & end", ["hangup", "answer"]),
        ("SIP", ["refer"]),
    ]


def test_each_number_of_a_list_is_kept_in_one_form() -> None:
    asked = {"connection_id": "77", "from": "+13125550100", "to": ["+1 (312) 555-0001", "sip:ada@a.example"]}
    assert actions.check("dial", asked) == asked | {"to": ["+13125550001", "sip:ada@a.example"]}
