"""The form of a dial: numbers told by country, the account's own offered, words instead of wire format."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.limits import limit
from tests.support.rows import CallCommand

pytestmark = pytest.mark.django_db
PAGE, OF_A_LIST = "/admin/voice/call/dial/", "/admin/voice/dialbatch/new/"


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    return CallControlApplication.objects.create(account=account, telnyx_id="1293", application_name="line")


def form(**more: Any) -> dict[str, Any]:
    given = {"intent": str(uuid.uuid4()), "connection_id": "1293", "from": "+13125550100", "to": "+1 312 555 0001"}
    return given | more


def test_what_people_fill_in_becomes_what_telnyx_takes(browser: Client, application: Any) -> None:
    more = {
        "answering_machine_detection": "detect",
        "record": "record-from-answer",
        "record_channels": "dual",
        "stream_url": "wss://example.com/media",
        "client_state": "Grüße",
    }
    assert browser.post(PAGE, form(**more)).status_code == 302
    assert CallCommand.objects.get().parameters == more | {
        "connection_id": "1293",
        "from": "+13125550100",
        "to": "+13125550001",
        "client_state": "R3LDvMOfZQ==",
    }


def test_of_an_id_that_two_accounts_know_the_account_is_chosen(browser: Client, application: Any) -> None:
    others = make_account("others")
    CallControlApplication.objects.create(account=others, telnyx_id="1293", application_name="line")
    choices = dict(browser.get(PAGE).context["form"].fields["connection_id"].choices)
    assert {"1293@main", "1293@others"} <= choices.keys()
    assert "connection_id" in browser.post(PAGE, form()).context["form"].errors
    for account in (application.account, others):
        browser.post(PAGE, form(connection_id=f"1293@{account}"))
        command = CallCommand.objects.get(account=account)
        assert command.parameters["connection_id"] == "1293"
    offered = "/admin/voice/dialbatch/own-numbers/"
    for choice in ("1293", "1293@nobody", ""):
        assert browser.get(offered, {"connection_id": choice}).content == b""


def test_applications_that_are_gone_or_switched_off_are_not_offered(browser: Client, application: Any) -> None:
    others: dict[str, dict[str, Any]] = {
        "2": {"active": True},
        "3": {"active": False},
        "4": {"missing_since": timezone.now()},
    }
    for telnyx_id, columns in others.items():
        CallControlApplication.objects.create(account=application.account, telnyx_id=telnyx_id, **columns)
    assert dict(browser.get(PAGE).context["form"].fields["connection_id"].choices).keys() == {"", "1293", "2"}


@pytest.mark.parametrize("page", [PAGE, OF_A_LIST])
def test_of_too_many_applications_the_first_are_listed_and_the_one_that_is_asked_for(
    browser: Client, application: Any, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    def listed(address: str) -> tuple[set[str], str, bool]:
        answer = browser.get(address)
        field = answer.context["form"]["connection_id"]
        return set(dict(field.field.choices)), field.value(), "Only the first 2 are listed" in answer.content.decode()

    monkeypatch.setattr("voice.dialling.forms._MOST_OFFERED", 2)
    for telnyx_id, name in (("2", "a"), ("3", "y"), ("4", "z")):
        CallControlApplication.objects.create(account=application.account, telnyx_id=telnyx_id, application_name=name)
    assert listed(page) == ({"", "2", "1293"}, "", True)
    assert listed(f"{page}?application=3") == ({"", "2", "1293", "3"}, "3", True)
    CallControlApplication.objects.filter(telnyx_id__in=("3", "4")).delete()
    assert listed(page) == ({"", "2", "1293"}, "", False)


def test_an_application_that_the_list_leaves_out_is_dialled_from(
    browser: Client, application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.dialling.forms._MOST_OFFERED", 1)
    CallControlApplication.objects.create(account=application.account, telnyx_id="4", application_name="z")
    for no_id in ("5", "\0"):  # PostgreSQL fails on a NUL
        assert list(browser.post(PAGE, form(connection_id=no_id)).context["form"].errors) == ["connection_id"]
    assert browser.post(PAGE, form(connection_id="4")).status_code == 302
    assert CallCommand.objects.get().parameters["connection_id"] == "4"


def test_these_stand_first(browser: Client, application: Any) -> None:
    first = [field.name for field in browser.get(PAGE).context["form"].first]
    assert first[:3] == ["connection_id", "from", "to"]
    assert {"answering_machine_detection", "record", "stream_url", "client_state"} <= set(first)


def test_several_numbers_are_dialled_together(browser: Client, application: Any) -> None:
    browser.post(PAGE, form(to="+13125550001, ,\nsip:ada@example.com,"))
    assert CallCommand.objects.get().parameters["to"] == ["+13125550001", "sip:ada@example.com"]


@pytest.mark.parametrize(
    ("to", "hint"),
    [
        ("(312) 555-0001", "Did you mean +13125550001?"),
        ("0049 30 1234567", "+ instead of 00"),
        ("+1312555000", "Too short"),
        ("+131255500011", "Too long"),
        ("+999 123 4567", "no country code"),
        ("somebody", "country code"),
    ],
)
def test_a_number_without_its_country_gets_a_hint(browser: Client, application: Any, to: str, hint: str) -> None:
    page = browser.post(PAGE, form(to=to))
    assert hint in page.context["form"].errors["to"][0]
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(
    ("page", "permission", "there"),
    [(PAGE, "voice.view_call", "/admin/voice/call/"), (OF_A_LIST, "voice.view_dialbatch", "/admin/voice/dialbatch/")],
)
def test_cancel_leads_to_a_page_that_the_person_may_see(
    signed_in: Any, application: Any, page: str, permission: str, there: str
) -> None:
    for rights, address in ((("voice.dial",), "/admin/"), (("voice.dial", permission), there)):
        client = signed_in(*rights, username=f"may {len(rights)}")
        (back,) = re.findall(r'href="([^"]*)">Cancel<', client.get(page).content.decode())
        assert (back, client.get(back).status_code) == (address, 200)


@pytest.mark.parametrize(("rights", "number"), [((), "+1312•••0001"), (("voice.view_full_number",), "+13125550001")])
def test_the_number_that_a_limit_names_is_told_to_who_may_see_numbers(
    signed_in: Any, application: Any, rights: tuple[str, ...], number: str
) -> None:
    limit(application.account, blocked_prefixes=["+13125550001"])
    client, words = signed_in("voice.dial", *rights), f"Numbers that begin with {number} may not be called"
    (told,) = client.post(PAGE, form()).context["form"].errors["to"]
    assert told.startswith(words)
    line = client.post(OF_A_LIST, form(numbers="+13125550001", per_second="1")).content.decode()
    assert f"<b>Line 1</b><span>{words}" in line


@pytest.mark.parametrize("page", [PAGE, OF_A_LIST])
def test_the_box_of_the_caller_hangs_on_the_list_of_the_account_s_own_numbers(
    browser: Client, application: Any, page: str
) -> None:
    html = browser.get(page).content.decode()
    (box,) = re.findall(r'<input[^>]*name="from"[^>]*>', html)
    assert 'list="portal-own-numbers"' in box
    (offered,) = re.findall(r'<datalist id="portal-own-numbers"[^>]*>', html)
    assert 'hx-get="/admin/voice/dialbatch/own-numbers/" hx-include="#id_connection_id"' in offered
    assert 'id="id_connection_id"' in html


COMMON = ["timeout_secs", "answering_machine_detection", "record", "record_channels", "record_format"]
COMMON += ["stream_url", "stream_track", "client_state"]


@pytest.mark.parametrize(
    ("page", "leading"),
    [
        (PAGE, ["connection_id", "from", "to"]),
        (OF_A_LIST, ["name", "connection_id", "from", "numbers", "file", "per_second"]),
    ],
)
def test_what_is_set_most_stands_first_in_its_order_and_not_among_the_rest_again(
    browser: Client, application: Any, page: str, leading: list[str]
) -> None:
    shown = browser.get(page).context["form"]
    first, more = ([field.name for field in fields] for fields in (shown.first, shown.more))
    assert first == [*leading, *COMMON]
    assert more
    assert not {*first} & {*more}


def test_the_box_of_the_caller_belongs_to_its_label(browser: Client, application: Any) -> None:
    (box,) = re.findall(r'<input[^>]*name="from"[^>]*>', browser.get(PAGE).content.decode())
    assert 'id="id_from"' in box


def test_an_application_that_is_asked_for_and_is_among_the_first_is_listed_once(
    browser: Client, application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.dialling.forms._MOST_OFFERED", 1)
    CallControlApplication.objects.create(account=application.account, telnyx_id="4", application_name="z")
    field = browser.get(f"{PAGE}?application=1293").context["form"]["connection_id"]
    assert (list(dict(field.field.choices)), field.value()) == (["", "1293"], "1293")
