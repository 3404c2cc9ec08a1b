"""Lets people choose in which zone and order they read times."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminTextInputWidget

from portal.view_times import TimePreference


class PreferenceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Reads a zone by its name, as Europe/Berlin, in whatever case it is typed."""

    class Meta:
        model = TimePreference
        fields = ("time_zone", "order")
        widgets = {
            "time_zone": UnfoldAdminTextInputWidget(attrs={"list": "portal-zones", "autocomplete": "off"}),
            "order": UnfoldAdminRadioSelectWidget(),
        }
        labels = {"order": "Dates are written as"}
        help_texts = {"time_zone": "As Europe/Berlin or America/New_York. The pointer on a time shows it in UTC, too."}

    def clean_time_zone(self) -> str:
        typed = str(self.cleaned_data["time_zone"]).strip().replace(" ", "_").lower()
        known = {name.lower(): name for name in available_timezones()}
        if typed not in known:
            raise forms.ValidationError("There is no such zone. Choose one of the list: type a city, as Berlin.")
        return known[typed]


def _preferences(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    kept = TimePreference.objects.filter(pk=user.pk).first() or TimePreference(user=user)
    form = PreferenceForm(request.POST or None, instance=kept)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Times are written so from now on.")
        return HttpResponseRedirect(reverse("admin:portal_preferences"))
    context: dict[str, Any] = admin.site.each_context(request)
    context |= {"title": "Time zone and date format", "form": form, "zones": sorted(available_timezones())}
    return TemplateResponse(request, "portal/preferences/page.html", context | {"now": timezone.now()})


def register() -> None:
    """Put the page into the site. Everybody who is signed in has it, for themselves alone."""
    site = admin.site
    site.add_pages([path("preferences/", site.admin_view(_preferences), name="portal_preferences")])  # type: ignore[attr-defined]


register()
