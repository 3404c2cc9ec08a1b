"""The history of an application, to look at: nothing is reverted from here."""

from itertools import pairwise
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from simple_history.admin import SimpleHistoryAdmin

from applications.forms import shown
from applications.sync import changes
from portal.site import as_json


class ApplicationHistory(SimpleHistoryAdmin):
    """Who changed what, by Telnyx's names, and each version as Telnyx had it."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_view_permission(request, obj))  # type: ignore[no-untyped-call]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(super().has_change_permission(request, obj))  # type: ignore[no-untyped-call]

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """One version, to look at: Telnyx's whole answer of then."""
        version = get_object_or_404(self.model.history.model, id=object_id, history_id=version_id)
        if request.method not in {"GET", "HEAD"} or not self.has_view_permission(request, version.instance):
            raise PermissionDenied
        context = self.admin_site.each_context(request) | {"opts": self.opts, "original": version.instance}
        context |= {"title": f"{version.instance} as of {version.history_date:%Y-%m-%d %H:%M:%S} UTC"}
        context |= {"version": version, "json": as_json(version.remote), "object_id": object_id}
        return render(request, "admin/applications/version.html", context)

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Any, foreign_keys_are_objs: bool = True
    ) -> None:
        """What changed from version to version, by Telnyx's names."""
        records = list(historical_records)
        for record, older in pairwise(records):
            found = changes(older.remote, record.remote)
            if record.missing_since != older.missing_since:
                found["missing since"] = (older.missing_since, record.missing_since)
            record.history_delta_changes = [
                {"field": name, "old": shown(_plain(old)), "new": shown(_plain(new))}
                for name, (old, new) in found.items()
            ]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)
