"""A refusal of Telnyx stands under the field that it names."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from applications.models import CallControlApplication

URL = "/api/v1/call-control-applications/"


@pytest.mark.usefixtures("only_account")
def test_a_refusal_of_telnyx_stands_under_its_field(api: APIClient, mirrored: Any) -> None:
    answer = api.patch(f"{URL}{mirrored().telnyx_id}/", {"webhook_timeout_secs": 31}, format="json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert "0 to 30" in answer.json()["errors"]["webhook_timeout_secs"][0]
    assert CallControlApplication.objects.get().webhook_timeout_secs is None
