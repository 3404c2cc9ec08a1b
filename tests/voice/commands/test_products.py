"""Which of Telnyx's products runs a leg: told by its application, its dial or its progress; and what that forbids."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve
from rest_framework.test import APIClient

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event, run_owed
from tests.support.rest import CALLS, api_for, problem, send
from tests.support.rows import Call, CallCommand
from tests.support.texml import form
from tests.support.webhooks import post_texml
from voice.catalogue import actions
from voice.commands import outbox, products

pytestmark = pytest.mark.django_db
DIAL = {"to": "+13125550001", "from": "+13125550100", "connection_id": CONNECTION}
Tell = Callable[[TelnyxAccount], None]


def call_control(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="router")


def texml(account: TelnyxAccount) -> None:
    TexmlApplication.objects.create(account=account, telnyx_id=CONNECTION, friendly_name="ivr")


def of_another(account: TelnyxAccount) -> None:
    texml(make_account("other"))


def beside(account: TelnyxAccount) -> None:
    TexmlApplication.objects.create(account=account, telnyx_id="another", friendly_name="menu")


def commanded(account: TelnyxAccount) -> None:
    outbox.place(account, "texml.calls.hang_up", {"Status": "completed"}, PORTAL, path=["v3:a-leg"])


def dialled(account: TelnyxAccount) -> None:
    _made_it(outbox.dial(account, DIAL, PORTAL))


def _made_it(command: CallCommand) -> None:
    call = Call.objects.get()
    CallCommand.objects.filter(pk=command.pk).update(call=call, status="ok")


def progress(account: TelnyxAccount) -> None:
    tell(account, make_event("call.answered"))


def callback(**fields: str) -> Tell:
    def come(account: TelnyxAccount) -> None:
        assert post_texml(Client(), account, form(CallSid="v3:a-leg", **fields)).status_code == 200
        run_owed()

    return come


progress_of_texml = callback(CallStatus="ringing", CallbackSource="call-progress-events", SequenceNumber="1")
conference_of_texml = callback(ConferenceSid="room-1", StatusCallbackEvent="participant-join", SequenceNumber="1")


@pytest.mark.parametrize(
    ("told", "product"),
    [
        ([], None),
        ([texml], "texml"),
        ([call_control], "call_control"),
        ([of_another], None),
        ([beside], None),
        ([beside, call_control], "call_control"),
        ([commanded], None),
        ([texml, call_control], None),
        ([dialled], "call_control"),
        ([progress_of_texml], "texml"),
        ([progress], "call_control"),
        ([progress, progress_of_texml], "texml"),
        ([conference_of_texml], None),
        ([texml, dialled, progress], "texml"),
        ([call_control, conference_of_texml, progress_of_texml], "call_control"),
        ([texml, call_control, dialled, progress_of_texml], "texml"),
    ],
)
def test_what_speaks_for_one_product_alone_tells_it(
    api: APIClient, account: TelnyxAccount, told: list[Tell], product: str | None
) -> None:
    call = make_call(account)
    for one in told:
        one(account)
    body = api.get(f"{CALLS}{call.call_control_id}/?account=main").json()
    assert body["product"] == product
    session = api.get(f"/api/v1/sessions/{call.call_session_id}/?account=main").json()["calls"]
    of_list = api.get(CALLS, {"account": account.name}).json()["results"]
    assert [row["product"] for row in (*session, *of_list) if row["account"] == account.name] == [product] * 2
    assert products.product_of(Call.objects.get()) == (product or "")


@pytest.mark.parametrize("tell_it", [call_control, beside], ids=["known", "unknown"])
def test_a_row_is_asked_about_once(account: TelnyxAccount, django_assert_num_queries: Any, tell_it: Tell) -> None:
    tell_it(account)
    call = make_call(account)
    told = products.product_of(call)
    with django_assert_num_queries(0):
        assert products.product_of(call) == told


def test_the_schema_names_the_products(api: APIClient) -> None:
    schemas = api.get("/api/schema/?format=json").json()["components"]["schemas"]
    refs = [one["$ref"].rpartition("/")[2] for one in schemas["Call"]["properties"]["product"]["oneOf"]]
    assert [schemas[ref].get("enum") or schemas[ref]["type"] for ref in refs] == [["call_control", "texml"], "null"]
    assert "product" in schemas["Call"]["required"]


@pytest.mark.parametrize("action", actions.names())
def test_no_action_of_call_control_is_made_on_a_texml_leg(api: APIClient, account: TelnyxAccount, action: str) -> None:
    texml(account)
    call = make_call(account)
    (words,) = problem(send(api, f"{CALLS}{call.call_control_id}/actions/{action}/?account=main"), 400)["errors"][
        "call_control_id"
    ]
    assert "This is a TeXML call" in words
    assert not CallCommand.objects.exists()
    verb, _, path = words.rpartition(": ")[2].partition(" ")
    for name in ("call_sid", "recording_sid", "streaming_sid", "siprec_sid"):
        path = path.replace(f"{{{name}}}", "v3:a")
    assert verb.lower() in resolve(path).func.actions  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("action", "instead"),
    [
        ("hangup", "TeXML: hang up"),
        ("start_recording", "TeXML: start recording"),
        ("pause_recording", "TeXML: pause, resume or stop a recording"),
        ("start_streaming", "TeXML: start streaming"),
        ("stop_siprec", "TeXML: stop SIPREC"),
        ("speak", "TeXML: other instructions"),
    ],
)
def test_the_refusal_names_what_to_use_instead(
    account: TelnyxAccount, api: APIClient, action: str, instead: str
) -> None:
    texml(account)
    url = f"{CALLS}{make_call(account).call_control_id}/actions/{action}/?account=main"
    assert f"“{instead}”" in problem(send(api, url), 400)["errors"]["call_control_id"][0]


@pytest.mark.parametrize(
    ("action", "instead", "verb", "path"),
    [
        *((action, "TeXML: hang up", "PATCH", "") for action in ("hangup", "reject")),
        ("start_recording", "TeXML: start recording", "POST", "recordings/"),
        *(
            (f"{word}_recording", "TeXML: pause, resume or stop a recording", "PATCH", "recordings/{recording_sid}/")
            for word in ("pause", "resume", "stop")
        ),
        ("start_streaming", "TeXML: start streaming", "POST", "streams/"),
        ("stop_streaming", "TeXML: stop streaming", "PATCH", "streams/{streaming_sid}/"),
        ("start_siprec", "TeXML: start SIPREC", "POST", "siprec/"),
        ("stop_siprec", "TeXML: stop SIPREC", "PATCH", "siprec/{siprec_sid}/"),
        ("speak", "TeXML: other instructions", "PATCH", ""),
    ],
)
def test_the_refusal_tells_the_address_of_what_to_use_instead(
    account: TelnyxAccount, api: APIClient, action: str, instead: str, verb: str, path: str
) -> None:
    texml(account)
    url = f"{CALLS}{make_call(account).call_control_id}/actions/{action}/?account=main"
    (words,) = problem(send(api, url), 400)["errors"]["call_control_id"]
    assert words.endswith(f"Use “{instead}”: {verb} /api/v1/texml/calls/{{call_sid}}/{path}")


@pytest.mark.parametrize("told", [call_control, None])
def test_on_any_other_leg_telnyx_judges(api: APIClient, account: TelnyxAccount, told: Tell | None) -> None:
    if told:
        told(account)
    assert send(api, f"{CALLS}{make_call(account).call_control_id}/actions/hangup/?account=main").status_code == 202


def test_who_may_not_act_is_told_that_first(account: TelnyxAccount, user_with: Any) -> None:
    texml(account)
    url = f"{CALLS}{make_call(account).call_control_id}/actions/hangup/?account=main"
    problem(send(api_for(user_with("voice.view_call")), url), 403)


def test_a_page_of_calls_costs_no_more_statements(account: TelnyxAccount, django_assert_num_queries: Any) -> None:
    for leg in "abc":
        make_call(account, leg)
    with django_assert_num_queries(1):
        assert {call.product for call in products.with_product(Call.objects.all())} == {""}
