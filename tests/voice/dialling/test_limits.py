"""Limits against toll fraud: at every door, for every way to call somebody, and under any number of hands."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from portal.actors import PORTAL, Actor
from portal.models import ApiToken, TelnyxAccount
from portal.telnyx.schemas import InvalidParameters
from tests.support import batches
from tests.support.accounts import make_account
from tests.support.factories import make_call, make_event, make_flow, run_owed
from tests.support.limits import FROM, dial, limit
from tests.support.rest import api_for
from tests.support.rows import Call, CallCommand, CallEvent, Limits
from tests.support.sandbox_ledger import wire
from tests.support.webhooks import post_webhook
from voice.commands import outbox
from voice.dialling import limits
from voice.dialling.limits import LimitExceeded
from voice.dispatch import sender
from voice.events import processing

pytestmark = pytest.mark.django_db
SATELLITE, PREMIUM = "+881612345678", "+19005551234"


def refused(account: TelnyxAccount, to: Any, **values: Any) -> tuple[str, Any]:
    limit(account, **values)
    with pytest.raises(LimitExceeded) as caught:
        dial(account, to)
    assert not CallCommand.objects.exists()
    assert caught.value.limit in str(caught.value)
    return caught.value.limit, caught.value.members["value"]


# --- Where -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to", "values", "name"),
    [
        (SATELLITE, {}, "blocked_prefixes"),
        ("+870773111234", {}, "blocked_prefixes"),
        ("+883510012345", {}, "blocked_prefixes"),
        (PREMIUM, {}, "allow_premium"),
        ("+97912345678", {}, "allow_premium"),
        ("+493012345678", {"allowed_countries": ["US", "CA"]}, "allowed_countries"),
        ("+18765551234", {"allowed_countries": ["US", "CA"]}, "allowed_countries"),
        ("+493012345678", {"allowed_prefixes": ["+4989"]}, "allowed_countries"),
        ("+15550001", {"allowed_countries": ["US", "CA"]}, "allowed_countries"),  # it may be in any that has +1
        (SATELLITE, {"allowed_prefixes": ["+881"]}, "blocked_prefixes"),
        ("sip:ada@example.com", {"allow_sip": False}, "allow_sip"),
        (f"sip:{PREMIUM}@sip.telnyx.com", {}, "allow_premium"),
        (["+13125550001", SATELLITE], {}, "blocked_prefixes"),
    ],
)
def test_a_refusal_names_the_limit_and_its_value(
    account: TelnyxAccount, to: Any, values: dict[str, Any], name: str
) -> None:
    assert refused(account, to, **values) == (name, getattr(limits.of_account(account), name))


@pytest.mark.parametrize(
    ("to", "values"),
    [
        ("+13125550001", {}),
        ("+493012345678", {}),
        ("sip:ada@example.com", {}),
        ("+493012345678", {"allowed_countries": ["DE"]}),
        ("+493012345678", {"allowed_countries": ["US"], "allowed_prefixes": ["+4930"]}),
        ("sip:ada@example.com", {"allowed_countries": ["US"]}),
        (PREMIUM, {"allow_premium": True}),
        (SATELLITE, {"blocked_prefixes": []}),
    ],
)
def test_what_no_limit_forbids_is_dialled(account: TelnyxAccount, to: str, values: dict[str, Any]) -> None:
    limit(account, **values)
    assert dial(account, to).status == "queued"


def test_what_no_country_can_be_told_of_is_not_called(account: TelnyxAccount) -> None:
    with pytest.raises(InvalidParameters, match="country code"):
        dial(account, "5550001")
    with pytest.raises(InvalidParameters) as caught:
        outbox.act(make_call(account), "refer", {"sip_address": "tel:nobody"}, PORTAL)
    assert list(caught.value.errors) == ["sip_address"]
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("transfer", {"to": SATELLITE}),
        ("refer", {"sip_address": f"sip:{SATELLITE}@example.com"}),
        (
            "start_ai_assistant",
            {
                "assistant": {
                    "id": "a",
                    "tools": [{"type": "transfer", "transfer": {"from": FROM, "targets": [{"to": SATELLITE}]}}],
                }
            },
        ),
    ],
)
def test_every_way_to_call_somebody_is_held(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, action: str, parameters: dict[str, Any]
) -> None:
    monkeypatch.setattr(
        "voice.catalogue.actions.check", lambda name, values: values
    )  # whether the SDK knows the tool is not it
    with pytest.raises(LimitExceeded):
        outbox.act(make_call(account), action, parameters, PORTAL)
    assert not CallCommand.objects.exists()


# --- The doors -------------------------------------------------------------------------------------------------------


@pytest.mark.alone("an account need not be named while there is only one")
def test_rest_answers_403_and_queues_nothing(api: Any, account: TelnyxAccount) -> None:
    body = {"connection_id": "1", "from": FROM, "to": SATELLITE}
    answer = api.post("/api/v1/calls/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "limit_exceeded")
    assert answer.json()["limit"] == "blocked_prefixes"
    assert answer.json()["value"] == limits.of_account(account).blocked_prefixes
    call = make_call(account)
    answer = api.post(
        f"/api/v1/calls/{call.call_control_id}/actions/transfer/?account=main", {"to": PREMIUM}, format="json"
    )
    assert (answer.status_code, answer.json()["limit"]) == (403, "allow_premium")
    assert not CallCommand.objects.exists()


def test_the_form_tells_it_on_the_field(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    page = browser.get(f"/admin/voice/call/{call.pk}/do/transfer/")
    intent = page.context["form"]["intent"].value()
    page = browser.post(f"/admin/voice/call/{call.pk}/do/transfer/", {"to": SATELLITE, "intent": intent})
    assert "blocked_prefixes" in page.context["form"].errors["to"][0]
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(
    ("action", "name", "to"), [("transfer", "to", "+13125550002"), ("refer", "sip_address", "sip:ada@sip.telnyx.com")]
)
def test_the_form_tells_a_full_limit_where_somebody_is_named(
    browser: Client, account: TelnyxAccount, action: str, name: str, to: str
) -> None:
    limit(account, dials_per_day=0)
    url = f"/admin/voice/call/{make_call(account).pk}/do/{action}/"
    intent = browser.get(url).context["form"]["intent"].value()
    errors = browser.post(url, {name: to, "intent": intent}).context["form"].errors
    assert (list(errors), errors[name][0].startswith("The limit dials_per_day of")) == ([name], True)


def test_a_rule_is_held_too_and_its_command_says_so(account: TelnyxAccount) -> None:
    make_flow(
        account,
        {
            "event_type": "call.initiated",
            "do": [{"action": "transfer", "parameters": {"to": SATELLITE}}, {"action": "hangup"}],
        },
    )
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    first, second = CallCommand.objects.order_by("sequence")
    assert (first.status, second.status) == ("expired", "expired")
    assert first.finished_at == first.created_at  # it is over as soon as it is made
    assert "blocked_prefixes" in first.error
    assert "earlier command" in second.error


def test_it_is_looked_at_once_more_before_it_is_sent(sandbox_account: TelnyxAccount, sandbox: Any) -> None:
    command = dial(sandbox_account, "+493012345678")
    limit(sandbox_account, allowed_countries=["US"])
    sender.send(command.pk)
    command.refresh_from_db()
    assert (command.status, command.attempts) == ("expired", [])
    assert "allowed_countries" in command.error
    assert not wire(sandbox)


# --- How much --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dials_per_minute", "dials_per_day", "concurrent_calls"])
def test_counts_are_held(account: TelnyxAccount, name: str) -> None:
    limit(account, **{name: 3})
    dial(account)
    outbox.act(make_call(account), "transfer", {"to": "+13125550002"}, PORTAL)
    dial(account)
    with pytest.raises(LimitExceeded) as caught:
        dial(account)
    assert (caught.value.limit, caught.value.members["value"]) == (name, 3)
    assert CallCommand.objects.count() == 3


def test_a_dial_of_several_numbers_counts_each(account: TelnyxAccount) -> None:
    limit(account, dials_per_minute=3)
    dial(account, ["+13125550001", "+13125550002"])
    with pytest.raises(LimitExceeded):
        dial(account, ["+13125550001", "+13125550002"])
    dial(account)


def test_windows_pass(account: TelnyxAccount) -> None:
    limit(account, dials_per_minute=1, dials_per_day=2)
    dial(account)
    CallCommand.objects.update(counted_at=timezone.now() - timedelta(seconds=61), status="ok")
    dial(account)
    CallCommand.objects.update(counted_at=timezone.now() - timedelta(hours=23))
    with pytest.raises(LimitExceeded, match="dials_per_day"):
        dial(account)
    CallCommand.objects.update(counted_at=timezone.now() - timedelta(hours=25))
    dial(account)


def test_a_call_counts_while_it_is_alive(account: TelnyxAccount) -> None:
    limit(account, concurrent_calls=1)
    call = make_call(account, direction="outgoing")
    with pytest.raises(LimitExceeded, match="concurrent_calls"):
        dial(account)
    Call.objects.filter(pk=call.pk).update(state="ended")
    make_call(account, leg="b")  # an incoming one costs nothing
    dial(account)


def test_what_was_never_sent_does_not_count(account: TelnyxAccount) -> None:
    limit(account, dials_per_minute=1)
    command = dial(account)
    CallCommand.objects.filter(pk=command.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    sender.send(command.pk)
    assert dial(account).status == "queued"


@pytest.mark.parametrize("name", ["dials_per_minute", "dials_per_day"])
def test_under_a_limit_that_was_lowered_the_earlier_ones_go(
    sandbox_account: TelnyxAccount, connection_id: str, name: str
) -> None:
    body = {"connection_id": connection_id, "from": FROM, "to": "+13125550001"}
    made = [outbox.dial(sandbox_account, body, PORTAL) for _ in range(3)]
    limit(sandbox_account, **{name: 2})
    for command in made:
        sender.send(command.pk)
    assert [CallCommand.objects.get(pk=command.pk).status for command in made] == ["ok", "ok", "expired"]


def test_a_double_click_is_no_second_dial(account: TelnyxAccount) -> None:
    limit(account, dials_per_minute=1)
    assert dial(account, intent="same").pk == dial(account, intent="same").pk


def test_a_sandbox_dials_its_numbers_by_default(sandbox_account: TelnyxAccount, connection_id: str) -> None:
    for last in range(1, 6):
        body = {"connection_id": connection_id, "from": FROM, "to": f"+1312555000{last}"}
        command = outbox.dial(sandbox_account, body, PORTAL)
        sender.send(command.pk)
        assert CallCommand.objects.get(pk=command.pk).status == "ok"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["dials_per_minute", "concurrent_calls"])
def test_of_twenty_at_once_as_many_get_through_as_may(account: TelnyxAccount, name: str) -> None:
    limit(account, **{name: 5})

    def one(_: int) -> bool:
        try:
            return bool(dial(account))
        except LimitExceeded:
            return False
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(one, range(20))) == 5
    assert CallCommand.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_people_and_rules_at_the_same_call_do_not_lock_each_other_out(account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "call.dtmf.received", "do": [{"action": "transfer", "parameters": {"to": FROM}}]})
    call = make_call(account)
    for _ in range(10):
        assert post_webhook(Client(), account, make_event("call.dtmf.received")).status_code == 200

    def one(work: Any) -> None:
        try:
            work()
        finally:
            connections.close_all()

    def transfer() -> None:
        outbox.act(call, "transfer", {"to": "+13125550002"}, PORTAL)

    of_rules = [partial(processing.process, event) for event in processing.due(10)]
    with ThreadPoolExecutor(8) as threads:
        for done in [
            threads.submit(one, work) for pair in zip(of_rules, [transfer] * 10, strict=True) for work in pair
        ]:
            done.result()
    assert CallCommand.objects.filter(counted_at__isnull=False).count() == 20
    assert set(CallEvent.objects.values_list("status", "attempts")) == {("processed", 1)}


# --- Tokens ----------------------------------------------------------------------------------------------------------


def token_of(user: User, **values: Any) -> tuple[Any, ApiToken]:
    client = api_for(user)
    token = ApiToken.objects.get(user=user)
    Limits.objects.create(token=token, **values)
    return client, token


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_token_may_be_held_shorter_than_its_account(operator: User, account: TelnyxAccount) -> None:
    client, token = token_of(operator, allowed_countries=["US"], dials_per_minute=1)
    body = {"connection_id": "1", "from": FROM, "to": "+493012345678"}
    assert client.post("/api/v1/calls/", body, format="json").json()["limit"] == "allowed_countries"
    body["to"] = "+13125550001"
    assert client.post("/api/v1/calls/", body, format="json").status_code == 202
    assert CallCommand.objects.get().token == token
    assert client.post("/api/v1/calls/", body, format="json").json()["limit"] == "dials_per_minute"
    dial(account)  # others are not held by it


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_token_may_be_held_to_fewer_sip_hosts_than_its_account(operator: User, account: TelnyxAccount) -> None:
    client, _ = token_of(operator, allowed_sip_hosts=["pbx.example.com"])
    body = {"connection_id": "1", "from": FROM, "to": "sip:ada@other.example.com"}
    assert client.post("/api/v1/calls/", body, format="json").json()["limit"] == "allowed_sip_hosts"
    for to in ("sip:ada@pbx.example.com", "sip:ada@sip.telnyx.com"):
        assert client.post("/api/v1/calls/", body | {"to": to}, format="json").status_code == 202


def test_a_batch_of_a_token_counts_for_the_token(operator: User, account: TelnyxAccount) -> None:
    client, token = token_of(operator, dials_per_day=3)
    batch, own = batches.begin(client, 2), Limits.objects.get(token=token)
    assert (batch.token, batch.user, limits.usage(own).dials_per_day) == (token, operator, 2)
    answer = client.post(batches.URL, batches.body(2), format="json")
    assert (answer.status_code, answer.json()["limit"]) == (403, "dials_per_day")
    dial(account)  # others are not held by it


@pytest.mark.alone("a token's calls are told by their session alone")
def test_a_token_s_calls_are_those_it_made(operator: User, account: TelnyxAccount) -> None:
    _, token = token_of(operator, concurrent_calls=1)
    make_call(account, leg="of-another", direction="outgoing", call_session_id="x")
    command = dial(account, actor=Actor("token: tests", operator, token))
    call = make_call(account, leg="its-own", direction="outgoing")
    CallCommand.objects.filter(pk=command.pk).update(status="ok", call=call)
    with pytest.raises(LimitExceeded, match="concurrent_calls"):
        dial(account, actor=Actor("token: tests", operator, token))
    Call.objects.filter(pk=call.pk).update(state="ended")
    dial(account, actor=Actor("token: tests", operator, token))


# --- What an account begins with -------------------------------------------------------------------------------------


def test_a_live_account_begins_with_less(account: TelnyxAccount) -> None:
    live = make_account("live", "https://api.telnyx.com/v2")
    counts = ("dials_per_minute", "dials_per_day", "concurrent_calls")
    told = [[getattr(limits.of_account(one), name) for name in counts] for one in (live, account)]
    assert told == [[60, 2000, 50], [1000, 50_000, 1000]]


def test_of_what_a_sandbox_was_allowed_nothing_is_left_once_it_is_live(account: TelnyxAccount) -> None:
    """Then real phones ring: it begins as a fresh account does."""
    opened = {"allowed_countries": ["US"], "allowed_prefixes": ["+4930"], "allowed_sip_hosts": ["pbx.example.com"]}
    limit(account, allow_premium=True, blocked_prefixes=[], egress_hosts=["*"], dials_per_day=None, **opened)
    beside = limit(make_account("beside"), dials_per_minute=7)
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url="https://api.telnyx.com/v2")
    became, fresh = TelnyxAccount.objects.get(pk=account.pk), make_account("live", "https://api.telnyx.com/v2")
    names = {field.name for field in Limits._meta.concrete_fields} - {"id", "account", "token", "updated_at"}
    its, others = ({name: getattr(limits.of_account(one), name) for name in names} for one in (became, fresh))
    assert its == others
    beside.refresh_from_db()
    assert (beside.dials_per_minute, beside.for_live) == (7, False)


def test_the_countries_that_are_called_are_those_of_accounts(account: TelnyxAccount, operator: User) -> None:
    limit(account, allowed_countries=["DE"])
    token_of(operator, allowed_countries=["FR"])
    assert limits.countries() == {"DE"}
