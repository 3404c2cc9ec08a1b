"""Suspensions and stops over REST."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.models import CallControlApplication, TexmlApplication
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call
from tests.support.rest import api_for
from tests.support.rows import NEIGHBOUR, CallCommand
from tests.support.times import ago
from voice import models
from voice.models import Stop, Suspension

pytestmark = pytest.mark.django_db
SUSPENSIONS, STOPS = "/api/v1/suspensions/", "/api/v1/stops/"


def test_an_account_is_suspended_read_and_lifted(api: APIClient, account: TelnyxAccount) -> None:
    made = api.post(SUSPENSIONS, {"account": account.name, "why": "Fraud"}, format="json")
    assert (made.status_code, made["Location"]) == (201, f"{SUSPENSIONS}{made.json()['id']}/")
    told = {"account": account.name, "connection_id": "", "why": "Fraud", "requested_by": "token: tests"}
    assert {name: made.json()[name] for name in told} == told
    assert [one["id"] for one in api.get(SUSPENSIONS).json()["results"]] == [made.json()["id"]]
    assert api.delete(made["Location"]).status_code == 204
    assert (api.get(made["Location"]).status_code, Suspension.objects.exists()) == (404, False)


def test_suspensions_are_listed_whole_and_the_newest_first(api: APIClient, account: TelnyxAccount) -> None:
    told: dict[str, Any] = {"account": account, "requested_by": "user: ada"}
    rows = [Suspension.objects.create(connection_id=str(at), since=ago(60 - at), **told) for at in range(5)]
    results = api.get(SUSPENSIONS).json()["results"]
    assert [one["id"] for one in results] == [str(row.pk) for row in reversed(rows)]
    assert set(results[0]) == {"id", "account", "connection_id", "since", "why", "requested_by"}


def test_a_stop_is_told_whole(api: APIClient, account: TelnyxAccount) -> None:
    made = api.post(STOPS, {"account": account.name}, format="json").json()
    assert set(made) == {"id", "account", "at", "requested_by", "calls", "dials", "batches", "hang_ups"}
    assert (made["account"], made["requested_by"]) == (account.name, "token: tests")


def test_an_application_is_named_by_its_connection_id(api: APIClient, account: TelnyxAccount) -> None:
    body = {"account": account.name, "connection_id": CONNECTION}
    refused = api.post(SUSPENSIONS, body, format="json")
    assert (refused.status_code, "connection_id" in refused.json()["errors"]) == (400, True)
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    assert api.post(SUSPENSIONS, body, format="json").json()["connection_id"] == CONNECTION


def test_who_suspended_and_lifted_an_application_is_noted_of_it(api: APIClient, account: TelnyxAccount) -> None:
    application = CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    body = {"account": account.name, "connection_id": CONNECTION, "why": "Fraud"}
    made = api.post(SUSPENSIONS, body, format="json")
    since = Suspension.objects.get().since.isoformat()
    api.delete(made["Location"])
    noted = AuditEvent.objects.filter(action__startswith="application.").order_by("id")
    assert {(one.actor, one.object_id) for one in noted} == {("token: tests", str(application.pk))}
    told = {"connection_id": CONNECTION, "why": "Fraud"}
    assert [one.action for one in noted] == ["application.suspend", "application.lift"]
    assert [one.details for one in noted] == [told, told | {"since": since}]


def test_an_application_of_texml_is_suspended_too_and_none_of_another_account(
    api: APIClient, account: TelnyxAccount
) -> None:
    TexmlApplication.objects.create(account=account, telnyx_id="77", friendly_name="menu", remote={})
    CallControlApplication.objects.create(account=make_account("other"), telnyx_id="88")
    codes = [
        api.post(SUSPENSIONS, {"account": account.name, "connection_id": one}, format="json").status_code
        for one in ("77", "88")
    ]
    assert codes == [201, 400]
    assert Suspension.objects.get().connection_id == "77"


def test_an_empty_connection_id_is_the_whole_account(api: APIClient, account: TelnyxAccount) -> None:
    made = api.post(SUSPENSIONS, {"account": account.name, "connection_id": "", "why": ""}, format="json")
    assert (made.status_code, made.json()["connection_id"], made.json()["why"]) == (201, "", "")


def test_what_is_too_long_is_told_on_its_field(api: APIClient, account: TelnyxAccount) -> None:
    body = {"account": account.name, "connection_id": "1" * 65, "why": "x" * 201}
    refused = api.post(SUSPENSIONS, body, format="json")
    assert refused.status_code == 400
    words = {name: " ".join(said) for name, said in refused.json()["errors"].items()}
    assert ("64 characters" in words["connection_id"], "200 characters" in words["why"]) == (True, True)


def test_a_stop_counts_what_it_did_and_its_key_repeats_nothing(api: APIClient, account: TelnyxAccount) -> None:
    for leg in "ab":
        make_call(account, leg, direction="outgoing")
    how: Any = {"format": "json", "headers": {"Idempotency-Key": "one"}}
    first = api.post(STOPS, {"account": account.name}, **how)
    assert (first.status_code, first.json()["calls"], first.json()["hang_ups"]) == (202, 2, {"queued": 2})
    assert api.post(STOPS, {"account": account.name}, **how).json() == first.json()
    assert (Stop.objects.count(), CallCommand.objects.count()) == (1, 2)
    assert api.get(first["Location"]).json()["id"] == first.json()["id"]


def test_a_stop_wakes_whoever_sends_its_hang_ups(
    api: APIClient, account: TelnyxAccount, messages: list[tuple[str, str]]
) -> None:
    for leg in "ab":
        make_call(account, leg, direction="outgoing")
    api.post(STOPS, {"account": account.name}, format="json")
    asked = CallCommand.objects.values_list("pk", flat=True)
    assert sorted(messages) == sorted(("voice.send_command", str(one)) for one in asked)
    assert len(messages) == 2


def test_a_stop_is_of_the_account_that_the_address_names(api: APIClient, account: TelnyxAccount) -> None:
    make_call(account, direction="outgoing")
    assert api.post(f"{STOPS}?account={NEIGHBOUR}", {"account": account.name}, format="json").status_code == 400
    made = api.post(f"{STOPS}?account={account.name}", {}, format="json")
    assert (made.status_code, made.json()["account"], made.json()["calls"]) == (202, account.name, 1)
    assert not models.CallCommand.objects.filter(account__name=NEIGHBOUR, action="hangup").exists()


@pytest.mark.alone("it stops what every account has")
def test_a_stop_that_names_no_account_is_of_all(api: APIClient, account: TelnyxAccount) -> None:
    calls = {make_call(one, direction="outgoing").pk for one in (account, make_account("other"))}
    made = api.post(STOPS, {}, format="json")
    assert (made.status_code, made.json()["account"], made.json()["calls"]) == (202, None, 2)
    assert set(CallCommand.objects.values_list("call", flat=True)) == calls


@pytest.mark.parametrize(
    ("url", "permissions"), [(SUSPENSIONS, ("voice.view_suspension",)), (STOPS, ("voice.control_call",))]
)
def test_who_lacks_the_permission_stops_nothing(
    user_with: Any, account: TelnyxAccount, url: str, permissions: tuple[str, ...]
) -> None:
    make_call(account, direction="outgoing")
    client = api_for(user_with(*permissions))
    assert client.post(url, {"account": account.name}, format="json").status_code == 403
    assert not Suspension.objects.exists()
    assert not Stop.objects.exists()


@pytest.mark.parametrize("url", [SUSPENSIONS, STOPS])
def test_an_unknown_member_is_told_by_its_name_and_nothing_is_stopped(
    api: APIClient, account: TelnyxAccount, url: str
) -> None:
    make_call(account, direction="outgoing")
    refused = api.post(url, {"account": account.name, "acount": "other"}, format="json")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["acount"])
    assert not Suspension.objects.exists()
    assert not Stop.objects.exists()


@pytest.mark.alone("an account need not be named while there is only one")
def test_the_only_account_is_suspended_without_its_name(api: APIClient, account: TelnyxAccount) -> None:
    made = api.post(SUSPENSIONS, {"why": "Fraud"}, format="json")
    assert (made.status_code, made.json()["account"]) == (201, account.name)


def test_suspensions_of_one_moment_are_listed_in_one_order(api: APIClient, account: TelnyxAccount) -> None:
    told: dict[str, Any] = {"account": account, "requested_by": "user: ada", "since": ago(60)}
    rows = [Suspension.objects.create(connection_id=str(at), **told) for at in range(6)]
    results = api.get(SUSPENSIONS).json()["results"]
    assert [one["id"] for one in results] == sorted((str(row.pk) for row in rows), reverse=True)
