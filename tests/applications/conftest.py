"""What these tests share: applications at a real sandbox, made the way Telnyx's portal would make them."""

from collections.abc import Callable
from typing import Any

import pytest

from applications.kinds import KINDS, Kind
from applications.pulls import pull
from portal.actors import PORTAL
from portal.client import ask
from portal.models import TelnyxAccount
from portal.sandbox.server import Sandbox

CALL_CONTROL, TEXML = KINDS


def at_telnyx(account: TelnyxAccount, kind: Kind = CALL_CONTROL, name: str = "router", **values: Any) -> dict[str, Any]:
    """An application made at Telnyx by somebody else; its answer."""
    url = {kind.model.url_field: account.webhook_url}
    body = {kind.model.name_field: name, **url, **values}
    return ask(account, kind.method("create"), **body)["data"]


def change_at_telnyx(account: TelnyxAccount, remote: dict[str, Any], kind: Kind = CALL_CONTROL, **values: Any) -> None:
    required = {name: remote[name] for name in kind.required}
    ask(account, kind.method("update"), remote["id"], **{**required, **values})


def remote_of(application: Any, kind: Kind = CALL_CONTROL) -> dict[str, Any]:
    return ask(application.account, kind.method("retrieve"), application.telnyx_id)["data"]


@pytest.fixture
def mirrored(sandbox_account: TelnyxAccount) -> Callable[..., Any]:
    """Makes an application at Telnyx and pulls it; returns the row."""

    def make(kind: Kind = CALL_CONTROL, **values: Any) -> Any:
        remote = at_telnyx(sandbox_account, kind, **values)
        pull(kind, sandbox_account, PORTAL)
        return kind.rows(sandbox_account).get(telnyx_id=remote["id"])

    return make


def requests(sandbox: Sandbox, *methods: str) -> list[dict[str, Any]]:
    """What the sandbox was asked, oldest first."""
    lines = sandbox.store.entries("requests")
    return [line for line in lines if not methods or line["method"] in methods]
