"""Whatever happens on the line is found by any id or number, and no search tells a number that is hidden."""

from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEvent
from tests.support.factories import make_call, make_event, make_flow, run_owed
from tests.support.rest import api_for
from tests.support.webhooks import post_webhook
from voice.models import Call, CallCommand, CallEvent, Flow, TexmlDocument

NUMBER = "+13125550001"


@pytest.fixture
def lived(account: Any, client: Client) -> Call:
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]}, name="greeting")
    post_webhook(Client(), account, make_event())
    run_owed()
    return Call.objects.get(account=account)


def test_each_id_leads_to_its_page(browser: Client, lived: Call) -> None:
    event, command = CallEvent.objects.get(account=lived.account), CallCommand.objects.get(account=lived.account)
    flow = Flow.objects.get(account=lived.account)
    for text, address in (
        (str(event.pk), f"/admin/voice/callevent/{event.pk}/change/"),
        (str(command.pk), f"/admin/voice/callcommand/{command.pk}/change/"),
        (str(flow.pk), f"/admin/voice/flow/{flow.pk}/change/"),
        (str(lived.pk), f"/admin/voice/call/{lived.pk}/change/"),
    ):
        assert browser.get("/admin/search/", {"q": text}).headers["Location"] == address, text
    for text, address in (  # of Telnyx's: another account may have the same ones
        (str(event.event_id), f"/admin/voice/callevent/{event.pk}/change/"),
        (lived.call_control_id, f"/admin/voice/call/{lived.pk}/change/"),
        (lived.call_session_id, f"/admin/voice/call/{lived.pk}/change/"),
        ("EETIN", f"/admin/voice/flow/{flow.pk}/change/"),
    ):
        assert address in browser.get("/admin/search/", {"q": text, "part": "1"}).content.decode(), text


@pytest.mark.parametrize("written", ["+13125550001", "+1 312-555-0001", "(312) 555-0001", "0001"])
def test_a_number_is_found_in_any_form(browser: Client, account: Any, written: str) -> None:
    call = make_call(account, "a", from_number=NUMBER)
    page = browser.get("/admin/search/", {"q": written}).content.decode()
    assert f"/admin/voice/call/{call.pk}/change/" in page
    assert "+1 312-555-0001" in page


def test_who_may_not_see_numbers_sees_none_and_is_counted(client: Client, account: Any, user_with: Any) -> None:
    call = make_call(account, "a", from_number=NUMBER)
    client.force_login(user_with("Support"))
    page = client.get("/admin/search/", {"q": "0001"}).content.decode()
    assert f"/admin/voice/call/{call.pk}/change/" in page
    assert "+1312•••0001" in page
    assert "312-555" not in page
    assert "3125550001" not in page
    assert AuditEvent.objects.filter(action="call.search").count() == 1
    refused = client.get("/admin/search/", {"q": "50001"}).content.decode()
    assert "exactly four last digits" in refused
    assert str(call.pk) not in refused


def test_keys_that_are_pressed_are_no_searches_for_a_number(client: Client, account: Any, user_with: Any) -> None:
    call = make_call(account, "a", from_number=NUMBER)
    client.force_login(user_with("Support"))
    page = client.get("/admin/search/", {"q": NUMBER, "part": "1"}).content.decode()
    assert str(call.pk) not in page
    assert "Look for calls with this number" in page
    assert not AuditEvent.objects.filter(action="call.search").exists()


def test_each_source_asks_its_permission(client: Client, lived: Call, user_with: Any) -> None:
    client.force_login(user_with("voice.view_flow"))
    event, command = CallEvent.objects.get(account=lived.account), CallCommand.objects.get(account=lived.account)
    for text in (lived.call_control_id, str(event.event_id), str(command.pk), "0001", lived.from_number):
        page = client.get("/admin/search/", {"q": text})
        assert page.status_code == 200
        for hidden in (lived.pk, event.pk, command.pk):
            assert f"{hidden}/change/" not in page.content.decode(), text


def test_names_of_what_is_set_up_are_shown_everywhere_as_they_are_written(
    client: Client, account: Any, user_with: Any
) -> None:
    name = "Complaint of +13125550177"
    flow, support = make_flow(account, name=name), user_with("Support")
    document = TexmlDocument.objects.create(account=account, name=name)
    client.force_login(support)
    for row in (flow, document):
        listed = f"/admin/voice/{row._meta.model_name}/"
        for address in (listed, f"{listed}{row.pk}/change/", "/admin/search/?q=Complaint"):
            assert name in client.get(address).content.decode(), address
    for listed in ("flows", "texml/documents"):
        assert name in api_for(support).get(f"/api/v1/{listed}/").content.decode()
