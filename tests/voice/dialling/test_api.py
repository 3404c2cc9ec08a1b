"""Dial batches and limits over REST."""

from datetime import datetime
from typing import Any

import pytest

from portal.models import ApiToken, TelnyxAccount
from tests.support.batches import URL, begin, body
from tests.support.limits import dial, limit
from tests.support.rest import CALLS, api_for, problem
from tests.support.rows import CallCommand, DialBatch, Limits

pytestmark = pytest.mark.django_db


def test_a_dry_run_tells_the_lines_and_dials_nothing(api: Any, account: TelnyxAccount) -> None:
    numbers = ["+1 312 555 0001", "3125550002", "+881612345678", {"to": "+13125550001"}, "+13125550003"]
    numbers += [{"to": "+13125550004", "client_state": "spring"}, {"to": "+13125550005", "client_state": "{{x"}]
    answer = api.post(URL, body(numbers=numbers, dry_run=True), format="json")
    assert answer.status_code == 200
    told = answer.json()
    assert told["lines"] == 2
    assert "Did you mean +13125550002?" in told["problems"]["2"]
    assert "blocked_prefixes" in told["problems"]["3"]
    assert told["problems"]["4"] == "The same number as line 1."
    assert told["problems"]["6"] == "client_state: Must be base64: Telnyx takes no other client state."
    assert told["problems"]["7"] == told["problems"]["6"]
    assert not CallCommand.objects.exists()
    answer = api.post(URL, body(numbers=numbers), format="json")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"numbers.2", "numbers.3", "numbers.4", "numbers.6", "numbers.7"}
    assert not DialBatch.objects.exists()


@pytest.mark.parametrize(("rights", "number"), [((), "+1312•••0001"), (("voice.view_full_number",), "+13125550001")])
def test_the_number_that_a_limit_names_is_told_to_who_may_see_numbers(
    user_with: Any, account: TelnyxAccount, rights: tuple[str, ...], number: str
) -> None:
    limit(account, blocked_prefixes=["+13125550001"])
    dialler, words = api_for(user_with("voice.dial", *rights)), f"Numbers that begin with {number} may not be called"
    looked = dialler.post(URL, body(1, dry_run=True), format="json").json()["problems"]["1"]
    assert looked.startswith(words)
    told = {"account": account.name, "connection_id": "1", "from": "+13125550100", "to": "+13125550001"}
    refused = problem(dialler.post(CALLS, told, format="json"), 403, "limit_exceeded")
    assert refused["detail"].startswith(words)
    assert (refused["limit"], refused["value"]) == ("blocked_prefixes", [number])


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"per_second": 0}, "per_second"),
        ({"per_second": 0.009}, "per_second"),
        ({"per_second": 20.1}, "per_second"),
        ({"numbers": []}, "numbers"),
        ({"numbers": ["+13125550001"] * 1001}, "numbers"),
        ({"parameters": {"to": "+13125550001"}}, "to"),
        ({"parameters": {"from": "+13125550199"}}, "parameters.from"),
        ({"parameters": {"connection_id": "2"}}, "parameters.connection_id"),
        ({"parameters": {"voise": "x"}}, "voise"),
        ({"parameters": {"sip_auth_username": "ada", "sip_auth_password": "•••"}}, "sip_auth_password"),
        ({"connection_id": "1" * 65}, "connection_id"),
        ({"nonsense": 1}, "nonsense"),
        ({"name": "x" * 101}, "name"),
    ],
)
def test_what_is_wrong_as_a_whole_is_told_by_its_field(
    api: Any, account: TelnyxAccount, more: dict[str, Any], name: str
) -> None:
    for dry_run in (False, True):
        answer = api.post(URL, body(dry_run=dry_run, **more), format="json")
        assert answer.status_code == 400
        assert name in answer.json()["errors"]
    assert not DialBatch.objects.exists()


def test_rest_asks_for_the_permissions(user_with: Any, account: TelnyxAccount) -> None:
    viewer, dialler = api_for(user_with("voice.view_dialbatch")), api_for(user_with("voice.dial", username="other"))
    assert viewer.post(URL, body(), format="json").status_code == 403
    batch = begin(dialler)
    assert dialler.get(f"{URL}{batch.pk}/").status_code == 403
    told = viewer.get(f"{URL}{batch.pk}/").json()
    assert (told["parameters"]["from"], told["per_second"]) == ("+1312•••0100", 2)
    for word in ("pause", "resume", "cancel"):
        assert viewer.post(f"{URL}{batch.pk}/{word}/").status_code == 403


def test_rest_tells_the_limits_and_what_is_used(api: Any, account: TelnyxAccount) -> None:
    dial(account)
    answer = api.get(f"/api/v1/accounts/{account.name}/limits/")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["account"], told["allow_premium"], told["token"]) == (account.name, False, None)
    assert told["used"] == {"dials_per_minute": 1, "dials_per_day": 1, "concurrent_calls": 1}
    of_no_limit = {"id", "account", "token", "for_live", "own_countries_wanted", "updated_at"}
    limits_there_are = {field.name for field in Limits._meta.concrete_fields} - of_no_limit
    assert limits_there_are <= told.keys()
    assert api.get("/api/v1/accounts/nobody/limits/").status_code == 404


def test_a_token_is_told_limits_of_its_own_beside_those_of_the_account(api: Any, account: TelnyxAccount) -> None:
    Limits.objects.create(token=ApiToken.objects.get(), dials_per_day=7)
    told = api.get(f"/api/v1/accounts/{account.name}/limits/").json()
    assert (told["dials_per_day"], told["token"]["dials_per_day"]) == (50_000, 7)
    dial(account)  # by nobody's token
    told = api.get(f"/api/v1/accounts/{account.name}/limits/").json()
    assert (told["used"]["dials_per_day"], told["token"]["used"]["dials_per_day"]) == (1, 0)


def test_rest_asks_for_the_permission(user_with: Any, account: TelnyxAccount) -> None:
    url = f"/api/v1/accounts/{account.name}/limits/"
    assert api_for(user_with("voice.dial")).get(url).status_code == 403
    assert api_for(user_with("voice.view_limits", username="other")).get(url).status_code == 200


def test_a_caller_is_sent_in_the_form_of_a_number_however_it_is_typed(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 2, **{"from": "+1 (312) 555-0100"})
    assert batch.parameters["from"] == "+13125550100"
    assert {row.parameters["from"] for row in batch.commands.all()} == {"+13125550100"}


@pytest.mark.parametrize(
    "more",
    [
        {"per_second": 0.01},
        {"per_second": 20},
        {"numbers": [f"+1312555{at:04}" for at in range(1000)]},
        {"connection_id": "1" * 64},
        {"numbers": [{"to": "+13125550001", "client_state": ""}]},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_is_just_allowed_as_a_whole_is_taken(api: Any, account: TelnyxAccount, more: dict[str, Any]) -> None:
    limit(account, dials_per_minute=None)
    answer = api.post(URL, body(dry_run=True, **more), format="json")
    assert (answer.status_code, answer.json().get("problems")) == (200, {})


def test_a_batch_says_where_it_is_and_dials_one_a_second_unless_it_is_told_otherwise(
    api: Any, account: TelnyxAccount
) -> None:
    given = {name: value for name, value in body(2).items() if name != "per_second"}
    made = api.post(URL, given, format="json")
    assert (made.status_code, made["Location"]) == (201, f"{URL}{made.json()['id']}/")
    assert (made.json()["per_second"], api.get(made["Location"]).json()) == (1, made.json())


def test_a_list_begins_with_the_newest_and_tells_of_each_batch_how_far_it_is(api: Any, account: TelnyxAccount) -> None:
    first, second, third = begin(api, 4), begin(api, 2), begin(api, 1)
    first.commands.exclude(sequence=1).update(status="ok")
    second.commands.filter(sequence=1).update(status="refused")
    third.commands.update(status="uncertain")
    told = {row["id"]: (row["status"], row["progress"]) for row in api.get(URL).json()["results"]}
    alone = [api.get(f"{URL}{one.pk}/").json() for one in (first, second, third)]
    assert told == {row["id"]: (row["status"], row["progress"]) for row in alone}
    assert list(told) == [str(one.pk) for one in (third, second, first)]
    assert [row["progress"]["percent"] for row in alone] == [75, 50, 100]


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_batch_names_no_account_while_there_is_only_one(api: Any, account: TelnyxAccount) -> None:
    given = {name: value for name, value in body(2).items() if name != "account"}
    made = api.post(URL, given, format="json")
    assert (made.status_code, made.json()["account"]) == (201, account.name)


def test_a_batch_is_found_again_by_the_key_that_it_was_asked_for_with(api: Any, account: TelnyxAccount) -> None:
    key = {"Idempotency-Key": "spring"}
    made = [api.post(URL, body(2), format="json", headers=key).json()["id"] for _ in range(2)]
    batch = DialBatch.objects.get()
    assert (made, batch.intent.startswith("rest:")) == ([str(batch.pk)] * 2, True)


def test_a_dry_run_tells_how_long_the_batch_would_take(api: Any, account: TelnyxAccount) -> None:
    told = api.post(URL, body(3, dry_run=True), format="json").json()
    assert told == {"lines": 3, "seconds": 1.0, "problems": {}}


def test_what_is_wrong_with_a_line_is_told_by_its_number(api: Any, account: TelnyxAccount) -> None:
    errors = api.post(URL, body(numbers=["+13125550001", "3125550002"]), format="json").json()["errors"]
    assert list(errors) == ["numbers.2"]
    assert "Did you mean +13125550002?" in errors["numbers.2"][0]


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ({"too": "x"}, {"numbers.2.too"}),
        ({}, {"numbers.2.to"}),
        ({"to": " "}, {"numbers.2.to"}),
        ({"to": ["x"], "client_state": ["x"]}, {"numbers.2.to", "numbers.2.client_state"}),
        (7, {"numbers.2.non_field_errors"}),
    ],
)
def test_a_line_that_is_none_is_told_by_its_number_too(
    api: Any, account: TelnyxAccount, line: Any, places: set[str]
) -> None:
    for dry_run in (False, True):
        answer = api.post(URL, body(numbers=["+13125550001", line], dry_run=dry_run), format="json")
        assert set(problem(answer, 400)["errors"]) == places


def test_numbers_that_are_no_list_are_refused_as_a_whole(api: Any, account: TelnyxAccount) -> None:
    errors = problem(api.post(URL, body(numbers="+13125550001"), format="json"), 400)["errors"]
    assert set(errors) == {"numbers.non_field_errors"}


def test_limits_tell_when_they_were_changed(api: Any, account: TelnyxAccount) -> None:
    row = limit(account, dials_per_day=7)
    told = api.get(f"/api/v1/accounts/{account.name}/limits/").json()
    assert datetime.fromisoformat(told["updated_at"]) == row.updated_at
