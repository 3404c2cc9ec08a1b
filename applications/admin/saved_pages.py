"""Stays on the page of an application after a save, says what was changed there, and offers the way back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import urlencode

from applications.mirror.store import changed_by
from applications.models import TelnyxApplication
from portal.actors import actor_of

SAVED = "saved"  # in the address: the version that a save made
_ELSEWHERE = {"_addanother", "_continue", "_popup", "_saveasnew"}


class SavedPages:
    """Answers saves for a ModelAdmin of applications, whose history knows the way back to each version."""

    versions: Any
    differences: Any
    way_back: Any
    _address_of: Any

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Lead to the numbers of what was made: without one nobody can call it."""
        may_look = self.has_view_or_change_permission(request, obj)  # type: ignore[attr-defined]
        if _ELSEWHERE & request.POST.keys() or not may_look:
            answer: HttpResponse = super().response_add(request, obj, post_url_continue)  # type: ignore[misc]
            return answer
        messages.success(request, f"{obj} was created at Telnyx. Assign a number for people to call it.")
        return HttpResponseRedirect(f"{self._address_of('change', obj)}?tab=numbers")

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Stay on the page, and have it say what was changed."""
        if _ELSEWHERE - {"_continue"} & request.POST.keys():
            answer: HttpResponse = super().response_change(request, obj)  # type: ignore[misc]
            return answer
        made = self._made(request, obj)
        if made is None:
            messages.info(request, "Nothing was changed.")
            return HttpResponseRedirect(self._address_of("change", obj))
        return HttpResponseRedirect(f"{self._address_of('change', obj)}?{urlencode({SAVED: made})}")

    def note_version(self, request: HttpRequest, application: TelnyxApplication) -> None:
        """Remember which version there is before a save."""
        newest = self.versions(application).values_list("history_id", flat=True).first()
        request.version_before = newest  # type: ignore[attr-defined]

    def saved(self, request: HttpRequest, application: TelnyxApplication) -> dict[str, Any] | None:
        """Return what the save that led here has changed, and how it is undone; None once something else happened."""
        asked = request.GET.get(SAVED, "")
        pair = list(self.versions(application)[:2]) if asked else []
        if len(pair) < 2 or str(pair[0].history_id) != asked:
            return None
        changes = self.differences(request, pair[1], pair[0])
        return {"changes": changes, "undo": self.way_back(request, application, pair[1])}

    def _made(self, request: HttpRequest, application: TelnyxApplication) -> int | None:
        """Find the version that this save has made: a save finds and keeps versions of others as well."""
        before = getattr(request, "version_before", None) or 0
        since = self.versions(application).filter(history_id__gt=before)
        own = since.filter(history_change_reason=changed_by(actor_of(request).label))
        number: int | None = own.values_list("history_id", flat=True).first()
        return number
