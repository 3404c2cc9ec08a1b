"""Actions and dials in the browser: asked for before they act, and one command for each press."""

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx import schemas
from tests.support.accounts import make_account
from tests.support.call_pages import LOG, drawn, page
from tests.support.conferences import make_room
from tests.support.factories import CONNECTION, make_call
from tests.support.limits import limit
from tests.support.rows import Call, CallCommand
from tests.support.times import ago
from voice.catalogue import actions
from voice.commands import confirmation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_an_action_asks_before_it_acts(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "hangup")
    assert browser.get(url).status_code == 200
    assert not CallCommand.objects.exists()
    answer = browser.post(url, drawn(browser, url))
    assert (answer.status_code, answer["Location"]) == (302, page(Call.objects.get()))
    command = CallCommand.objects.get()
    assert (command.action, command.status, command.requested_by) == ("hangup", "queued", "user: operator")
    assert AuditEvent.objects.get(action="call.hangup").actor == "user: operator"


def test_pressing_twice_is_one_command_and_a_new_page_another(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "send_dtmf")
    values = drawn(browser, url) | {"digits": "1"}
    for _ in range(3):
        assert browser.post(url, values).status_code == 302
    assert CallCommand.objects.count() == 1
    browser.post(url, drawn(browser, url) | {"digits": "1"})
    assert CallCommand.objects.count() == 2


def test_a_press_without_the_intent_of_a_page_is_refused(browser: Client, account: TelnyxAccount) -> None:
    assert browser.post(page(make_call(account), "do", "hangup"), {}).status_code == 200
    assert not CallCommand.objects.exists()


def test_without_its_permission_an_action_is_403(signed_in: Any, account: TelnyxAccount) -> None:
    call = make_call(account)
    values = {"intent": str(uuid.uuid4()), "to": "+13125550001"}
    for permission, action in (
        ("voice.dial", "hangup"),
        ("voice.control_call", "transfer"),
        ("voice.view_call", "speak"),
    ):
        client = signed_in("voice.view_call", permission, username=action)
        assert client.get(page(call, "do", action)).status_code == 403
        assert client.post(page(call, "do", action), values).status_code == 403
    assert not CallCommand.objects.exists()
    values |= {"payload": "Hello", "voice": "female"}
    may = signed_in("voice.view_call", "voice.dial", "voice.control_call", username="may")
    for action in ("hangup", "transfer", "speak"):
        assert may.get(page(call, "do", action)).status_code == 200
        assert may.post(page(call, "do", action), values | {"intent": str(uuid.uuid4())}).status_code == 302
    assert sorted(CallCommand.objects.values_list("action", flat=True)) == ["hangup", "speak", "transfer"]


@pytest.mark.parametrize("action", ["fly", "dial", "with_raw_response", "__init__"])
def test_an_unknown_action_is_404(browser: Client, account: TelnyxAccount, action: str) -> None:
    url = page(make_call(account), "do", action)
    assert browser.get(url).status_code == 404
    assert browser.post(url, {"intent": str(uuid.uuid4())}).status_code == 404


def test_an_ended_call_says_that_nothing_was_sent(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account, state="ended"), "do", "hangup")
    answer = browser.post(url, drawn(browser, url), follow=True)
    assert "The call has already ended." in "".join(str(message) for message in answer.context["messages"])
    assert CallCommand.objects.get().status == "expired"


def test_legs_on_the_line_are_offered_by_their_numbers(browser: Client, account: TelnyxAccount) -> None:
    make_call(make_account("branch"), "of-another", started_at=ago(50))
    make_call(account, "early", started_at=ago(60))
    make_call(account, "late", started_at=ago(40))
    make_call(account, "over", state="ended")
    offered = r'<option value="v3:(early|late|over|of-another)-leg">\+1 312-555-0101 → \+1 312-555-0199, answered<'
    room = make_room(account)
    for address, legs in ((f"{room.pk}/do/conferences.join/", []), ("new/", ["of-another"])):
        text = browser.get(f"/admin/voice/conference/{address}").content.decode()
        assert re.findall(offered, text) == ["late", *legs, "early"]


@pytest.mark.parametrize(
    ("action", "name", "given"),
    [("mute", "call_control_ids", ["v3:a-leg"]), ("join", "call_control_id", "v3:a-leg")],
)
def test_what_is_pressed_beside_a_leg_is_asked_for_that_leg(
    browser: Client, account: TelnyxAccount, action: str, name: str, given: Any
) -> None:
    """Without its id everybody would be muted."""
    make_call(account)
    url = f"/admin/voice/conference/{make_room(account).pk}/do/conferences.{action}/"
    assert browser.post(url, drawn(browser, f"{url}?{name}=v3:a-leg")).status_code == 302
    assert CallCommand.objects.get().parameters == {name: given}


def test_the_account_that_the_address_names_is_chosen(browser: Client, account: TelnyxAccount) -> None:
    for one in (account, make_account("branch")):
        assert drawn(browser, f"/admin/voice/conference/new/?account={one.pk}")["account"] == str(one.pk)


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    told = {"application_name": "front desk", "telnyx_id": CONNECTION, "active": True}
    return CallControlApplication.objects.create(account=account, **told)


def test_of_many_legs_the_newest_200_are_offered(account: TelnyxAccount, operator: User) -> None:
    for at in range(201):
        make_call(account, f"many {at}", started_at=ago(at))
    offered = [control_id for control_id, _ in confirmation.live_legs(account, operator)]
    assert (len(offered), offered[0], "v3:many 200-leg" in offered) == (200, "v3:many 0-leg", False)


def test_a_dial_from_the_form_is_one_command(browser: Client, application: CallControlApplication) -> None:
    url = reverse("admin:voice_call_dial")
    assert drawn(browser, f"{url}?application={CONNECTION}")["connection_id"] == CONNECTION
    values = drawn(browser, url) | {"connection_id": CONNECTION, "from": "+1 312 555 0100", "to": "+13125550001"}
    for _ in range(2):
        assert browser.post(url, values).status_code == 302
    command = CallCommand.objects.get()
    assert (command.action, command.account) == ("dial", application.account)
    assert command.parameters == {"connection_id": CONNECTION, "from": "+13125550100", "to": "+13125550001"}


def test_a_dial_form_with_errors_keeps_what_was_typed(browser: Client, application: CallControlApplication) -> None:
    url = reverse("admin:voice_call_dial")
    answer = browser.post(url, drawn(browser, url) | {"from": "+13125550100", "to": "call ada"})
    assert set(answer.context["form"].errors) == {"connection_id", "to"}
    assert b'value="call ada"' in answer.content
    assert b'value="+13125550100"' in answer.content
    assert not CallCommand.objects.exists()


def test_dialling_takes_its_permission(signed_in: Any, application: CallControlApplication) -> None:
    client = signed_in("voice.view_call", "voice.control_call")
    url = reverse("admin:voice_call_dial")
    assert (client.get(url).status_code, client.post(url).status_code) == (403, 403)
    assert url not in client.get(LOG).content.decode()
    other = signed_in("voice.view_call", "voice.dial", username="other")
    assert (other.get(url).status_code, other.post(url).status_code) == (200, 200)
    assert url in other.get(LOG).content.decode()


@pytest.mark.parametrize("what", ["a call", "a conference"])
def test_who_may_ask_and_not_look_is_led_to_no_refusal(
    signed_in: Any, application: CallControlApplication, what: str
) -> None:
    """Whoever reads "not allowed" behind a dial presses once more, and another phone rings."""
    leg, key = make_call(application.account), str(application.account_id)
    told: dict[str, dict[str, str]] = {
        "a call": {"connection_id": CONNECTION, "from": "+13125550100", "to": "+13125550001"},
        "a conference": {"account": key, "call_control_id": leg.call_control_id, "name": "daily"},
    }
    asks = signed_in("voice.dial", "voice.control_call")
    url = {"a call": reverse("admin:voice_call_dial"), "a conference": "/admin/voice/conference/new/"}[what]
    answer = asks.post(url, drawn(asks, url) | told[what])
    assert (answer.status_code, CallCommand.objects.count()) == (302, 1)
    shown = asks.get(answer["Location"])
    assert shown.status_code == 200
    assert "on its way to Telnyx." in shown.content.decode()
    assert "shows below" not in shown.content.decode()


def test_refresh_asks_telnyx_on_a_post(browser: Client, ring: Any, http: Any) -> None:
    call = ring()
    http.act(call.call_control_id, "hangup")
    assert browser.get(page(call, "refresh")).status_code == 404
    answer = browser.post(page(call, "refresh"), follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["Telnyx was asked: the call is ended."]


def test_refresh_says_in_words_that_telnyx_cannot_be_asked(browser: Client, account: TelnyxAccount) -> None:
    answer = browser.post(page(make_call(account), "refresh"), follow=True)
    assert "cannot be reached" in str(next(iter(answer.context["messages"])))


ENDS = ("hangup", "reject", "conferences.leave", "conferences.end_conference", "queues.delete", "queues.calls.remove")
QUEUE = "conference/queues/{account}/support"
PAGES = {
    **{action: f"call/{{call}}/do/{action}/" for action in ("hangup", "reject", "transfer")},
    **{
        action: f"conference/{{room}}/do/{action}/"
        for action in ("conferences.leave", "conferences.end_conference", "conferences.mute")
    },
    "conferences.create": "conference/new/",
    "queues.delete": f"{QUEUE}/do/delete/",
    "queues.update": f"{QUEUE}/do/update/",
    "queues.calls.remove": f"{QUEUE}/calls/v3_3Aa-leg/remove/",
    "queues.calls.update": f"{QUEUE}/calls/v3_3Aa-leg/keep/",
}


@pytest.mark.parametrize("action", PAGES)
def test_the_button_of_what_ends_something_is_red(browser: Client, account: TelnyxAccount, action: str) -> None:
    ids = {"call": make_call(account).pk, "room": make_room(account).pk, "account": account.pk}
    text = browser.get(f"/admin/voice/{PAGES[action].format(**ids)}").content.decode()
    (look,) = re.findall(r'<button type="submit" class="portal-button portal-button-(\w+)">', text)
    assert look == ("danger" if action in ENDS else "primary")


def test_a_press_tells_what_is_on_its_way_and_what_came_of_it_before(browser: Client, account: TelnyxAccount) -> None:
    url = page(make_call(account), "do", "hangup")
    values, told = drawn(browser, url), list[str]()
    for status in ("ok", "refused", "refused"):
        told += [str(message) for message in browser.post(url, values, follow=True).context["messages"]]
        CallCommand.objects.update(status=status, error="Telnyx says no.")
    assert told == [
        "Hangup: on its way to Telnyx. What comes of it shows below.",
        "Hangup: Telnyx accepted it.",
        "Hangup: Refused. Telnyx says no.",
    ]


def test_who_may_not_see_numbers_is_told_what_came_of_it_without_them(signed_in: Any, account: TelnyxAccount) -> None:
    client, url = signed_in("voice.view_call", "voice.control_call"), page(make_call(account), "do", "hangup")
    values, told = drawn(client, url), list[str]()
    for _ in range(2):
        told += [str(message) for message in client.post(url, values, follow=True).context["messages"]]
        CallCommand.objects.update(status="refused", error="A token called +13125550188 said no.")
    assert told[1:] == ["Hangup: Refused. A token called +1312•••0188 said no."]


def test_an_action_is_refused_without_the_number_that_a_limit_names(signed_in: Any, account: TelnyxAccount) -> None:
    limit(account, blocked_prefixes=["+13125550001"])
    client, url = signed_in("voice.view_call", "voice.dial"), page(make_call(account), "do", "transfer")
    answer = client.post(url, drawn(client, url) | {"to": "+13125550001"})
    (told,) = answer.context["form"].errors["to"]
    assert told.startswith("Numbers that begin with +1312•••0001 may not be called")


def test_the_box_of_a_leg_hangs_on_the_list_of_legs_where_there_are_any(
    browser: Client, account: TelnyxAccount
) -> None:
    url, boxes = f"/admin/voice/conference/{make_room(account).pk}/do/conferences.join/", list[str]()
    for legs in ((), ("late",)):
        for leg in legs:
            make_call(account, leg)
        text = browser.get(url).content.decode()
        boxes += re.findall(r'<input[^>]+name="call_control_id"[^>]*>', text)
        assert ('<datalist id="portal-legs">' in text) is bool(legs)
    assert ['list="portal-legs"' in box for box in boxes] == [False, True]
    assert 'autocomplete="off"' in boxes[1]


def test_a_page_that_asks_says_what_it_does_and_leads_back(browser: Client, account: TelnyxAccount) -> None:
    at, action = f"/admin/voice/conference/{make_room(account).pk}/", "conferences.mute"
    answer, summary = browser.get(f"{at}do/{action}/"), schemas.summary(actions.method(action))
    page = answer.content.decode()
    assert summary
    assert (answer.context["summary"], answer.context["title"]) == (summary, actions.label(action))
    assert f">{actions.label(action)}</button>" in page
    assert f'href="{at}change/">Cancel<' in page


def test_who_makes_a_conference_is_asked_for_its_account_and_all_that_it_takes(
    browser: Client, account: TelnyxAccount
) -> None:
    page = browser.get("/admin/voice/conference/new/").content.decode()
    for name in ("account", "call_control_id", "name"):
        assert re.search(rf'<(input|select)[^>]+name="{name}"', page), name
