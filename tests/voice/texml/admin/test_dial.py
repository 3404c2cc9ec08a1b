"""The form of a TeXML dial: an application, whom, and one document, its address, or neither."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from applications.models import TexmlApplication
from tests.support.accounts import make_account
from tests.support.html_forms import typed
from tests.support.http_servers import Listener
from tests.support.rows import CallCommand
from tests.support.texml_resources import SID, everything, parts, send_only, wired

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it offers the applications of every account")]
URL = reverse("admin:voice_texml_dial")
NUMBERS = {"From": "+13125550100", "To": "+1 (312) 555-0001"}
SATELLITE = "+881612345678"


@pytest.fixture
def application(wire: Listener) -> TexmlApplication:
    account = wired(wire.url)
    return TexmlApplication.objects.create(
        account=account, telnyx_id="88", friendly_name="ivr", voice_url="https://example.com/voice"
    )


def send(client: Client, **given: Any) -> Any:
    intent = str(client.get(URL).context["form"]["intent"].value())
    filled = {"ApplicationSid": "88", **NUMBERS, "intent": intent} | given
    return client.post(URL, {name: typed(value) for name, value in filled.items()})


def test_it_dials_from_the_application_that_was_chosen(browser: Client, application: Any, wire: Listener) -> None:
    form = browser.get(f"{URL}?application=88").context["form"]
    assert form["ApplicationSid"].value() == "88"
    assert dict(form.fields["ApplicationSid"].choices)["88"] == "ivr (wired, SANDBOX)"
    made = send(browser, Texml="<Response><Say>Hello</Say></Response>", MachineDetection="Enable", Record=True)
    command = CallCommand.objects.get()
    assert (made.status_code, made.url) == (302, reverse("admin:voice_callcommand_change", args=[command.pk]))
    assert send_only().status == "ok"
    (raw,) = wire.requests
    assert parts(raw)[:2] == ("POST", f"/v2/texml/Accounts/{SID}/Calls")
    assert json.loads(parts(raw)[3]) == {
        **{"ApplicationSid": "88", "From": "+13125550100", "To": "+13125550001", "Record": True},
        **{"Texml": "<Response><Say>Hello</Say></Response>", "MachineDetection": "Enable"},
    }


def test_of_an_id_that_two_accounts_know_the_account_is_chosen(browser: Client, application: Any) -> None:
    others = make_account("others")
    TexmlApplication.objects.create(account=others, telnyx_id="88", friendly_name="ivr", voice_url="https://a.example/")
    assert "ApplicationSid" in send(browser).context["form"].errors
    for account in (application.account, others):
        assert send(browser, ApplicationSid=f"88@{account}").status_code == 302
        assert CallCommand.objects.get(account=account).parameters["ApplicationSid"] == "88"


def test_it_asks_for_everything_that_the_sdk_has(browser: Client, application: Any) -> None:
    page = browser.get(URL)
    form = page.context["form"]
    asked = [field.name for field in (*form.first, *form.more)]
    given = everything("texml.calls.dial")
    assert set(asked) == {*given, "Texml"}
    assert asked[:5] == ["ApplicationSid", "From", "To", "Texml", "Url"]
    assert "<details><summary>More (" in page.content.decode()  # without a script, too
    assert send(browser, **given | {"ApplicationSid": "88"}).status_code == 302


def test_one_document_its_address_or_the_applications_own(browser: Client, application: TexmlApplication) -> None:
    both = send(browser, Texml="<Response/>", Url="https://example.com/doc")
    assert list(both.context["form"].errors) == ["Texml"]
    assert send(browser).status_code == 302
    assert send(browser, Url="https://example.com/doc").status_code == 302
    TexmlApplication.objects.update(voice_url="")
    neither = send(browser)
    assert "no address of its own" in neither.context["form"].errors["Texml"][0]
    broken = send(browser, Texml="<Response>")
    assert "not well-formed XML" in broken.context["form"].errors["Texml"][0]
    assert CallCommand.objects.count() == 2


def test_a_blocked_destination_is_refused_at_its_field(browser: Client, application: Any, wire: Listener) -> None:
    assert "To" in send(browser, To=SATELLITE).context["form"].errors
    document = f"<Response><Dial>{SATELLITE}</Dial></Response>"
    assert "Texml" in send(browser, Texml=document).context["form"].errors
    assert "To" in send(browser, To="312 555 0001").context["form"].errors
    assert (CallCommand.objects.count(), wire.requests) == (0, [])


def test_pressing_twice_makes_one_dial(browser: Client, application: Any) -> None:
    intent = str(browser.get(URL).context["form"]["intent"].value())
    made = [send(browser, intent=intent) for _ in range(3)]
    assert len({one.url for one in made}) == 1
    assert CallCommand.objects.count() == 1


def test_it_takes_the_permission_to_dial(signed_in: Callable[..., Client], application: Any) -> None:
    looks = signed_in("voice.view_call", "voice.control_call")
    assert (looks.get(URL).status_code, looks.post(URL, NUMBERS).status_code) == (403, 403)
    dials = signed_in("voice.dial", username="dials")
    assert send(dials).status_code == 302
    heard = send(dials, Record=True)
    assert "voice.listen_recording" in str(heard.context["form"].non_field_errors())
    assert CallCommand.objects.count() == 1


def test_who_may_dial_and_not_see_the_journal_is_led_to_no_refusal(
    signed_in: Callable[..., Client], application: Any
) -> None:
    dials = signed_in("voice.dial")
    made = send(dials)
    assert (made.status_code, CallCommand.objects.count()) == (302, 1)
    shown = dials.get(made.url)
    assert shown.status_code == 200
    assert "on its way to Telnyx." in shown.content.decode()


def test_cancel_leads_to_a_page_that_the_person_may_see(signed_in: Callable[..., Client], application: Any) -> None:
    for rights, there in ((("voice.dial",), "index"), (("voice.dial", "voice.view_call"), "voice_texml_calls")):
        client = signed_in(*rights, username=f"may {len(rights)}")
        (back,) = re.findall(r'href="([^"]*)">Cancel<', client.get(URL).content.decode())
        assert (back, client.get(back).status_code) == (reverse(f"admin:{there}"), 200)


def test_what_is_gone_or_switched_off_is_not_offered(browser: Client, application: TexmlApplication) -> None:
    TexmlApplication.objects.update(active=False)
    assert "pull the TeXML applications" in browser.get(f"{URL}?application=88").content.decode()
    assert "ApplicationSid" in send(browser).context["form"].errors


def test_of_too_many_the_first_are_listed_and_the_one_that_is_asked_for(
    browser: Client, application: TexmlApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.dialling.forms._MOST_OFFERED", 1)
    TexmlApplication.objects.create(
        account=application.account, telnyx_id="89", friendly_name="z", voice_url="https://a.example/"
    )
    page = browser.get(URL)
    assert set(dict(page.context["form"].fields["ApplicationSid"].choices)) == {"", "88"}
    assert "Only the first 1 are listed" in page.content.decode()
    form = browser.get(f"{URL}?application=89").context["form"]
    assert set(dict(form.fields["ApplicationSid"].choices)) == {"", "88", "89"}
    assert form["ApplicationSid"].value() == "89"
    assert send(browser, ApplicationSid="89").status_code == 302
    assert CallCommand.objects.get().parameters["ApplicationSid"] == "89"
