"""Forms of actions: every parameter has its field, what people write becomes what Telnyx takes."""

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.call_pages import drawn, page
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
