"""A body is judged by the SDK's own types before Telnyx is asked."""

from typing import Any

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from applications import urls
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_ledger import requests

URL = "/api/v1/call-control-applications/"


@pytest.mark.usefixtures("only_account")
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"nonsense": 1}, {"nonsense"}),
        ({"created_at": "2026-01-01"}, {"created_at"}),
        ({"id": "1"}, {"id"}),
        ({"active": "true"}, {"active"}),
        ({"webhook_timeout_secs": "5"}, {"webhook_timeout_secs"}),
        ({"inbound": {"nonsense": 1}}, {"inbound.nonsense"}),
        ({"inbound": {"channel_limit": True}}, {"inbound.channel_limit"}),
        ({"inbound": None}, {"inbound"}),
        ({"inbound": 5}, {"inbound"}),
        ({"application_name": None}, {"application_name"}),
        ({"nonsense": None}, {"nonsense"}),
        ({"dtmf_type": "Morse"}, {"dtmf_type"}),
        ({"tags": "a"}, {"tags"}),
        ([1], {"non_field_errors"}),
    ],
)
def test_what_is_wrong_is_refused_by_name_without_a_request(
    api: APIClient, mirrored: Any, sandbox: Sandbox, body: Any, fields: set[str]
) -> None:
    row = mirrored()
    before = len(requests(sandbox))
    answer = api.patch(f"{URL}{row.telnyx_id}/", body, format="json")
    assert (answer.status_code, set(answer.json()["errors"])) == (400, fields)
    assert len(requests(sandbox)) == before


@pytest.mark.usefixtures("only_account")
def test_a_create_needs_both_required_fields(api: APIClient, sandbox_account: TelnyxAccount) -> None:
    answer = api.post(URL, {}, format="json")
    assert set(answer.json()["errors"]) == {"application_name", "webhook_event_url"}


def test_the_openapi_document_is_exact_and_without_warnings() -> None:
    GENERATOR_STATS.reset()
    schema = SchemaGenerator(patterns=urls.urlpatterns, api_version="v1").get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    update = schema["components"]["schemas"]["PatchedCallControlApplicationInputRequest"]["properties"]
    assert update["dtmf_type"]["allOf"][0]["enum"] == ["RFC 2833", "Inband", "SIP INFO"]
    assert update["inbound"]["properties"]["channel_limit"]["type"] == "integer"
    read = schema["components"]["schemas"]["CallControlApplication"]["properties"]
    assert (read["dtmf_type"]["type"], "allOf" in read["dtmf_type"]) == (["string", "null"], False)
    create = schema["components"]["schemas"]["TexmlApplicationInputRequest"]
    assert create["required"] == ["friendly_name", "voice_url"]
    assert set(schema["paths"]["/call-control-applications/{id}/"]) == {"get", "patch", "delete"}
