"""Phone numbers and outbound voice profiles at the sandbox."""

from typing import Any
from urllib.parse import quote

import pytest
import telnyx

from tests.support.sandbox_http import Http, refused


def numbers(http: Http, query: str = "") -> list[str]:
    status, answer = http("GET", f"/v2/phone_numbers?{quote(query, safe='=&')}")
    assert status == 200, answer
    return [one["phone_number"] for one in answer["data"]]


def test_the_sdk_takes_numbers_and_changes_them(sdk: telnyx.Telnyx, application: Any) -> None:
    number = next(iter(sdk.phone_numbers.list(filter={"phone_number": "3125550103"})))
    changed = sdk.phone_numbers.update(number.id, connection_id=application.id, tags=["desk"], customer_reference="r")
    assert changed.data
    assert (changed.data.connection_id, changed.data.connection_name) == (application.id, "tests")
    assert sdk.phone_numbers.retrieve(number.id).data == changed.data
    assert [one.id for one in sdk.phone_numbers.list(filter={"connection_id": application.id})] == [number.id]
    assert [one.id for one in sdk.phone_numbers.list(filter={"tag": "desk", "status": "active"})] == [number.id]
    named = {"voice_connection_name": {"contains": "test"}}
    assert [one.id for one in sdk.phone_numbers.list(filter=named)] == [number.id]  # type: ignore[arg-type]


def test_an_empty_connection_unassigns_and_a_foreign_one_is_refused(http: Http, application: Any) -> None:
    at = f"/v2/phone_numbers/{http('GET', '/v2/phone_numbers')[1]['data'][0]['id']}"
    assert http("PATCH", at, {"connection_id": application.id})[1]["data"]["connection_id"] == application.id
    status, answer = http("PATCH", at, {"connection_id": "4"})
    assert (status, answer["errors"][0]["source"]["pointer"]) == (422, "/connection_id")
    assert http("PATCH", at, {"connection_id": None})[0] == 422
    assert http("PATCH", at, {"phone_number": "+1"})[0] == 422
    assert http("GET", at)[1]["data"]["connection_id"] == application.id
    assert http("PATCH", at, {"connection_id": ""})[1]["data"]["connection_id"] is None
    assert http("PATCH", "/v2/phone_numbers/4", {})[0] == 404


def test_an_application_is_not_deleted_while_a_number_leads_to_it(http: Http, application: Any) -> None:
    """Seen in production; the code is a guess."""
    at = f"/v2/phone_numbers/{http('GET', '/v2/phone_numbers')[1]['data'][0]['id']}"
    http("PATCH", at, {"connection_id": application.id})
    assert refused(http("DELETE", f"/v2/call_control_applications/{application.id}")) == (422, "10021")
    http("PATCH", at, {"connection_id": ""})
    assert http("DELETE", f"/v2/call_control_applications/{application.id}")[0] == 200


@pytest.mark.parametrize("query", ["filter[phone_number]=12", "sort=status", "page[size]=251"])
def test_a_list_of_numbers_that_is_not_documented_is_refused(http: Http, query: str) -> None:
    assert http("GET", f"/v2/phone_numbers?{quote(query, safe='=')}")[0] == 400


def test_letters_find_no_number(http: Http) -> None:
    assert numbers(http, "filter[phone_number]=312abc") == []
    assert numbers(http, "filter[phone_number]=+1312555010") == numbers(http)


def test_thousands_of_numbers_can_be_bought_and_are_all_different(http: Http, sdk: telnyx.Telnyx) -> None:
    assert http("POST", "/sandbox/numbers", {"count": 1200})[1] == {"count": 1200, "total": 1206}
    found = [number.phone_number for number in sdk.phone_numbers.list(page_size=250)]
    assert len(found) == len(set(found)) == 1206
    assert http("POST", "/sandbox/numbers", {"count": 0})[0] == 422
