"""Limits in the browser: changed, noted, and by whom."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from portal.models import ApiToken, AuditEvent, TelnyxAccount
from tests.support.factories import make_call
from tests.support.limits import dial
from tests.support.open_pages import OpenPage
from tests.support.rows import CallCommand, Limits
from tests.support.times import ago
from voice.dialling import limits

pytestmark = pytest.mark.django_db


def test_they_are_changed_in_the_browser_and_that_is_noted(browser: Client, account: TelnyxAccount) -> None:
    browser.get("/admin/voice/limits/")  # makes the row
    row = Limits.objects.get(account=account)
    page = f"/admin/voice/limits/{row.pk}/change/"
    body = {"allowed_countries": "us, de", "allowed_prefixes": "", "blocked_prefixes": "+881 +979", "allow_sip": "on"}
    answer = browser.post(page, body | {"allowed_countries": "us, xx"})
    assert "XX" in answer.context["adminform"].errors["allowed_countries"][0]
    answer = browser.post(page, body | {"blocked_prefixes": "881"})
    assert answer.context["adminform"].errors["blocked_prefixes"]
    assert browser.post(page, body | {"dials_per_minute": "7"}).status_code == 302
    row.refresh_from_db()
    assert (row.allowed_countries, row.blocked_prefixes) == (["US", "DE"], ["+881", "+979"])
    assert (row.dials_per_minute, row.dials_per_day) == (7, None)
    noted = AuditEvent.objects.get(action="limits.update")
    assert noted.details["now"]["dials_per_minute"] == 7


def test_every_limit_is_changed_where_it_stands(browser: Client, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    typed = {"allowed_countries": "us,", "allowed_prefixes": "+4930", "blocked_prefixes": "+881", "allow_premium": "on"}
    typed |= {"allowed_sip_hosts": "pbx.example.com", "egress_hosts": "media.example.com"}
    counts = {"dials_per_minute": 7, "dials_per_day": 8, "concurrent_calls": 9}
    wanted: dict[str, Any] = {"allowed_countries": ["US"], "allowed_prefixes": ["+4930"], "blocked_prefixes": ["+881"]}
    wanted |= {"allow_premium": True, "any_country": False, "allow_sip": False, **counts}
    wanted |= {"allowed_sip_hosts": ["pbx.example.com"], "egress_hosts": ["media.example.com"]}
    assert browser.post(f"/admin/voice/limits/{row.pk}/change/", {**typed, **counts}).status_code == 302
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in wanted} == wanted
    assert AuditEvent.objects.get(action="limits.update").details["now"] == wanted


def test_a_token_without_limits_is_offered_whatever_accounts_have(
    browser: Client, operator: User, account: TelnyxAccount
) -> None:
    limits.of_account(account)
    token, _ = ApiToken.make(operator, "ci")
    offered = browser.get("/admin/voice/limits/add/").context["adminform"].form.fields["token"].queryset
    assert list(offered) == [token]


def test_limits_that_there_are_not_lead_home(browser: Client) -> None:
    answer = browser.get(f"/admin/voice/limits/{uuid.uuid4()}/change/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_a_token_gets_limits_of_its_own_in_the_browser(browser: Client, operator: User) -> None:
    token, _ = ApiToken.make(operator, "ci")
    other, _ = ApiToken.make(operator, "other")
    revoked, _ = ApiToken.make(operator, "revoked")
    ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    body = {"token": str(token.pk), "allow_sip": "on", "dials_per_day": "5"}
    assert browser.post("/admin/voice/limits/add/", body).status_code == 302
    row = Limits.objects.get(token=token)
    assert (row.dials_per_day, row.any_country, row.egress_hosts) == (5, True, [])
    (told,) = AuditEvent.objects.filter(action="limits.create").values_list("details", flat=True)
    assert (list(told), told["now"]["dials_per_day"], told["now"]["any_country"]) == (["now"], 5, True)
    offered = browser.get("/admin/voice/limits/add/").context["adminform"].form.fields["token"].queryset
    assert [one in offered for one in (other, token, revoked)] == [True, False, False]
    assert "any_country" not in browser.get(f"/admin/voice/limits/{row.pk}/change/").context["adminform"].form.fields


@pytest.mark.parametrize("page", ["add", "change"])
def test_a_token_is_narrowed_in_every_way_when_its_limits_are_made_and_later(
    browser: Client, operator: User, page: str
) -> None:
    token, _ = ApiToken.make(operator, "ci")
    address = "/admin/voice/limits/add/"
    if page == "change":
        address = f"/admin/voice/limits/{Limits.objects.create(token=token).pk}/change/"
    typed = {"allowed_countries": "us,", "allowed_prefixes": "+4930", "blocked_prefixes": "+881", "allow_premium": "on"}
    typed |= {"allowed_sip_hosts": "pbx.example.com", "egress_hosts": "media.example.com", "token": str(token.pk)}
    counts = {"dials_per_minute": 7, "dials_per_day": 8, "concurrent_calls": 9}
    assert browser.post(address, {**typed, **counts}).status_code == 302
    wanted: dict[str, Any] = {"allowed_countries": ["US"], "allowed_prefixes": ["+4930"], "blocked_prefixes": ["+881"]}
    wanted |= {"allow_premium": True, "allow_sip": False, "any_country": True, **counts}
    wanted |= {"allowed_sip_hosts": ["pbx.example.com"], "egress_hosts": ["media.example.com"]}
    row = Limits.objects.get(token=token)
    assert {name: getattr(row, name) for name in wanted} == wanted


def test_of_a_token_s_limits_alone_it_says_that_those_of_the_account_hold_as_well(
    browser: Client, operator: User, account: TelnyxAccount
) -> None:
    own, whole = Limits.objects.create(token=ApiToken.make(operator, "ci")[0]), limits.of_account(account)
    addresses = ("add/", f"{own.pk}/change/", f"{whole.pk}/change/")
    pages = [browser.get(f"/admin/voice/limits/{address}").content.decode() for address in addresses]
    assert ["The limits of the account hold as well" in page for page in pages] == [True, True, False]


@pytest.mark.alone("an account need not be named while there is only one")
@pytest.mark.parametrize("to", ["+13125550001", "+493012345678", "sip:ada@pbx.example.com"])
def test_what_is_empty_among_a_tokens_limits_narrows_nothing(api: Any, account: TelnyxAccount, to: str) -> None:
    Limits.objects.create(token=ApiToken.objects.get(), allowed_sip_hosts=[])
    body = {"connection_id": "1", "from": "+13125550100", "to": to}
    assert api.post("/api/v1/calls/", body, format="json").status_code == 202


def test_hosts_are_named_in_the_browser(browser: Client, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    page = f"/admin/voice/limits/{row.pk}/change/"
    body = {
        "egress_hosts": "Media.Example.com\n*.example.org",
        "allowed_sip_hosts": "pbx.example.com",
        "allow_sip": "on",
    }
    for name in ("egress_hosts", "allowed_sip_hosts"):
        answer = browser.post(page, body | {name: "https://media.example.com/in"})
        assert "no hosts" in answer.context["adminform"].errors[name][0]
    assert browser.post(page, body).status_code == 302
    row.refresh_from_db()
    assert row.egress_hosts == ["media.example.com", "*.example.org"]
    noted = AuditEvent.objects.get(action="limits.update").details["now"]
    assert (noted["egress_hosts"], noted["allowed_sip_hosts"]) == (row.egress_hosts, ["pbx.example.com"])
    assert "allowed_countries" not in noted  # which stayed as they were


def test_who_may_only_look_changes_nothing(signed_in: Any, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    page = f"/admin/voice/limits/{row.pk}/change/"
    viewer = signed_in("voice.view_limits")
    assert viewer.get(page).status_code == 200
    assert viewer.post(page, {"dials_per_minute": "9"}).status_code == 403
    assert signed_in("voice.dial", username="dialler").get(page).status_code == 403
    row.refresh_from_db()
    assert row.dials_per_minute == 1000
    changer = signed_in("voice.view_limits", "voice.change_limits", username="changer")
    assert changer.post(page, {"dials_per_minute": "9"}).status_code == 302
    row.refresh_from_db()
    assert row.dials_per_minute == 9


def test_what_somebody_else_has_blocked_meanwhile_stays_blocked(browser: Client, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    address = f"/admin/voice/limits/{row.pk}/change/"
    mine, theirs = OpenPage(browser, address), OpenPage(browser, address)
    assert theirs.save(blocked_prefixes="+881, +1900").status_code == 302
    assert mine.save(dials_per_minute="7").status_code == 302
    row.refresh_from_db()
    assert (row.blocked_prefixes, row.dials_per_minute) == (["+881", "+1900"], 7)
    noted = AuditEvent.objects.filter(action="limits.update").latest("id").details
    assert noted == {"was": {"dials_per_minute": 1000}, "now": {"dials_per_minute": 7}}


def test_what_both_have_blocked_is_refused_once(browser: Client, account: TelnyxAccount) -> None:
    row = limits.of_account(account)
    address = f"/admin/voice/limits/{row.pk}/change/"
    mine, theirs = OpenPage(browser, address), OpenPage(browser, address)
    theirs.save(blocked_prefixes="+881, +1900")
    answer = mine.save(blocked_prefixes="+882")
    said = answer.context["adminform"].errors["blocked_prefixes"]
    assert said == ["Somebody else has changed this meanwhile, to “+881, +1900”. Save again to have yours."]
    row.refresh_from_db()
    assert row.blocked_prefixes == ["+881", "+1900"]
    assert mine.save().status_code == 302
    row.refresh_from_db()
    assert row.blocked_prefixes == ["+882"]
    noted = AuditEvent.objects.filter(action="limits.update").latest("id").details
    assert noted["was"] == {"blocked_prefixes": ["+881", "+1900"]}


def test_what_a_sandbox_was_to_be_allowed_opens_nothing_once_it_is_live(
    browser: Client, account: TelnyxAccount
) -> None:
    row = limits.of_account(account)
    page = OpenPage(browser, f"/admin/voice/limits/{row.pk}/change/")
    TelnyxAccount.objects.update(base_url="https://api.telnyx.com/v2")
    for typed in ({"dials_per_day": "9"}, {"allowed_countries": "US"}):
        stale = OpenPage(browser, page.address)
        stale.fields = page.fields | {name: [value] for name, value in typed.items()}
        answer = stale.save()
        assert "The account has become live since you opened this page" in str(answer.context["adminform"].errors)
        row = Limits.objects.get()
        assert (row.for_live, row.any_country, row.allow_sip, row.allowed_countries) == (True, False, False, [])
        assert (row.dials_per_day, row.own_countries_wanted) == (2000, True)
    assert stale.save(allowed_countries="CA").status_code == 302
    row = Limits.objects.get()
    assert (row.allowed_countries, row.any_country, row.allow_sip, row.dials_per_day) == (["CA"], False, False, 2000)


@pytest.mark.parametrize(
    ("countries", "prefixes", "told"),
    [
        (["US"], ["+4930"], "US, +4930"),
        (list("ABCDEFGH"), [], "A, B, C, D, E, F, G, H"),
        (list("ABCDEFGH"), ["+4930"], "A, B, C, D, E, F, G, H …"),
        ([], [], "every country"),
    ],
)
def test_the_list_tells_where_may_be_called(
    browser: Client, account: TelnyxAccount, countries: list[str], prefixes: list[str], told: str
) -> None:
    limits.of_account(account)
    Limits.objects.filter(account=account).update(allowed_countries=countries, allowed_prefixes=prefixes)
    assert f">{told}<" in browser.get("/admin/voice/limits/").content.decode()


def test_a_number_in_the_name_of_a_token_is_masked(signed_in: Any, operator: User) -> None:
    for at in range(2):
        token, _ = ApiToken.make(operator, f"CI {at} +49 30 1234567")
        row = Limits.objects.create(token=token)
    page = f"/admin/voice/limits/{row.pk}/change/"
    viewer = signed_in("voice.view_limits")
    sees = signed_in("voice.view_limits", "voice.view_full_number", username="sees")
    for url in ("/admin/voice/limits/", page):
        assert "1234567" not in viewer.get(url).content.decode()
        assert "+49 30 1234567" in sees.get(url).content.decode()
    changer = signed_in("voice.view_limits", "voice.change_limits", "voice.delete_limits", username="changer")
    assert "1234567" not in changer.get(page.replace("change", "delete")).content.decode()
    assert "1234567" not in changer.post(page, {"dials_per_minute": "9"}, follow=True).content.decode()


def test_the_limits_of_a_token_are_deleted_by_who_may_and_those_of_an_account_by_nobody(
    signed_in: Any, account: TelnyxAccount, operator: User
) -> None:
    token, _ = ApiToken.make(operator, "ci")
    own, whole = Limits.objects.create(token=token), limits.of_account(account)
    may = ("voice.view_limits", "voice.change_limits")
    deleter = signed_in(*may, "voice.delete_limits", username="deleter")
    for client, row, status in ((signed_in(*may), own, 403), (deleter, whole, 403), (deleter, own, 302)):
        assert client.post(f"/admin/voice/limits/{row.pk}/delete/", {"post": "yes"}).status_code == status
    assert list(Limits.objects.filter(pk__in=(own.pk, whole.pk))) == [whole]
    assert AuditEvent.objects.get(action="limits.delete").object_id == str(own.pk)


def test_the_list_makes_those_that_an_account_lacks_whatever_tokens_have(
    browser: Client, operator: User, account: TelnyxAccount
) -> None:
    Limits.objects.create(token=ApiToken.make(operator, "ci")[0])
    assert browser.get("/admin/voice/limits/").status_code == 200
    assert Limits.objects.get(account=account).for_live is False


def test_what_is_used_now_is_told_in_the_list_and_on_the_page(browser: Client, account: TelnyxAccount) -> None:
    earlier = dial(account, "+13125550002")
    CallCommand.objects.filter(pk=earlier.pk).update(counted_at=ago(300), status="refused")
    dial(account)
    for leg in "bc":
        make_call(account, leg, direction="outgoing", started_at=ago(1))
    for url in ("", f"{limits.of_account(account).pk}/change/"):
        page = browser.get(f"/admin/voice/limits/{url}").content.decode()
        assert "1 in the last minute · 2 in 24 h · 3 alive" in page


def test_limits_of_no_token_are_not_made(browser: Client) -> None:
    answer = browser.post("/admin/voice/limits/add/", {"token": "", "allow_sip": "on"})
    assert answer.status_code == 200
    assert "token" in answer.context["adminform"].errors
    assert not Limits.objects.exists()
