"""Shows alerts: what is wrong now, what was, who was told; and mutes them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from portal import sql
from portal.actors import actor_of
from portal.admin.pages import PageAdmin
from portal.admin.site import as_json, seen, viewer
from portal.models import AuditEvent
from portal.templatetags.portal import status_badge
from voice.alerts import channels as alert_channels
from voice.alerts import checks, mutes, notices
from voice.models import Alert, AlertMute, AlertRound

_LIST = "admin:voice_alert_changelist"
_INBOX = ("voice.view_rejectedrequest", "voice.view_callevent")  # as its pages ask


class StateFilter(SimpleListFilter):
    """Filters by open, or over."""

    title, parameter_name = "State", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("closed", "Closed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        if self.value() not in {"open", "closed"}:
            return queryset
        return queryset.filter(closed_at__isnull=self.value() == "open")


class KindFilter(DropdownFilter):
    """Filters by what kind of thing is wrong."""

    title, parameter_name = "kind", "kind__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return checks.kinds()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class MuteForm(forms.Form):
    """Asks for a kind, a subject, or both; how long, and why."""

    kind = forms.ChoiceField(
        required=False, choices=[("", "Every kind"), *checks.kinds()], widget=UnfoldAdminSelectWidget
    )
    subject = forms.CharField(
        required=False,
        max_length=150,
        widget=UnfoldAdminTextInputWidget,
        help_text="As the alert shows it; empty means every one of that kind.",
    )
    span = forms.ChoiceField(
        label="For how long", choices=[(name, name) for name in mutes.SPANS], widget=UnfoldAdminSelectWidget
    )
    reason = forms.CharField(
        label="Why", max_length=200, widget=UnfoldAdminTextInputWidget, help_text="For those who wonder later."
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors and not cleaned["kind"] and not cleaned["subject"]:
            raise forms.ValidationError("Choose a kind, or name a subject: not everything can be muted at once.")
        return cleaned


@admin.register(Alert)
class AlertAdmin(PageAdmin):
    """Lists and shows alerts; those that are open come first."""

    when_empty = "Nothing is wrong. The checks run by themselves, and what they find appears here."
    page_template = "voice/alerts/page.html"
    list_display = ("what", "state_shown", "summary_shown", "subject", "opened_at", "lasted")
    list_display_links = ("what",)
    list_filter = (
        StateFilter,
        KindFilter,
        ("account", RelatedDropdownFilter),
    )
    list_filter_submit = True
    list_filter_sheet = True
    list_fullwidth = True
    sortable_by = None  # alerts are few
    search_fields = ("subject__istartswith",)
    search_help_text = "Beginning of the subject: an account, an application, a process"
    list_before_template: Any = "voice/alerts/list_before.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("mute/", wrap(self.mute_view), name="voice_alert_mute"),
            path("mute/<int:pk>/end/", wrap(self.unmute_view), name="voice_alert_unmute"),
            path("test/", wrap(self.test_view), name="voice_alert_test"),
        ]
        return [*ours, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        rows: QuerySet[Alert] = super().get_queryset(request).select_related("account")
        return mutes.with_muted(rows, sql.clock())

    @display(description="What", ordering="kind")
    def what(self, alert: Alert) -> str:
        return alert.label

    @display(description="State")
    def state_shown(self, alert: Alert) -> str:
        return status_badge(_state(alert))

    @display(description="In words")
    def summary_shown(self, alert: Alert) -> str:
        dim = "" if _state(alert) == "open" else " portal-dim"
        if not (link := _link_for(viewer(), alert)):
            return format_html('<span class="portal-words{}">{}</span>', dim, seen(alert.summary))
        return format_html('<a class="portal-words{}" href="{}">{}</a>', dim, link, seen(alert.summary))

    @display(description="Lasted")
    def lasted(self, alert: Alert) -> str:
        return timesince(alert.opened_at, alert.closed_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context: dict[str, Any] = {
            "channels": alert_channels.set_up(),
            "mutes": mutes.active(sql.clock()),
            "checked_at": AlertRound.objects.values_list("at", flat=True).first(),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def page(self, request: HttpRequest, alert: Alert) -> dict[str, Any]:
        return {
            "title": alert.label,
            "alert": alert,
            "state": _state(alert),
            "look_at": _link_for(request.user, alert),
            "notices": alert.notices.all(),
            "mutes": [mute for mute in mutes.active(sql.clock()) if mute.covers(alert.kind, alert.subject)],
            "details": as_json(alert.details) if alert.details else "",
        }

    def mute_view(self, request: HttpRequest) -> HttpResponse:
        """Mute a kind, a subject or both."""
        _demand_change(request)
        given = {name: request.GET.get(name, "") for name in ("kind", "subject")} | {"span": "8 hours"}
        form = MuteForm(request.POST or None, initial=given)
        if request.method == "POST" and form.is_valid():
            wish = form.cleaned_data
            span = mutes.SPANS[wish["span"]]
            row = mutes.mute(wish["kind"], wish["subject"], span, wish["reason"], actor_of(request))
            until = f"until {row.until:%Y-%m-%d %H:%M} UTC" if row.until else "for ever"
            messages.success(request, f"Muted {until}: {row}.")
            return HttpResponseRedirect(reverse(_LIST))
        context = {"title": "Mute alerts", "form": form}
        return TemplateResponse(request, "voice/alerts/mute.html", self.context(request) | context)

    def unmute_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End a mute (POST)."""
        _demand_change(request)
        _demand_post(request)
        row = get_object_or_404(AlertMute, pk=pk)
        mutes.unmute(row, actor_of(request))
        messages.success(request, f"Not muted any more: {row}.")
        return HttpResponseRedirect(reverse(_LIST))

    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Send a test notice by every channel, and tell what came of it (POST)."""
        _demand_change(request)
        _demand_post(request)
        channels, outcomes = alert_channels.set_up(), notices.test()
        AuditEvent.note(actor_of(request), "alert.test", channels=outcomes)
        for channel, problem in outcomes.items():
            if problem:
                messages.error(request, f"To {channels[channel]}: could not be delivered: {problem}.")
            else:
                messages.success(request, f"To {channels[channel]}: sent.")
        return HttpResponseRedirect(reverse(_LIST))


def _state(alert: Any) -> str:
    if not alert.is_open:
        return "closed"
    return "muted" if alert.muted else "open"


def _link_for(user: Any, alert: Alert) -> str:
    """Return the address of what the alert is about for who may open it; empty for others, whom it would answer 403.

    A list and a row lie at ``<app>/<model>/…`` of the admin, and an account's inbox below the refused requests.
    """
    app, _, rest = alert.link.removeprefix(reverse("admin:index")).partition("/")
    model = rest.partition("/")[0]
    wanted = _INBOX if model == "rejectedrequest" else (f"{app}.view_{model}",)
    return alert.link if user.has_perms(wanted) else ""


def _demand_change(request: HttpRequest) -> None:
    if not request.user.has_perm("voice.change_alert"):
        raise PermissionDenied


def _demand_post(request: HttpRequest) -> None:
    if request.method != "POST":
        raise Http404
