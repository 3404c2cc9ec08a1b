"""Stays on the page of an application after a save, says what was changed there, and offers the way back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from applications.models import TelnyxApplication

SAVED = "saved"  # in the address: the version that a save made
_ELSEWHERE = {"_addanother", "_continue", "_popup", "_saveasnew"}


class SavedPages:
    """Answers saves for a ModelAdmin of applications, whose history knows the way back to each version."""

    opts: Any
    versions: Any
    differences: Any
    way_back: Any

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Lead to the numbers of what was made: without one nobody can call it."""
        may_look = self.has_view_or_change_permission(request, obj)  # type: ignore[attr-defined]
        if _ELSEWHERE & request.POST.keys() or not may_look:
            answer: HttpResponse = super().response_add(request, obj, post_url_continue)  # type: ignore[misc]
            return answer
        messages.success(request, f"{obj} was created at Telnyx. Assign a number for people to call it.")
        return HttpResponseRedirect(self._page(obj, tab="numbers"))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Stay on the page, and have it say what was changed."""
        if _ELSEWHERE - {"_continue"} & request.POST.keys():
            answer: HttpResponse = super().response_change(request, obj)  # type: ignore[misc]
            return answer
        made = self._latest(obj)
        if made == getattr(request, "version_before", None):
            messages.info(request, "Nothing was changed.")
            return HttpResponseRedirect(self._page(obj))
        return HttpResponseRedirect(self._page(obj, **{SAVED: made}))

    def note_version(self, request: HttpRequest, application: TelnyxApplication) -> None:
        """Remember which version there is before a save."""
        request.version_before = self._latest(application)  # type: ignore[attr-defined]

    def saved(self, request: HttpRequest, application: TelnyxApplication) -> dict[str, Any] | None:
        """Return what the save that led here has changed, and how it is undone; None once something else happened."""
        asked = request.GET.get(SAVED, "")
        pair = list(self.versions(application)[:2]) if asked else []
        if len(pair) < 2 or str(pair[0].history_id) != asked:
            return None
        changes = self.differences(request, pair[1], pair[0])
        return {"changes": changes, "undo": self.way_back(request, application, pair[1])}

    def _latest(self, application: TelnyxApplication) -> int | None:
        number: int | None = self.versions(application).values_list("history_id", flat=True).first()
        return number

    def _page(self, application: TelnyxApplication, **query: Any) -> str:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[application.pk])
        return f"{address}?{urlencode(query)}" if query else address
