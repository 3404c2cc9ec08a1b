"""Applications at a real sandbox, made and changed the way Telnyx's portal would."""

from typing import Any

from applications.kinds import KINDS, Kind
from portal.models import TelnyxAccount
from portal.telnyx.client import ask

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
