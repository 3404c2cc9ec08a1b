"""Shows the history of an application. To restore a version is to send the form with what that one had: it is an edit
as any other, at Telnyx first, and what was changed there meanwhile is a conflict.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from applications.editing import forms
from applications.kinds import Kind, flatten
from applications.mirror.versions import differences, with_changes
from applications.models import TelnyxApplication
from applications.wording import display_value, label
from portal.admin.pages import Change, HistoryPages, WayBack
from portal.admin.site import as_json, seen
from portal.masking import addresses_for


class ApplicationHistory(HistoryPages):
    """Shows who changed what, in words and by Telnyx's names, and each version as Telnyx had it."""

    kind: Kind

    def versions(self, row: Any) -> QuerySet[Any]:
        versions: QuerySet[Any] = row.history.order_by("-history_id")
        return versions

    def said(self, version: Any) -> str:
        reason = version.history_change_reason or version.get_history_type_display().lower()
        who = version.history_actor
        return seen(reason if who in reason else f"{reason} ({who})")

    def changed(self, request: HttpRequest, versions: Sequence[Any]) -> Iterable[tuple[Any, list[Change]]]:
        for version, changed in with_changes(versions):
            yield version, _changes(request, changed)

    def differences(self, request: HttpRequest, one: Any, other: Any) -> list[Change]:
        return _changes(request, differences(one, other))

    def whole(self, version: Any) -> str:
        return as_json(version.remote, of_a_call=False)

    def way_back(self, request: HttpRequest, row: TelnyxApplication, version: Any) -> WayBack | None:
        if not self.has_change_permission(request, row):
            return None
        then = {**flatten(row.remote), **flatten(version.remote)}  # what that version never told stays as it is
        fields = [(name, display_value(then.get(name))) for name in self.kind.settable_flat()]
        return WayBack(self._address_of("change", row), [*fields, (forms.BASE, row.remote_digest), ("_continue", "1")])


def _changes(request: HttpRequest, changed: dict[str, tuple[Any, Any]]) -> list[Change]:
    return [Change(label(name), name, *(_shown(request, value) for value in both)) for name, both in changed.items()]


def _shown(request: HttpRequest, value: Any) -> str:
    return display_value(addresses_for(request.user, _plain(value)))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)
