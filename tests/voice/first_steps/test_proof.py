"""Prove it: a call is placed on a confirmed wish, its signed webhook awaited, and what came of it told."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import CONNECTION, make_event, run_owed
from tests.support.limits import limit
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.stops import service

pytestmark = pytest.mark.django_db
WISH = "2c8f1a52-3a0f-4a86-9d63-0a1f4b6c7d8e"
FORM = {"intent": WISH, "connection_id": CONNECTION, "from": "+13125550100", "to": "+1 312 555 0001"}
DIALLED = {"data": {"call_control_id": "v3:a-leg", "call_leg_id": "l", "call_session_id": "s"}}


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    told = {"application_name": "line", "webhook_event_url": account.webhook_url}
    return CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, **told)


def at(account: TelnyxAccount) -> str:
    return f"/admin/first-steps/{account.pk}/prove/"


def go_live(account: TelnyxAccount) -> None:
    account.base_url = "https://api.telnyx.com/v2"
    account.save()
    limit(account, any_country=True)


@pytest.mark.usefixtures("application")
def test_a_call_is_followed_from_the_wish_to_its_end(browser: Client, client: Client, account: TelnyxAccount) -> None:
    place = browser.post(at(account), FORM)
    command = CallCommand.objects.get()
    assert (place.status_code, place["Location"]) == (302, f"{at(account)}{command.pk}/")
    assert command.parameters["to"] == "+13125550001"
    page = browser.get(place["Location"]).content.decode()
    assert ("On its way" in page, 'hx-trigger="every 1s' in page) == (True, True)
    with telnyx_says(account, **{"/v2/calls": DIALLED}):
        run_owed()
    page = browser.get(place["Location"]).content.decode()
    assert ("Telnyx took it" in page, "Waiting for it" in page, "It works." in page) == (True, True, False)
    post_webhook(client, account, make_event(direction="outgoing"))
    run_owed()
    page = browser.get(place["Location"]).content.decode()
    assert ("its signature is Telnyx" in page, "It works." in page, "every 1s" in page) == (True, True, True)
    post_webhook(client, account, make_event("call.hangup", 2))
    run_owed()
    page = browser.get(place["Location"]).content.decode()
    assert ("It works." in page, "every 1s" in page) == (True, False)


@pytest.mark.usefixtures("application")
def test_pressed_twice_it_rings_once(browser: Client, account: TelnyxAccount) -> None:
    assert browser.post(at(account), FORM)["Location"] == browser.post(at(account), FORM)["Location"]
    assert CallCommand.objects.count() == 1


@pytest.mark.usefixtures("application")
def test_applications_too_many_to_choose_from_are_told(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.first_steps.forms._MOST", 1)
    assert "are listed: any of them" not in browser.get(at(account)).content.decode()
    told = {"application_name": "other", "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.create(account=account, telnyx_id="2", **told)
    page = browser.get(at(account))
    assert list(page.context["form"].applications) == [CONNECTION]
    assert "Only the first 1 that send their webhooks here are listed" in page.content.decode()


@pytest.mark.usefixtures("application")
def test_a_real_phone_rings_only_when_that_is_said(browser: Client, account: TelnyxAccount) -> None:
    go_live(account)
    asked = browser.post(at(account), FORM)
    assert list(asked.context["form"].errors) == ["ring"]
    assert not CallCommand.objects.exists()
    browser.post(at(account), FORM | {"ring": "on"})
    assert CallCommand.objects.get().action == "dial"


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("why", ["a limit", "a suspension", "no number"])
def test_what_forbids_it_is_told_in_the_form(browser: Client, account: TelnyxAccount, why: str) -> None:
    form = FORM
    if why == "a limit":
        limit(account, dials_per_day=0)
    elif why == "a suspension":
        service.suspend(account, "", "Fraud", PORTAL)
    else:
        form = FORM | {"to": "12"}
    page = browser.post(at(account), form)
    assert (page.status_code, bool(page.context["form"].errors)) == (200, True)
    assert not CallCommand.objects.exists()


@pytest.mark.usefixtures("application")
def test_no_webhook_within_a_minute_is_told_with_the_way_to_the_inbox(browser: Client, account: TelnyxAccount) -> None:
    url = browser.post(at(account), FORM)["Location"]
    with telnyx_says(account, **{"/v2/calls": DIALLED}):
        run_owed()
    CallCommand.objects.update(created_at=ago(90))
    page = browser.get(url).content.decode()
    assert ("None came within a minute" in page, "It is not proven." in page, "every 1s" in page) == (True, True, False)
    assert reverse("admin:voice_inbox_account", args=[account.pk]) in page


@pytest.mark.usefixtures("application")
def test_it_leads_to_no_page_that_the_person_may_not_see(
    browser: Client, client: Client, account: TelnyxAccount, signed_in: Any
) -> None:
    url = browser.post(at(account), FORM)["Location"]
    with telnyx_says(account, **{"/v2/calls": DIALLED}):
        run_owed()
    for event in (make_event(direction="outgoing"), make_event("call.hangup", 2)):
        post_webhook(client, account, event)
    run_owed()
    page = signed_in("portal.change_telnyxaccount", "voice.dial").get(url).content.decode()
    assert ("It works." in page, "a flow that answers calls" in page) == (True, True)
    led = ("voice/callcommand/", "voice/callevent/", "voice/call/", "voice/flow/", "auth/user/", "portal/apitoken/")
    assert [place for place in led if f"/admin/{place}" in page] == []


@pytest.mark.usefixtures("application")
def test_a_refusal_is_told(browser: Client, account: TelnyxAccount) -> None:
    url = browser.post(at(account), FORM)["Location"]
    refused = {
        "errors": [{"code": "10016", "title": "Phone number must be in +E.164 format", "detail": "No such number"}]
    }
    with telnyx_says(account, **{"/v2/calls": ("422 Unprocessable Entity", refused)}):
        run_owed()
    page = browser.get(url).content.decode()
    assert ("No such number" in page, "It is not proven." in page) == (True, True)


def test_it_takes_the_right_to_dial_and_a_token_of_the_form(
    client: Client, account: TelnyxAccount, application: CallControlApplication, signed_in: Any
) -> None:
    assert signed_in("portal.change_telnyxaccount").post(at(account), FORM).status_code == 403
    assert signed_in("voice.dial", username="dials").post(at(account), FORM).status_code == 403
    may = ("portal.change_telnyxaccount", "voice.dial")
    assert signed_in(*may, username="may").get(at(account)).status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(*may, username="strict").cookies
    assert strict.post(at(account), FORM).status_code == 403
    assert not CallCommand.objects.exists()


def test_without_an_application_the_way_to_one_is_shown(browser: Client, account: TelnyxAccount) -> None:
    assert "First an application is needed" in browser.get(at(account)).content.decode()


def test_telnyx_s_public_key_is_stored_by_a_press(browser: Client, account: TelnyxAccount) -> None:
    old, theirs = account.public_key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
    store = f"/admin/first-steps/{account.pk}/store-public-key/"
    assert browser.get(store).status_code == 405
    with telnyx_says(account, public_key={"data": {"public": theirs}}):
        assert store in browser.post(f"/admin/first-steps/{account.pk}/public-key/").content.decode()
        browser.post(store)
        again = browser.post(store, follow=True).content.decode()
    account.refresh_from_db()
    assert (account.public_key, account.previous_public_key) == (theirs, old)
    assert "Found: the stored public key" in again
    details = AuditEvent.objects.get(action="account.update").details
    assert (details["was"], details["now"]) == ({"public_key": old}, {"public_key": theirs})


@pytest.mark.usefixtures("application")
def test_it_is_refused_without_the_number_that_a_limit_names(signed_in: Any, account: TelnyxAccount) -> None:
    limit(account, blocked_prefixes=["+13125550001"])
    client = signed_in("portal.change_telnyxaccount", "voice.dial")
    (told,) = client.post(at(account), FORM).context["form"].errors["to"]
    assert told.startswith("Numbers that begin with +1312•••0001 may not be called")
