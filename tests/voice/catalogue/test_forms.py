"""Forms of actions: every parameter has its field, what people write becomes what Telnyx takes."""

import json
import re
import uuid
from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.call_pages import drawn, page
from tests.support.conferences import make_room
from tests.support.factories import make_call
from tests.support.rows import CallCommand
from tests.support.sdk_actions import METHODS
from voice.catalogue import actions, texml_operations
from voice.catalogue.forms import ActionForm

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", [*METHODS, *texml_operations.COMMANDS])
def test_an_action_has_a_form_with_every_parameter(name: str) -> None:
    form = ActionForm(name)
    assert {field.name for field in [*form.first, *form.more]} == {one.name for one in actions.parameters(name)}


@pytest.mark.parametrize(
    ("action", "name", "label"),
    [
        ("transfer", "timeout_secs", "Timeout secs"),
        ("texml.calls.record", "RecordingStatusCallback", "Recording status callback"),
        ("texml.ai_calls.create", "AIAssistantId", "AI assistant id"),
        ("texml.calls.start_stream", "Url", "Url"),
    ],
)
def test_a_parameters_name_is_written_as_words(action: str, name: str, label: str) -> None:
    assert ActionForm(action)[name].label == label


def test_a_form_takes_what_people_write_and_sends_wire_names(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "transfer")
    written = {"to": "+1 (312) 555-0001", "timeout_secs": "20", "mute_dtmf": "self", "early_media": "false"}
    assert browser.post(url, drawn(browser, url) | written).status_code == 302
    sent = {"to": "+13125550001", "timeout_secs": 20, "mute_dtmf": "self", "early_media": False}
    assert CallCommand.objects.get().parameters == sent


def test_what_is_wrong_stands_on_its_field_and_the_input_stays(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "transfer")
    answer = browser.post(url, drawn(browser, url) | {"to": "ada", "custom_headers": "{", "timeout_secs": "soon"})
    assert set(answer.context["form"].errors) == {"to", "custom_headers", "timeout_secs"}
    assert b'value="ada"' in answer.content
    assert not CallCommand.objects.exists()


def test_a_field_says_what_telnyx_documents_of_it_first() -> None:
    fields = (
        ActionForm("transfer").fields
        | ActionForm("start_forking").fields
        | ActionForm("pay").fields
        | ActionForm("dial").fields
    )
    assert fields["from"].help_text.startswith("The <code>from</code> number to be used as the caller id")
    assert "target, &lt;udp:ip_address:port&gt;, where" in fields["rx"].help_text  # else no browser shows it
    assert fields["valid_card_types"].help_text.endswith("listed card types. One a line.")
    assert "(e.g. alternate providers/gateways)" in fields["retry_on_timeout"].help_text


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("dial", ["connection_id", "from", "to", "timeout_secs", "answering_machine_detection", "client_state"]),
        ("hangup", []),
        ("reject", ["cause"]),
        ("speak", ["payload", "voice", "language"]),
        ("gather_using_speak", ["payload", "voice", "language", "maximum_digits", "valid_digits"]),
        ("gather", ["maximum_digits", "timeout_millis", "valid_digits"]),
        ("start_playback", ["audio_url", "loop"]),
        ("send_dtmf", ["digits"]),
        ("transfer", ["to", "from", "timeout_secs"]),
        ("bridge", ["call_control_id"]),
        ("texml.calls.create", ["From", "To", "Texml", "Url"]),
        ("texml.ai_calls.create", ["AIAssistantId", "From", "To"]),
        ("texml.calls.redirect", ["Texml", "Url"]),
        ("texml.calls.record", ["RecordingChannels", "PlayBeep"]),
        ("texml.calls.update_recording", ["Status"]),
        ("texml.calls.start_siprec", ["ConnectorName", "Name", "Track"]),
        ("texml.calls.start_stream", ["Url", "Name", "Track"]),
        ("texml.conferences.announce", ["AnnounceUrl"]),
        ("texml.participants.dial", ["ApplicationSid", "From", "To", "Label"]),
        ("texml.participants.update", ["Muted", "Hold"]),
        ("texml.participants.announce", ["AnnounceUrl"]),
        ("texml.queues.create", ["FriendlyName", "MaxSize"]),
        ("texml.queues.update", ["MaxSize"]),
    ],
)
def test_what_people_reach_for_stands_first(action: str, names: list[str]) -> None:
    assert [field.name for field in ActionForm(action).first] == names


@pytest.mark.parametrize(
    ("action", "initial"),
    [
        ("speak", {"voice": "female", "language": "en-US"}),
        ("gather_using_speak", {"voice": "female", "language": "en-US"}),
        ("transfer", {}),
    ],
)
def test_a_voice_is_proposed_where_something_is_said(
    browser: Client, account: TelnyxAccount, action: str, initial: dict[str, str]
) -> None:
    proposed = drawn(browser, page(make_call(account), "do", action))
    assert {name: value for name, value in proposed.items() if name != "intent"} == initial


def test_more_is_open_where_one_of_its_fields_is_wrong(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "transfer")

    def looks(**written: str) -> list[str]:
        answer = browser.post(url, drawn(browser, url) | written).content.decode()
        return re.findall(r"<details( open)?><summary>More \(\d+\)", answer)

    assert looks(to="ada") == [""]
    assert looks(to="+13125550001", custom_headers="{") == [" open"]


@pytest.mark.parametrize(
    ("action", "written", "sent"),
    [
        ("pay", {"postal_code": "90210"}, {"postal_code": "90210"}),  # a text or true, and no number
        ("pay", {"postal_code": "true", "amount": "1.50"}, {"postal_code": "true", "amount": 1.5}),
        ("start_playback", {"loop": "3"}, {"loop": 3}),
        ("start_playback", {"loop": "infinity"}, {"loop": "infinity"}),
        ("speak", {"payload": "12", "voice": "female"}, {"payload": "12", "voice": "female", "language": "en-US"}),
        ("transfer", {"to": " sip:ada@a.example ", "early_media": ""}, {"to": "sip:ada@a.example"}),
        ("transfer", {"to": "+13125550001", "custom_headers": " [] "}, {"to": "+13125550001", "custom_headers": []}),
    ],
)
def test_what_is_typed_becomes_what_the_parameter_takes(
    browser: Client, account: TelnyxAccount, action: str, written: dict[str, str], sent: dict[str, Any]
) -> None:
    url = page(make_call(account), "do", action)
    answer = browser.post(url, drawn(browser, url) | written)
    assert answer.status_code == 302, answer.context["form"].errors
    assert CallCommand.objects.get().parameters == sent


def test_a_list_of_texts_may_stand_one_a_line(browser: Client, account: TelnyxAccount) -> None:
    url = f"/admin/voice/conference/{make_room(account).pk}/do/conferences.hold/"
    for written in ("v3:a-leg\n\n v3:b-leg ", '["v3:a-leg", "v3:b-leg"]'):
        assert browser.post(url, drawn(browser, url) | {"call_control_ids": written}).status_code == 302
    assert [one.parameters for one in CallCommand.objects.all()] == [
        {"call_control_ids": ["v3:a-leg", "v3:b-leg"]},
        {"call_control_ids": ["v3:a-leg", "v3:b-leg"]},
    ]


@pytest.mark.parametrize(
    ("action", "name"),
    [
        *(("transfer", "to"), ("transfer", "from"), ("dial", "from"), ("dial", "to")),
        *(("texml.calls.dial", "To"), ("texml.calls.dial", "From")),
    ],
)
def test_a_number_that_cannot_be_one_is_told_at_its_field(action: str, name: str) -> None:
    forms = [ActionForm(action, {"intent": str(uuid.uuid4()), name: typed}) for typed in ("ada", "+1 (312) 555-0001")]
    assert [name in form.errors for form in forms] == [True, False]
    assert forms[1].cleaned_data[name] == "+13125550001"


def test_a_page_that_comes_back_shows_no_password(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "transfer")
    typed = {"to": "sip:a@b.example", "timeout_secs": "soon"}
    typed |= {"sip_auth_username": "grace", "sip_auth_password": "correct-horse"}
    answer = browser.post(url, drawn(browser, url) | typed)
    assert set(answer.context["form"].errors) == {"timeout_secs"}
    assert ("grace" in answer.content.decode(), "correct-horse" in answer.content.decode()) == (True, False)


@pytest.mark.parametrize(
    ("action", "name", "typed", "taken"),
    [
        ("dial", "to", '["+13125550001", "+13125550002"]', ["+13125550001", "+13125550002"]),
        ("start_playback", "loop", "999999999", 999999999),
        ("start_playback", "loop", "1234567890", "1234567890"),  # no count of anything
    ],
)
def test_a_text_is_read_as_json_or_as_a_number_where_it_is_one(action: str, name: str, typed: str, taken: Any) -> None:
    form = ActionForm(action, {"intent": str(uuid.uuid4()), name: typed})
    assert name not in form.errors
    assert form.values()[name] == taken


def test_what_begins_like_json_and_is_none_is_told_so() -> None:
    form = ActionForm("dial", {"intent": str(uuid.uuid4()), "to": '["+13125550001"'})
    assert "This is not JSON" in form.errors["to"][0]


def test_the_page_knows_what_the_members_of_a_list_are_and_texts_stand_one_a_line() -> None:
    told = json.loads(ActionForm("transfer").fields["custom_headers"].widget.attrs["data-schema"])
    assert {one["name"] for one in told["item"]["fields"]} == {"name", "value"}
    assert "data-schema" not in ActionForm("conferences.hold").fields["call_control_ids"].widget.attrs


def test_what_is_no_text_stands_in_its_field_as_json_that_people_can_read() -> None:
    given = [{"name": "X-Größe", "value": "1"}]
    form = ActionForm("transfer", initial={"custom_headers": given, "to": "+13125550001"})
    assert form["custom_headers"].value() == json.dumps(given, ensure_ascii=False, indent=2)
    assert (form["to"].value(), form["from"].value()) == ("+13125550001", None)


def test_a_line_of_spaces_is_no_text_of_a_list() -> None:
    form = ActionForm("conferences.hold", {"intent": str(uuid.uuid4()), "call_control_ids": "v3:a\n   \n v3:b"})
    assert "call_control_ids" not in form.errors
    assert form.values()["call_control_ids"] == ["v3:a", "v3:b"]


def test_what_begins_like_an_object_and_is_none_is_told_so() -> None:
    form = ActionForm("dial", {"intent": str(uuid.uuid4()), "to": '{"number": "+13125550001"'})
    assert "This is not JSON" in form.errors["to"][0]


@pytest.mark.parametrize(
    ("typed", "sent"), [("true", {"early_media": True}), ("false", {"early_media": False}), ("", {})]
)
def test_yes_no_and_not_said_are_three_things(typed: str, sent: dict[str, bool]) -> None:
    form = ActionForm("transfer", {"intent": str(uuid.uuid4()), "to": "+13125550001", "early_media": typed})
    assert form.is_valid(), form.errors
    assert form.values() == {"to": "+13125550001"} | sent


def test_what_is_said_has_a_field_of_several_lines() -> None:
    form = ActionForm("gather_using_speak")
    rows = {name: form.fields[name].widget.attrs.get("rows") for name in ("payload", "invalid_payload", "language")}
    assert rows == {"payload": 3, "invalid_payload": 3, "language": None}


def test_only_a_list_of_any_texts_stands_one_a_line() -> None:
    headers, cards = ActionForm("transfer").fields["custom_headers"], ActionForm("pay").fields["valid_card_types"]
    assert "One a line." not in headers.help_text
    assert "data-schema" in cards.widget.attrs  # the page offers the cards that there are
