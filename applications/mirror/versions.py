"""Shows the history of an application, to look at: nothing is reverted from here."""

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from simple_history.admin import SimpleHistoryAdmin

from applications.mirror.store import changes
from applications.wording import display_value
from portal.admin.site import as_json
from portal.json_types import JsonObject
from portal.masking import addresses_for

TYPES = {"+": "created", "~": "changed", "-": "deleted"}
_MOST = 2**63 - 1


def with_changes(records: Sequence[Any]) -> Iterable[tuple[Any, dict[str, tuple[Any, Any]]]]:
    """Return each version, newest first as given, with what it changed: by dotted name the value before and after.

    The first version of all has changed nothing: everything in it is new.
    """
    older = [*records[1:], _before(records[-1])] if records else []
    for record, previous in zip(records, older, strict=True):
        yield record, _changed(previous, record) if previous else {}


def entry(record: Any, changed: dict[str, tuple[Any, Any]]) -> JsonObject:
    """Return a version as JSON."""
    return {
        "id": record.history_id,
        "at": record.history_date,
        "type": TYPES[record.history_type],
        "actor": record.history_actor,
        "user": str(record.history_user) if record.history_user else None,
        "token": record.history_token.name if record.history_token else None,
        "request_id": record.history_request_id,
        "reason": record.history_change_reason or "",
        "changes": {name: {"before": old, "after": new} for name, (old, new) in changed.items()},
    }


class ApplicationHistory(SimpleHistoryAdmin):
    """Shows who changed what, by Telnyx's names, and each version as Telnyx had it."""

    history_list_display = ["actor", "request_id"]  # the words of the columns

    def actor(self, record: Any) -> str:
        return str(record.history_actor)

    def request_id(self, record: Any) -> str:
        return str(record.history_request_id)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request, obj))  # type: ignore[no-untyped-call]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj))  # type: ignore[no-untyped-call]

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        try:
            return super().history_view(request, object_id, extra_context)  # type: ignore[no-untyped-call]
        except ValidationError as error:  # the id is no UUID
            raise Http404 from error

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show one version: Telnyx's whole answer of then."""
        key = {"id": _uuid(object_id), "history_id": _number(version_id)}
        version = get_object_or_404(self.model.history.model, **key)
        if request.method not in {"GET", "HEAD"} or not self.has_view_permission(request, version.instance):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {"opts": self.opts, "original": version.instance}
        context |= {"title": f"{version.instance} as of {version.history_date:%Y-%m-%d %H:%M:%S} UTC"}
        context |= {"version": version, "json": as_json(version.remote, of_a_call=False), "object_id": object_id}
        return render(request, "applications/mirror/version.html", context)

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Any, foreign_keys_are_objs: bool = True
    ) -> None:
        """Set what changed from version to version, by Telnyx's names."""
        for record, changed in with_changes(list(historical_records)):
            record.history_delta_changes = [
                {"field": name, "old": _shown(request, old), "new": _shown(request, new)}
                for name, (old, new) in changed.items()
            ]


def _before(record: Any) -> Any:
    """Return the version before the last of a page."""
    return type(record).objects.filter(id=record.id, history_id__lt=record.history_id).order_by("-history_id").first()


def _changed(older: Any, newer: Any) -> dict[str, tuple[Any, Any]]:
    fields = changes(older.remote, newer.remote)
    if newer.missing_since != older.missing_since:
        fields["missing_since"] = (older.missing_since, newer.missing_since)
    return fields


def _shown(request: HttpRequest, value: Any) -> str:
    return display_value(addresses_for(request.user, _plain(value)))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 19 or int(text) > _MOST:
        raise Http404
    return int(text)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
