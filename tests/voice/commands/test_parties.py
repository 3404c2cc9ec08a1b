"""Lists of events and commands tell with which number they have to do, and in which application."""

from typing import Any

from django.test import Client

from applications.models import CallControlApplication
from portal.actors import PORTAL
from tests.support.factories import CONNECTION, make_call, make_event, run_owed
from tests.support.webhooks import post_webhook
from voice.commands import outbox
from voice.commands.parties import connection_of, number_of
from voice.models import Call, CallCommand, CallEvent, Conference


def test_the_other_party_is_who_it_is_about(account: Any) -> None:
    for direction, expected in (("incoming", "+13125550001"), ("outgoing", "+13125550002"), ("", "+13125550001")):
        call = Call(direction=direction, from_number="+13125550001", to_number="+13125550002", connection_id="7")
        event, command = CallEvent(call=call), CallCommand(call=call, parameters={})
        assert [number_of(event), number_of(command)] == [expected, expected]
        assert [connection_of(event), connection_of(command)] == ["7", "7"]
    assert [number_of(CallEvent()), connection_of(CallEvent())] == ["", ""]
    dialled = CallCommand(parameters={"to": "+13125550003", "connection_id": "8"})
    assert [number_of(dialled), connection_of(dialled)] == ["+13125550003", "8"]
    for parameters in ({"To": "+13125550003"}, {"to": ["+13125550003", "+13125550004"]}):
        assert number_of(CallCommand(parameters=parameters)) == "+13125550003"
    assert number_of(CallCommand(parameters={"to": []})) == ""


def test_a_command_of_a_conference_is_of_its_application_and_one_of_nothing_of_none() -> None:
    of_conference = CallCommand(action="conferences.play", conference=Conference(connection_id="9"), parameters={})
    assert [connection_of(of_conference), connection_of(CallCommand(parameters={}))] == ["9", ""]


def test_lists_name_number_and_application_and_mask_for_most(
    browser: Client, client: Client, account: Any, user_with: Any
) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="Front desk")
    post_webhook(Client(), account, make_event(**{"from": "+13125550001"}))
    run_owed()
    outbox.act(Call.objects.get(account=account), "hangup", {}, PORTAL)
    other = Client()
    other.force_login(user_with("Support", username="looks"))
    for path in ("/admin/voice/callevent/", "/admin/voice/callcommand/"):
        page = browser.get(path).content.decode()
        assert "+1 312-555-0001" in page
        assert "Front desk" in page
        page = other.get(path).content.decode()
        assert "+1312•••0001" in page
        assert "312-555" not in page


def test_a_list_asks_no_more_for_more_rows(browser: Client, account: Any, django_assert_max_num_queries: Any) -> None:
    for at in range(12):
        outbox.act(make_call(account, f"leg-{at}"), "hangup", {}, PORTAL)
    with django_assert_max_num_queries(30):
        browser.get("/admin/voice/callcommand/")
