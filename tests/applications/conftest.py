"""What these tests share: applications at a real sandbox, made the way Telnyx's portal would make them."""

from collections.abc import Callable
from typing import Any

import pytest

from applications.kinds import Kind
from applications.mirror.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.applications import CALL_CONTROL, at_telnyx


@pytest.fixture
def mirrored(sandbox_account: TelnyxAccount) -> Callable[..., Any]:
    """Makes an application at Telnyx and pulls it; returns the row."""

    def make(kind: Kind = CALL_CONTROL, **values: Any) -> Any:
        remote = at_telnyx(sandbox_account, kind, **values)
        pull(kind, sandbox_account, PORTAL)
        return kind.rows(sandbox_account).get(telnyx_id=remote["id"])

    return make
