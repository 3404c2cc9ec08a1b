"""A row takes whatever Telnyx answers."""

from typing import Any

import pytest

from applications.mirror.store import columns, store
from applications.models import CallControlApplication
from portal.actors import PORTAL
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL


@pytest.mark.parametrize(
    "value", [None, 3, "x", "x" * 9000, True, [], {}, [{"a": 1}], 2**70, -1.5, "9999-99-99T00:00:00Z"]
)
def test_no_value_read_from_telnyx_is_refused(db: None, value: Any) -> None:
    account = make_account()
    names = [*columns(CallControlApplication, {}), "something_new"]
    row, outcome = store(CALL_CONTROL, account, {"id": "7", **dict.fromkeys(names, value)}, PORTAL, "read")
    row.refresh_from_db()
    assert outcome == "created"
    assert row.remote["something_new"] == value
