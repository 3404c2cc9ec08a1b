"""Shows what a flow was at each save, and puts it back: an edit as any other."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from portal.actors import actor_of
from portal.admin.pages import Change, HistoryPages, WayBack, chosen
from portal.admin.site import as_json, viewer
from portal.json_types import JsonObject
from portal.masking import set_up_for
from portal.refusals import PortalRefusal
from voice.flows.versions import ChangedMeanwhile, differences, newest_of, restore, states, versions_of
from voice.models import Flow

_LABELS = {"name": "Name", "connection_id": "Application", "active": "Active"}
_OF_A_RULE = {"event_type": "event", "direction": "legs", "when": "when", "do": "do", "step": "step", "stop": "stop"}
_TYPES = {"+": "made", "~": "changed", "-": "deleted"}
_SEEN = "seen"


class FlowHistory(HistoryPages):
    """Adds the pages to the admin of flows."""

    def versions(self, row: Flow) -> QuerySet[Any]:
        return versions_of(row).select_related("history_user")

    def said(self, version: Any) -> str:
        reason = version.history_change_reason or _TYPES[version.history_type]
        return f"{reason} ({version.history_user or 'portal'})"

    def changed(self, request: HttpRequest, versions: Sequence[Any]) -> Iterable[tuple[Any, list[Change]]]:
        found = states([*versions, *_before(versions)])
        for version, new, old in zip(versions, found, found[1:], strict=False):
            yield version, _changes(request, old, new)
        if len(found) == len(versions) and versions:
            yield versions[-1], []  # the first of all: everything in it is new

    def differences(self, request: HttpRequest, one: Any, other: Any) -> list[Change]:
        return _changes(request, *states([one, other]))

    def whole(self, version: Any) -> str:
        (state,) = states([version])
        return as_json(set_up_for(viewer(), state), of_a_call=False)

    def way_back(self, request: HttpRequest, row: Flow, version: Any) -> WayBack | None:
        if not self.has_change_permission(request, row):
            return None
        return WayBack(self._url(row, version), [(_SEEN, newest_of(row))])

    def history_form_view(self, request: HttpRequest, object_id: str, version_id: str) -> HttpResponse:
        """Show a version, or restore it."""
        if request.method == "POST":
            return self._restore(request, self._row(request, object_id), version_id)
        return super().history_form_view(request, object_id, version_id)

    def _restore(self, request: HttpRequest, flow: Flow, version_id: str) -> HttpResponse:
        if not self.has_change_permission(request, flow):
            raise PermissionDenied
        version, seen = chosen(self.versions(flow), version_id), request.POST.get(_SEEN, "")
        try:
            restore(flow, version, seen, actor_of(request))
        except (ChangedMeanwhile, PortalRefusal, ValidationError) as refused:
            for sentence in refused.messages if isinstance(refused, ValidationError) else [str(refused)]:
                messages.error(request, set_up_for(request.user, sentence))
            return HttpResponseRedirect(self._url(flow, version))
        messages.success(request, f"{flow} is again what it was at {version.history_date:%Y-%m-%d %H:%M:%S} UTC.")
        return HttpResponseRedirect(self._address_of("change", flow))


def _before(versions: Sequence[Any]) -> list[Any]:
    """Return the version before the last of a page, if there is one."""
    older = [type(last).objects.filter(id=last.id, history_id__lt=last.history_id) for last in versions[-1:]]
    return [version for rows in older for version in rows.order_by("-history_id")[:1]]


def _changes(request: HttpRequest, old: JsonObject, new: JsonObject) -> list[Change]:
    """Return what differs, in words; of a rule that came or went what it says, and not what it leaves empty."""
    found = [_change(request, *one) for one in differences(old, new)]
    return [change for change in found if change.old or change.new]


def _change(request: HttpRequest, name: str, old: Any, new: Any) -> Change:
    *_, last = name.split(".")
    label = _LABELS.get(name) or f"Rule {int(name.split('.')[1]) + 1}, {_OF_A_RULE[last]}"
    return Change(label, label, *(_text(last, set_up_for(request.user, value)) for value in (old, new)))


def _text(name: str, value: Any) -> str:
    """Return a value in words: conditions and actions one on each line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "when" and value:
        return "\n".join(f"{test.get('field')} {test.get('op')} {test.get('value', '')}".strip() for test in value)
    if name == "do" and value:
        return "\n".join(line for entry in value for line in _action(entry))
    return str(value) if value else ""


def _action(entry: dict[str, Any]) -> list[str]:
    parameters = entry.get("parameters") or {}
    return [str(entry.get("action")), *(f"  {name}: {value}" for name, value in sorted(parameters.items()))]
