"""What is wrong with a value is said before Telnyx is asked."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.editing.checks import check
from portal.sandbox.server.server import Sandbox
from portal.telnyx.schemas import InvalidParameters
from tests.support.applications import CALL_CONTROL
from tests.support.sandbox_ledger import requests

URL = "/api/v1/call-control-applications/"


@pytest.mark.usefixtures("only_account")
def test_a_create_names_each_wrong_field_and_costs_no_request(api: APIClient, sandbox: Sandbox, mirrored: Any) -> None:
    mirrored()
    before = len(requests(sandbox))
    answer = api.post(URL, {"application_name": 5, "tags": "x", "nonsense": 1}, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"application_name", "webhook_event_url", "tags", "nonsense"}
    assert len(requests(sandbox)) == before


@pytest.mark.usefixtures("only_account")
def test_a_change_names_each_wrong_field_and_costs_no_request(api: APIClient, sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    before = len(requests(sandbox))
    wrong = {"application_name": None, "inbound": {"channel_limit": "many"}}
    for name, value in wrong.items():
        answer = api.patch(f"{URL}{row.telnyx_id}/", {name: value}, format="json")
        assert answer.status_code == 400
        assert [one.partition(".")[0] for one in answer.json()["errors"]] == [name]
    assert len(requests(sandbox)) == before


@pytest.mark.usefixtures("only_account")
@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"nonsense": None}, "nonsense"),
        ({"inbound": {"nonsense": None}}, "inbound.nonsense"),
        ({"inbound": None}, "inbound"),
        ({"webhook_event_url": None}, "webhook_event_url"),
    ],
)
def test_nothing_is_cleared_that_is_unknown_or_has_to_be_there(
    api: APIClient, sandbox: Sandbox, mirrored: Any, body: dict[str, Any], name: str
) -> None:
    row = mirrored()
    before = len(requests(sandbox))
    answer = api.patch(f"{URL}{row.telnyx_id}/", {"webhook_timeout_secs": None, **body}, format="json")
    assert (answer.status_code, [*answer.json()["errors"]]) == (400, [name])
    assert len(requests(sandbox)) == before


@pytest.mark.usefixtures("only_account")
def test_a_word_that_the_sdk_does_not_know_is_refused_and_costs_no_request(
    api: APIClient, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    before = len(requests(sandbox))
    new = {"application_name": "new", "webhook_event_url": "https://portal.example/", "dtmf_type": "Shouted"}
    for answer in (
        api.post(URL, new, format="json"),
        api.patch(f"{URL}{row.telnyx_id}/", {"dtmf_type": "Shouted"}, format="json"),
    ):
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) == {"dtmf_type"}
    assert len(requests(sandbox)) == before


@pytest.mark.parametrize("there", [None, {"application_name": "old", "webhook_event_url": "https://a.example/"}])
def test_of_what_could_be_sent_words_are_left_to_telnyx_and_types_are_not(there: dict[str, Any] | None) -> None:
    values: dict[str, Any] = {"application_name": "new", "webhook_event_url": "https://portal.example/", "tags": ["a"]}
    wrongs: list[dict[str, Any]] = [{"dtmf_type": 5}, {"inbound.channel_limit": "many"}, {"tags": "a"}]
    check(CALL_CONTROL, values | {"dtmf_type": "Shouted"}, there)
    for wrong in wrongs:
        with pytest.raises(InvalidParameters) as caught:
            check(CALL_CONTROL, values | wrong, there)
        assert [name.partition(".")[0] for name in caught.value.errors] == [name.partition(".")[0] for name in wrong]
