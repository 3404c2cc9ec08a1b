"""A fresh live account calls the countries of its own numbers; the rest is opened by somebody."""

import json
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import ApiToken, AuditEvent, TelnyxAccount
from portal.refusals import LimitExceeded
from tests.support import batches
from tests.support.accounts import make_account
from tests.support.factories import make_call, make_event, make_flow, run_owed
from tests.support.http_servers import Listener, answer, serving
from tests.support.limits import dial, limit
from tests.support.open_pages import OpenPage
from tests.support.rest import CALLS, problem
from tests.support.rows import CallCommand, Limits
from tests.support.webhooks import post_webhook
from voice import tasks
from voice.commands import outbox
from voice.dialling import limits, own_numbers

pytestmark = [pytest.mark.django_db, pytest.mark.alone("which accounts still wait for their countries is the point")]
GERMAN, AMERICAN = "+493012345678", "+13125550001"


def numbers(*listed: str) -> bytes:
    """Telnyx's list of the account's phone numbers."""
    return json.dumps({"data": [{"id": str(at), "phone_number": one} for at, one in enumerate(listed)]}).encode()


@pytest.fixture
def telnyx() -> Iterator[Listener]:
    """Telnyx, which lists the numbers of ``telnyx.owned``."""
    owned: list[str] = [GERMAN, "+498912345678"]
    with serving(lambda wire: wire.sendall(answer("200 OK", numbers(*owned)))) as listener:
        listener.owned = owned  # type: ignore[attr-defined]
        yield listener


@pytest.fixture
def live(account: TelnyxAccount, telnyx: Listener, monkeypatch: pytest.MonkeyPatch) -> TelnyxAccount:
    """A fresh account that rings real phones, though all of it is here."""
    cache.clear()
    account.base_url = f"{telnyx.url}/v2"
    account.save()
    monkeypatch.setattr(TelnyxAccount, "is_live", True)
    return account


def body(to: Any) -> dict[str, Any]:
    return {"connection_id": "1", "from": GERMAN, "to": to}


def test_it_calls_its_own_country_and_no_other(api: Any, live: TelnyxAccount) -> None:
    assert api.post(CALLS, body("+494012345678"), format="json").status_code == 202
    refused = problem(api.post(CALLS, body(AMERICAN), format="json"), 403, "limit_exceeded")
    assert (refused["limit"], refused["value"]) == ("allowed_countries", ["DE"])
    note = AuditEvent.objects.get(action="limits.own_countries")
    assert (note.actor, note.details) == ("portal", {"now": {"allowed_countries": ["DE"]}})


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("sip:gencred@sip.telnyx.com", "allow_sip"),
        ("sip:ada@pbx.example.com", "allow_sip"),
        ("+499001123456", "allow_premium"),
        ("+881612345678", "blocked_prefixes"),
    ],
)
def test_the_rest_is_closed_until_somebody_opens_it(api: Any, live: TelnyxAccount, to: str, name: str) -> None:
    assert problem(api.post(CALLS, body(to), format="json"), 403)["limit"] == name
    assert not CallCommand.objects.exists()


def test_sip_hosts_are_opened_by_name(live: TelnyxAccount) -> None:
    limit(live, allow_sip=True)
    assert dial(live, "sip:gencred@sip.telnyx.com").status == "queued"
    with pytest.raises(LimitExceeded) as caught:
        dial(live, "sip:ada@pbx.example.com")
    assert (caught.value.limit, caught.value.members["value"]) == ("allowed_sip_hosts", [])
    limit(live, allowed_sip_hosts=["*.example.com"])
    assert dial(live, "sip:ada@pbx.example.com").status == "queued"
    with pytest.raises(LimitExceeded):
        dial(live, "sip:ada@telnyx.example.org")


def test_without_a_number_nobody_is_called_and_it_says_why(api: Any, live: TelnyxAccount, telnyx: Any) -> None:
    telnyx.owned.clear()
    refused = problem(api.post(CALLS, body(AMERICAN), format="json"), 403)
    assert "No country is open yet" in refused["detail"]
    telnyx.owned.append(AMERICAN)
    cache.clear()
    assert api.post(CALLS, body(AMERICAN), format="json").status_code == 202


@pytest.mark.parametrize("opened", [{"allowed_countries": ["DE"]}, {"allowed_prefixes": ["+4930"]}])
def test_that_no_country_is_open_is_told_while_none_is_alone(live: TelnyxAccount, opened: dict[str, Any]) -> None:
    limit(live, own_countries_wanted=False, **opened)
    with pytest.raises(LimitExceeded) as caught:
        dial(live, AMERICAN)
    assert caught.value.words.startswith("Numbers of US may not be called: the limit allowed_countries of")


def test_of_an_account_that_is_a_sandbox_again_telnyx_is_not_asked(account: TelnyxAccount, telnyx: Listener) -> None:
    cache.clear()
    TelnyxAccount.objects.update(base_url=f"{telnyx.url}/v2")
    limit(account, own_countries_wanted=True)
    own_numbers.open_own_countries(TelnyxAccount.objects.get())
    row = Limits.objects.get()
    assert (row.allowed_countries, row.own_countries_wanted, telnyx.requests) == ([], True, [])


def test_the_page_shows_what_holds_of_an_account_that_became_live_whether_telnyx_is_asked_or_not(
    account: TelnyxAccount, browser: Client, telnyx: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(account, dials_per_minute=7)
    TelnyxAccount.objects.update(base_url=f"{telnyx.url}/v2")
    monkeypatch.setattr(TelnyxAccount, "is_live", True)
    monkeypatch.setattr(own_numbers, "open_wanted", lambda _: None)
    assert browser.get("/admin/voice/limits/").status_code == 200
    row = Limits.objects.get()
    assert (row.for_live, row.dials_per_minute) == (True, 60)
    noted = AuditEvent.objects.get(action="limits.update", actor="portal")
    assert noted.details["now"]["dials_per_minute"] == 60


@pytest.mark.parametrize("owned", [["+80012345678"], ["+882161234567"], ["nonsense"], ["+1555"]])
def test_a_number_of_no_country_opens_none(live: TelnyxAccount, telnyx: Any, owned: list[str]) -> None:
    telnyx.owned[:] = owned
    with pytest.raises(LimitExceeded, match="No country is open yet"):
        dial(live, AMERICAN)


def test_what_somebody_has_set_is_left_alone(live: TelnyxAccount, browser: Client, telnyx: Listener) -> None:
    row = limits.of_account(live)
    fields = {"allowed_countries": "US", "allowed_prefixes": "", "blocked_prefixes": "", "egress_hosts": ""}
    fields |= {"allowed_sip_hosts": "", "dials_per_minute": "1", "dials_per_day": "", "concurrent_calls": ""}
    assert browser.post(f"/admin/voice/limits/{row.pk}/change/", fields).status_code == 302
    own_numbers.open_own_countries(live)
    row.refresh_from_db()
    assert (row.allowed_countries, row.own_countries_wanted) == (["US"], False)
    assert not telnyx.requests


@pytest.mark.parametrize("said", [{"allowed_prefixes": "+1312"}, {"any_country": "on"}])
def test_whoever_has_said_otherwise_whom_to_call_is_not_overruled(
    live: TelnyxAccount, browser: Client, telnyx: Listener, said: dict[str, str]
) -> None:
    row = limits.of_account(live)
    names = ("allowed_countries", "allowed_prefixes", "blocked_prefixes", "egress_hosts", "allowed_sip_hosts")
    fields = dict.fromkeys((*names, "dials_per_minute", "dials_per_day", "concurrent_calls"), "")
    assert browser.post(f"/admin/voice/limits/{row.pk}/change/", fields | said).status_code == 302
    own_numbers.open_own_countries(live)
    row.refresh_from_db()
    assert (row.allowed_countries, row.own_countries_wanted, telnyx.requests) == ([], False, [])
    assert dial(live, AMERICAN).status == "queued"


def test_what_somebody_sets_while_telnyx_is_asked_is_left_alone(
    live: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(_: TelnyxAccount) -> list[str]:
        limit(live, own_countries_wanted=False, allowed_countries=["US"])
        return [GERMAN]

    monkeypatch.setattr(own_numbers, "own_numbers", tell)
    own_numbers.open_own_countries(live)
    assert Limits.objects.get().allowed_countries == ["US"]
    assert not AuditEvent.objects.filter(action="limits.own_countries").exists()


def test_another_limit_that_somebody_sets_closes_nothing(live: TelnyxAccount, browser: Client) -> None:
    row = limits.of_account(live)
    fields = {"allowed_countries": "", "allowed_prefixes": "", "blocked_prefixes": "", "egress_hosts": ""}
    fields |= {"allowed_sip_hosts": "", "dials_per_minute": "1", "dials_per_day": "", "concurrent_calls": ""}
    assert browser.post(f"/admin/voice/limits/{row.pk}/change/", fields).status_code == 302
    assert dial(live, GERMAN).status == "queued"


def test_a_page_that_was_open_closes_no_country_that_the_portal_has_opened(
    live: TelnyxAccount, browser: Client, telnyx: Listener
) -> None:
    row = limits.of_account(live)
    page = OpenPage(browser, f"/admin/voice/limits/{row.pk}/change/")
    own_numbers.open_own_countries(live)
    assert page.save(dials_per_minute="1").status_code == 302
    row.refresh_from_db()
    assert (row.allowed_countries, row.dials_per_minute) == (["DE"], 1)
    assert dial(live, GERMAN).status == "queued"


def test_a_sandbox_that_becomes_live_begins_anew(
    account: TelnyxAccount, telnyx: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    opened = {"allow_premium": True, "allowed_countries": ["US"], "egress_hosts": ["*"], "blocked_prefixes": []}
    limit(account, dials_per_minute=7, **opened)
    TelnyxAccount.objects.update(base_url=f"{telnyx.url}/v2")
    monkeypatch.setattr(TelnyxAccount, "is_live", True)
    account = TelnyxAccount.objects.get()
    assert dial(account, GERMAN).status == "queued"
    for to in (AMERICAN, "sip:gencred@sip.telnyx.com"):
        with pytest.raises(LimitExceeded):
            dial(account, to)
    assert AuditEvent.objects.filter(action="limits.update", actor="portal").count() == 1
    row = limits.of_account(account)
    assert (row.dials_per_minute, row.allow_premium, row.egress_hosts) == (60, False, [])
    assert (row.allowed_countries, "+881" in row.blocked_prefixes) == (["DE"], True)


@pytest.mark.parametrize("changed", ["address", "key"])
def test_numbers_that_were_listed_before_the_account_became_another_open_nothing(
    api: Any, account: TelnyxAccount, browser: Client, monkeypatch: pytest.MonkeyPatch, telnyx: Listener, changed: str
) -> None:
    """They were looked up while it was a sandbox, or had another key, and are kept a minute."""
    cache.clear()
    CallControlApplication.objects.create(account=account, telnyx_id="1", application_name="line")
    telnyx.owned[:] = [AMERICAN]  # type: ignore[attr-defined]
    TelnyxAccount.objects.update(base_url=f"{telnyx.url}/v2")
    offered = browser.get("/admin/voice/dialbatch/own-numbers/", {"connection_id": "1"})
    assert AMERICAN in offered.content.decode()
    telnyx.owned[:] = [GERMAN]  # type: ignore[attr-defined]
    account = TelnyxAccount.objects.get()
    if changed == "address":
        account.base_url = f"{telnyx.url}/elsewhere/v2"
    else:
        account.api_key = "another"
    account.save()
    monkeypatch.setattr(TelnyxAccount, "is_live", True)
    assert problem(api.post(CALLS, body(AMERICAN), format="json"), 403)["value"] == ["DE"]


def test_of_a_sandbox_that_becomes_live_the_beat_opens_the_countries(
    account: TelnyxAccount, telnyx: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    limits.of_account(account)
    TelnyxAccount.objects.update(base_url=f"{telnyx.url}/v2")
    monkeypatch.setattr(TelnyxAccount, "is_live", True)
    assert own_numbers.wanted() == [account]


def test_what_somebody_sets_for_a_sandbox_that_became_live_stays(
    account: TelnyxAccount, browser: Client, telnyx: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = limits.of_account(account)
    TelnyxAccount.objects.update(base_url=f"{telnyx.url}/v2")
    monkeypatch.setattr(TelnyxAccount, "is_live", True)
    fields = {"allowed_countries": "US", "allowed_prefixes": "", "blocked_prefixes": "", "egress_hosts": ""}
    fields |= {"allowed_sip_hosts": "", "dials_per_minute": "1", "dials_per_day": "", "concurrent_calls": ""}
    assert browser.post(f"/admin/voice/limits/{row.pk}/change/", fields).status_code == 302
    row = limits.of_account(TelnyxAccount.objects.get())
    assert (row.allowed_countries, row.dials_per_minute) == (["US"], 1)


def test_a_rule_calls_at_home_once_the_portal_has_looked(live: TelnyxAccount) -> None:
    """Inside of an event's transaction Telnyx is not asked: the beat does."""
    for leg, to in (("a", GERMAN), ("b", GERMAN), ("c", AMERICAN)):
        make_flow(
            live,
            {"event_type": "call.initiated", "do": [{"action": "transfer", "parameters": {"to": to}}]},
            connection_id=leg,
        )
    post_webhook(Client(), live, make_event(leg="a", connection_id="a"))
    run_owed()
    assert own_numbers.wanted() == [live]
    tasks.open_own_countries()
    assert own_numbers.wanted() == []
    for leg in "bc":
        post_webhook(Client(), live, make_event(leg=leg, connection_id=leg))
    run_owed()
    ended = dict(CallCommand.objects.values_list("call_control_id", "error"))
    assert "No country is open yet" in ended["v3:a-leg"]
    assert "allowed_countries" not in ended["v3:b-leg"]
    assert "Numbers of US may not be called" in ended["v3:c-leg"]


def test_the_limits_of_a_token_stand_for_no_account(live: TelnyxAccount, operator: User) -> None:
    Limits.objects.create(token=ApiToken.make(operator, "ci")[0])
    assert own_numbers.wanted() == [live]


def test_a_batch_looks_first(api: Any, live: TelnyxAccount) -> None:
    answered = api.post(
        batches.URL, batches.body(1, numbers=["+494012345678"], per_second=1, dry_run=True), format="json"
    )
    assert answered.json()["problems"] == {}


def test_the_page_looks_and_says_what_is_open(live: TelnyxAccount, browser: Client, telnyx: Any) -> None:
    telnyx.owned.clear()
    page = browser.get("/admin/voice/limits/")
    assert "no country yet" in page.content.decode()
    row = Limits.objects.get()
    assert "may call nobody" in browser.get(f"/admin/voice/limits/{row.pk}/change/").content.decode()
    telnyx.owned.append(GERMAN)
    cache.clear()
    assert "no country yet" not in browser.get("/admin/voice/limits/").content.decode()
    assert Limits.objects.get().allowed_countries == ["DE"]
    assert "may call nobody" not in browser.get(f"/admin/voice/limits/{row.pk}/change/").content.decode()


def test_who_may_not_see_the_page_has_nobody_asked(live: TelnyxAccount, signed_in: Any, telnyx: Listener) -> None:
    assert signed_in("voice.dial").get("/admin/voice/limits/").status_code == 403
    assert not Limits.objects.exists()
    assert not telnyx.requests


def test_the_page_waits_for_telnyx_not_longer_than_people_do(
    live: TelnyxAccount, browser: Client, telnyx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request takes a second; what it does not come to the beat does."""
    for at in range(6):
        make_account(f"more-{at}", telnyx.url, "")
    monkeypatch.setattr(own_numbers, "uptime", lambda: 1.0 * len(telnyx.requests))
    assert browser.get("/admin/voice/limits/").status_code == 200
    assert (len(telnyx.requests), Limits.objects.filter(own_countries_wanted=True).count()) == (5, 2)
    tasks.open_own_countries()
    assert own_numbers.wanted() == []


def test_telnyx_that_does_not_answer_opens_nothing(live: TelnyxAccount) -> None:
    live.base_url = "http://127.0.0.1:9/v2"
    live.save()
    with pytest.raises(LimitExceeded, match="No country is open yet"):
        outbox.act(make_call(live), "transfer", {"to": GERMAN}, PORTAL)


def test_a_sandbox_calls_everybody(account: TelnyxAccount) -> None:
    for to in (GERMAN, AMERICAN, "sip:ada@pbx.example.com"):
        assert dial(account, to).status == "queued"
    assert own_numbers.wanted() == []


@pytest.mark.parametrize(("base_url", "per_minute"), [("https://api.telnyx.com/v2", 60), ("http://[::1]:1/v2", 1000)])
def test_an_account_that_was_there_before_calls_whom_it_could(
    account: TelnyxAccount, base_url: str, per_minute: int
) -> None:
    TelnyxAccount.objects.update(base_url=base_url)
    import_module("voice.migrations.0014_destinations_opened").keep(apps, SimpleNamespace(connection=connection))
    account.refresh_from_db()
    row = Limits.objects.get()
    assert (row.any_country, row.allow_sip, row.allowed_sip_hosts) == (True, True, ["*"])
    assert (row.dials_per_minute, row.own_countries_wanted) == (per_minute, False)
    assert row.for_live == account.is_live
    for to in (GERMAN, AMERICAN, "sip:ada@pbx.example.com"):
        assert dial(account, to).status == "queued"
