"""Dial batches begun by REST."""

from typing import Any

from tests.support.rows import DialBatch, own_account

URL = "/api/v1/dial-batches/"


def body(count: int = 3, **more: Any) -> dict[str, Any]:
    numbers = [f"+1312555{at:04}" for at in range(1, count + 1)]
    told = {"connection_id": "1", "from": "+13125550100", "numbers": numbers, "per_second": 2}
    return told | {"account": own_account().name} | more


def begin(api: Any, count: int = 3, **more: Any) -> DialBatch:
    answer = api.post(URL, body(count, **more), format="json")
    assert answer.status_code == 201, answer.json()
    return DialBatch.objects.get(pk=answer.json()["id"])
