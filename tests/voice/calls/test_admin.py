"""The call log in the browser: what is found, shown and hidden."""

import re
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.messages import constants
from django.db import connections
from django.test import Client, RequestFactory

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.call_pages import LOG, page
from tests.support.commands import act
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.limits import limit
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.commands import outbox

pytestmark = pytest.mark.django_db
ON_THE_LINE = {
    *("hangup", "transfer", "bridge", "speak", "gather_using_speak", "gather", "start_playback", "send_dtmf"),
}
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


# --- List ------------------------------------------------------------------------------------------------------------


def test_numbers_in_the_list_are_masked_for_who_may_not_see_them(signed_in: Any, account: TelnyxAccount) -> None:
    make_call(account)
    html = signed_in("voice.view_call").get(LOG).content.decode()
    assert "•••0101" in html
    assert "5550101" not in html
    assert "555-0101" not in html
    full = signed_in("voice.view_call", "voice.view_full_number", username="other")
    assert "555-0101" in full.get(LOG).content.decode()


@pytest.mark.django_db(transaction=True)
def test_somebody_elses_look_at_the_list_unmasks_nothing(
    account: TelnyxAccount, operator: User, user_with: Any
) -> None:
    make_call(account)
    log = admin.site._registry[Call]

    def look(user: User) -> Any:
        request = RequestFactory().get(LOG)
        request.user = user
        return log.changelist_view(request)

    def meanwhile() -> None:
        look(operator)
        connections.close_all()

    answer = look(user_with("voice.view_call"))
    other = threading.Thread(target=meanwhile)
    other.start()
    other.join(60)
    assert "555-0101" not in answer.render().content.decode()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "Telnyx does not know this call any more: it has ended."),
        ({"calls": {"data": {"is_alive": False}}}, "it does not take the call for alive, and tells of no end."),
        ({"calls": {"data": {"is_alive": True}}}, "Telnyx was asked: the call is answered."),
    ],
)
def test_a_status_is_told_as_telnyx_has_it(
    browser: Client, account: TelnyxAccount, told: dict[str, Any], words: str
) -> None:
    call = make_call(account)
    with telnyx_says(account, **told):
        answer = browser.post(page(call, "refresh"), follow=True)
    assert words in answer.content.decode()


@pytest.mark.parametrize(
    ("told", "level"),
    [
        ({}, constants.WARNING),
        ({"calls": {"data": {"is_alive": False}}}, constants.INFO),
        ({"calls": {"data": {"is_alive": True}}}, constants.INFO),
    ],
)
def test_that_telnyx_does_not_know_a_call_is_a_warning(
    browser: Client, account: TelnyxAccount, told: dict[str, Any], level: int
) -> None:
    call = make_call(account)
    with telnyx_says(account, **told):
        answer = browser.post(page(call, "refresh"), follow=True)
    assert [message.level for message in answer.context["messages"]] == [level]


def test_without_the_permission_there_is_no_list(signed_in: Any, account: TelnyxAccount) -> None:
    call = make_call(account)
    client = signed_in("voice.dial", "voice.control_call")
    for url in (LOG, page(call), page(call, "do", "hangup")):
        assert client.get(url).status_code == 403, url
    assert client.post(page(call, "refresh")).status_code == 403
    assert client.post(page(call, "do", "hangup"), {"intent": str(uuid.uuid4())}).status_code == 403
    assert not CallCommand.objects.exists()
    client = signed_in("voice.view_call", "voice.control_call", username="may")
    for url in (LOG, page(call), page(call, "do", "hangup")):
        assert client.get(url).status_code == 200, url
    assert client.post(page(call, "refresh")).status_code == 302
    assert client.post(page(call, "do", "hangup"), {"intent": str(uuid.uuid4())}).status_code == 302
    assert CallCommand.objects.get().action == "hangup"


@pytest.mark.parametrize(("action", "is_red"), [("hangup", True), ("speak", False)])
def test_what_ends_a_call_is_confirmed_by_a_red_button(
    browser: Client, account: TelnyxAccount, action: str, is_red: bool
) -> None:
    html = browser.get(page(make_call(account), "do", action)).content.decode()
    (button,) = re.findall(r'<button type="submit" class="(portal-button portal-button-[a-z]+)">', html)
    assert button.endswith("danger") is is_red


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"custom_headers": '[{"name": "X-Order", "value": 7}]'}, "custom_headers"),  # JSON, and not what Telnyx takes
        ({"to": "+447700900123"}, "to"),  # a country that the limits forbid
    ],
)
def test_a_dial_that_is_refused_comes_back_with_the_reason_at_its_field(
    browser: Client, account: TelnyxAccount, bad: dict[str, str], field: str
) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="77", application_name="line")
    limit(account, allowed_countries=["US"])
    told = {"intent": str(uuid.uuid4()), "connection_id": "77", "from": "+13125550100", "to": "+13125550001"}
    answer = browser.post("/admin/voice/call/dial/", told | bad)
    assert (answer.status_code, [*answer.context["form"].errors]) == (200, [field])
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(
    ("bad", "field"), [({"custom_headers": '[{"value": 7}]'}, "custom_headers"), ({"to": "+447700900123"}, "to")]
)
def test_an_action_that_is_refused_comes_back_with_the_reason_at_its_field(
    browser: Client, account: TelnyxAccount, bad: dict[str, str], field: str
) -> None:
    limit(account, allowed_countries=["US"])
    told = {"intent": str(uuid.uuid4()), "to": "+13125550001"}
    answer = browser.post(page(make_call(account), "do", "transfer"), told | bad)
    assert (answer.status_code, [*answer.context["form"].errors]) == (200, [field])
    assert not CallCommand.objects.exists()


# --- The page of a call ----------------------------------------------------------------------------------------------


def test_the_page_tells_the_whole_session_in_order(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event(), make_event("call.answered", 3), make_event(seconds=4, leg="b", direction="outgoing"))
    answer = browser.get(page(Call.objects.get(call_control_id="v3:a-leg")))
    told = [(entry.leg, entry.title, entry.offset) for entry in answer.context["entries"]]
    assert told == [("A", "Call initiated", 0.0), ("A", "Answered", 3.0), ("B", "Call initiated", 4.0)]
    html = answer.content.decode()
    story = html[html.index("call-timeline") :]
    assert story.index("Call initiated") < story.index("Answered")
    for text in ("+3.0 s", "+1 312-555-0101", "v3:a-leg", "SANDBOX"):
        assert text in html, text
    call = Call.objects.get(call_control_id="v3:a-leg")
    assert set(answer.context["ids"]) == {
        ("Session", call.call_session_id),
        ("Leg", call.call_leg_id),
        ("Call control id", "v3:a-leg"),
        ("Connection", CONNECTION),
    }


def test_the_story_can_be_narrowed_to_each_of_its_kinds(browser: Client, account: TelnyxAccount) -> None:
    page = browser.get(f"/admin/voice/call/{make_call(account).pk}/change/").content.decode()
    kinds = re.findall(r'name="story" value="(\w+)"( checked)?>([^<]+)', page)
    assert kinds == [
        ("all", " checked", "All"),
        ("events", "", "Events"),
        ("commands", "", "Commands"),
        ("media", "", "Media"),
        ("problems", "", "Problems"),
    ]


def test_what_a_caller_sends_is_shown_and_never_run(browser: Client, account: TelnyxAccount) -> None:
    evil = {"from": XSS, "to": XSS, "hangup_cause": XSS, "hangup_source": XSS, "client_state": XSS, "tags": [XSS]}
    tell(account, make_event(**evil), make_event("call.gather.ended", 1, digits=XSS, status=XSS))
    tell(account, make_event("call.hangup", 2, **evil), make_event("call.levitated", 3, status=XSS, reason=XSS))
    call = Call.objects.get()
    spoken = {"payload": XSS, "voice": "female"}
    outbox.act(call, "speak", spoken, PORTAL)
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name=XSS)
    event, command = CallEvent.objects.earliest("received_at"), CallCommand.objects.get()
    for url in (
        LOG,
        page(call),
        page(call, "raw", str(event.pk)),
        page(call, "do", "hangup"),
        f"/admin/voice/callevent/{event.pk}/change/",
        f"/admin/voice/callcommand/{command.pk}/change/",
        "/admin/voice/callevent/",
        "/admin/voice/callcommand/",
        "/admin/voice/call/dial/",
        "/admin/",
    ):
        answer = browser.get(url)
        assert answer.status_code == 200, url
        assert "<script>alert" not in answer.content.decode(), url
        assert "<img src=x" not in answer.content.decode(), url
    assert "&lt;script&gt;" in browser.get(page(call)).content.decode()


def test_numbers_on_the_page_are_masked_for_who_may_not_see_them(signed_in: Any, account: TelnyxAccount) -> None:
    tell(account, make_event())
    call = Call.objects.get()
    outbox.act(call, "transfer", {"to": "+13125550001"}, PORTAL)
    seeing = ("voice.view_call", "voice.view_callevent", "voice.view_callcommand", "voice.control_call")
    client = signed_in(*seeing)
    command = CallCommand.objects.get()
    for url in (
        page(call),
        page(call, "do", "hangup"),
        f"/admin/voice/callevent/{CallEvent.objects.get().pk}/change/",
        f"/admin/voice/callcommand/{command.pk}/change/",
    ):
        html = client.get(url).content.decode()
        assert "•••" in html, url
        for number in ("5550101", "555-0101", "5550199", "5550001", "555-0001"):
            assert number not in html, (url, number)


@pytest.mark.parametrize(
    ("columns", "buttons"),
    [
        ({}, ON_THE_LINE),
        ({"state": "bridged", "direction": "outgoing"}, ON_THE_LINE),
        ({"state": "parked"}, {"answer", "reject", "transfer"}),
        ({"state": "initiated"}, {"answer", "reject", "transfer"}),
        ({"state": "ringing", "direction": "outgoing"}, {"hangup"}),
        ({"state": "ended"}, set()),
    ],
)
def test_the_buttons_are_the_actions_possible_now(
    browser: Client, account: TelnyxAccount, columns: dict[str, str], buttons: set[str]
) -> None:
    assert {button.action for button in browser.get(page(make_call(account, **columns))).context["buttons"]} == buttons


def test_on_the_page_what_ends_the_call_is_red_and_to_answer_it_comes_first(
    browser: Client, account: TelnyxAccount
) -> None:
    def looks(**columns: str) -> dict[str, str]:
        html = browser.get(page(make_call(account, str(len(columns)), **columns))).content.decode()
        buttons = re.findall(r'<a class="portal-button(?: portal-button-([a-z]+))?" href="[^"]+">([^<]+)</a>', html)
        return {label: look for look, label in buttons}

    parked = looks(state="parked")
    assert (parked["Answer"], parked["Reject"], parked["Transfer"]) == ("primary", "danger", "")
    assert looks()["Hangup"] == "danger"


def test_a_button_is_there_for_those_who_may_press_it(signed_in: Any, account: TelnyxAccount) -> None:
    call = make_call(account)

    def buttons(client: Client) -> set[str]:
        return {button.action for button in client.get(page(call)).context["buttons"]}

    assert buttons(signed_in("voice.view_call")) == set()
    assert buttons(signed_in("voice.view_call", "voice.dial", username="dialler")) == {"transfer"}
    controller = buttons(signed_in("voice.view_call", "voice.control_call", username="controller"))
    assert "hangup" in controller
    assert "transfer" not in controller


def test_more_actions_are_offered_while_a_call_lives_to_who_may_press_them(
    signed_in: Any, account: TelnyxAccount
) -> None:
    call, client = make_call(account), signed_in("voice.view_call", "voice.dial")

    def offered() -> list[str]:
        return sorted(re.findall(rf"/{call.pk}/do/(\w+)/", client.get(page(call)).content.decode()))

    assert offered() == ["refer", "transfer", "transfer"]  # one of them is a button, too
    Call.objects.update(state="ringing", direction="outgoing")
    assert offered() == ["refer", "transfer"]  # the only button is not theirs to press
    Call.objects.update(state="ended")
    assert offered() == []


@pytest.mark.parametrize(
    ("status", "asks"),
    [("queued", True), ("sending", True), ("ok", False), ("refused", False), ("uncertain", False), ("expired", False)],
)
def test_the_page_of_an_ended_call_asks_again_while_a_command_is_on_its_way(
    browser: Client, account: TelnyxAccount, status: str, asks: bool
) -> None:
    call = make_call(account)
    again = f'<div id="call-poll" hx-get="{page(call)}"'
    assert again in browser.get(page(call)).content.decode()
    Call.objects.update(state="ended")
    assert again not in browser.get(page(call)).content.decode()
    act(call, "speak", payload="Hello", voice="female")
    CallCommand.objects.update(status=status)
    assert (again in browser.get(page(call)).content.decode()) is asks


@pytest.mark.parametrize(("number", "first", "last", "between"), [(26, 26, 0, 0), (27, 20, 6, 1)])
def test_of_more_than_26_legs_the_first_20_and_the_last_6_are_listed(
    browser: Client, account: TelnyxAccount, number: int, first: int, last: int, between: int
) -> None:
    begun = ago(60)
    legs = [make_call(account, str(at), started_at=begun + timedelta(seconds=at)) for at in range(number)]
    told = browser.get(page(legs[0])).context
    assert [leg.pk for _, leg in told["first_legs"]] == [leg.pk for leg in legs[:first]]
    assert [leg.pk for _, leg in told["last_legs"]] == [leg.pk for leg in legs[number - last :]]
    assert told["legs_between"] == between


@pytest.mark.parametrize(
    ("model", "name"), [(CallControlApplication, "application_name"), (TexmlApplication, "friendly_name")]
)
def test_the_application_is_a_link_for_who_may_see_it(
    signed_in: Any, account: TelnyxAccount, model: Any, name: str
) -> None:
    call, word = make_call(account), model._meta.model_name
    row = model.objects.create(account=account, telnyx_id=CONNECTION, **{name: "front desk"})
    seeing = signed_in("voice.view_call", f"applications.view_{word}").get(page(call))
    assert seeing.context["application"] == ("front desk", f"/admin/applications/{word}/{row.pk}/change/")
    assert signed_in("voice.view_call", username="b").get(page(call)).context["application"] == ("front desk", "")


@pytest.mark.parametrize("model", [CallControlApplication, TexmlApplication])
def test_another_application_is_not_the_call_s(browser: Client, account: TelnyxAccount, model: Any) -> None:
    model.objects.create(account=account, telnyx_id="88")
    assert browser.get(page(make_call(account))).context["application"] == (CONNECTION, "")


def test_an_unknown_call_is_404(browser: Client) -> None:
    for address in (f"{LOG}{uuid.uuid4()}/change/", f"{LOG}{uuid.uuid4()}/do/hangup/", f"{LOG}nonsense/change/"):
        assert browser.get(address).status_code == 404


def test_a_call_cannot_be_changed_or_deleted_by_hand(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    before = Call.objects.values().get()
    assert browser.post(page(call, "delete"), {"post": "yes"}).status_code == 403
    assert browser.post(page(call), {"state": "ended"}).status_code == 200  # it only shows
    picked = {"action": "delete_selected", "_selected_action": [str(call.pk)], "post": "yes"}
    assert browser.post(LOG, picked).status_code == 200  # the list: no such action
    assert Call.objects.values().get() == before


def test_on_a_live_account_an_action_says_whether_a_phone_rings(browser: Client) -> None:
    call = make_call(make_account(base_url="https://telnyx.example"))
    rings = "a real phone will ring"
    told = {
        action: browser.get(page(call, "do", action)).content.decode() for action in ("hangup", "transfer", "refer")
    }
    assert all("This account is LIVE: real people are on this call" in html for html in told.values())
    assert {action for action, html in told.items() if rings in html} == {"transfer", "refer"}
    assert f'href="{page(call)}" class="portal-crumb"' in told["hangup"]
    assert "rings a real phone" in browser.get(f"{LOG}dial/").content.decode()
    Call.objects.update(ended_at=call.started_at, state="ended")
    assert "LIVE: real people" not in browser.get(page(call, "do", "transfer")).content.decode()


# --- Raw -------------------------------------------------------------------------------------------------------------


def test_raw_json_is_for_those_who_may_see_it(signed_in: Any, browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event())
    url = page(Call.objects.get(), "raw", str(CallEvent.objects.get().pk))
    assert "call_control_id" in browser.get(url).content.decode()
    assert url in browser.get(page(Call.objects.get())).content.decode()
    client = signed_in("voice.view_call", "voice.view_callevent")
    assert client.get(url).status_code == 403
    assert url not in client.get(page(Call.objects.get())).content.decode()
    assert signed_in("voice.view_call", "voice.view_raw_event", username="blind").get(url).status_code == 403


def test_raw_json_of_another_session_is_404(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event(), make_event(leg="b", call_session_id="another"))
    first, other = Call.objects.order_by("call_control_id")
    event = CallEvent.objects.get(call=other)
    assert browser.get(page(first, "raw", str(event.pk))).status_code == 404
