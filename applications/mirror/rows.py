"""Makes a row of an answer of Telnyx: its columns, and what no earlier answer told. Nothing read is ever refused."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Max

from applications.kinds import Kind
from applications.mirror.answers import digest, only_in, with_those
from applications.models import TelnyxApplication
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.times import read_time

_BATCH = 250
COUNTED = {"numbers_count", "numbers_read_at"}  # beside the mirror: no answer of an application tells them
_OURS = {"id", "account", "telnyx_id", "remote", "remote_digest", "pulled_at", "missing_since", *COUNTED}


def columns(model: type[TelnyxApplication], remote: JsonObject) -> JsonObject:
    """Return the columns an answer fills.

    A value of another type than expected leaves its column empty; ``remote`` has it.
    """
    fields = (field for field in model._meta.concrete_fields if field.name not in _OURS)
    return {field.name: _fitting(field, remote.get(field.name)) for field in fields}


def fill(
    row: TelnyxApplication, remote: JsonObject, at: datetime, missing_since: datetime | None = None
) -> TelnyxApplication:
    """Put a whole answer into a row, as kept then."""
    for name, value in columns(type(row), remote).items():
        setattr(row, name, value)
    row.remote, row.remote_digest = remote, digest(remote)
    row.pulled_at, row.missing_since = at, missing_since
    return row


def learn(
    kind: Kind, rows: list[TelnyxApplication], remotes: dict[str, JsonObject], at: datetime, but: Collection[str] = ()
) -> None:
    """Add what these answers tell and no earlier one told. Nobody changed it, so the last version gets it as well."""
    taught: dict[Any, TelnyxApplication] = {}
    for row in rows:
        remote = remotes[row.telnyx_id]
        if names := [name for name in only_in(remote, row.remote) if name not in but]:
            taught[row.pk] = fill(row, with_those(row.remote, remote, names), at, row.missing_since)
    if not taught:
        return
    fields = [field.name for field in kind.model._meta.concrete_fields if field.name not in _OURS]
    kind.model._default_manager.bulk_update(taught.values(), [*fields, "remote", "remote_digest"], batch_size=_BATCH)
    history: Any = kind.model.history.model._default_manager  # type: ignore[attr-defined]
    last = history.filter(id__in=taught).order_by().values("id").annotate(last=Max("history_id"))
    entries = list(history.filter(history_id__in=[line["last"] for line in last]))
    for entry in entries:
        for name in (*fields, "remote"):  # not its digest: it is what people may hold as their base
            setattr(entry, name, getattr(taught[entry.id], name))
    history.bulk_update(entries, [*fields, "remote"], batch_size=_BATCH)


def signed(actor: Actor) -> JsonObject:
    """Return what a version says of its author, beside the user."""
    return {"history_actor": actor.label[:200], "history_token": actor.token, "history_request_id": actor.request_id}


def is_unclaimed(row: TelnyxApplication) -> bool:
    """Return whether a pull brought it, and nobody is known to have created it here."""
    return bool(_brought_by_pull(row).exists())


def claim_creation(row: TelnyxApplication, actor: Actor, reason: str) -> None:
    """Sign the first version of one that a pull brought before its creator had Telnyx's answer."""
    _brought_by_pull(row).update(history_change_reason=reason[:100], history_user=actor.user, **signed(actor))


def _brought_by_pull(row: TelnyxApplication) -> Any:
    return row.history.filter(history_type="+", history_change_reason__startswith="pulled (")  # type: ignore[attr-defined]


def _fitting(field: "models.Field[Any, Any]", value: Any) -> Any:
    if isinstance(field, models.BooleanField):
        return value if isinstance(value, bool) else None
    if isinstance(field, models.BigIntegerField):
        return value if type(value) is int and -(2**63) <= value < 2**63 else None
    if isinstance(field, models.DateTimeField):
        return read_time(value)
    if isinstance(field, models.JSONField):
        return value if isinstance(value, field.default) else field.default()
    return value[: field.max_length] if isinstance(value, str) else ""
