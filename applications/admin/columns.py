"""Provides what the list and the page of an application show, and nothing that writes."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from applications.kinds import Kind, flatten
from applications.models import TelnyxApplication
from applications.notices import warnings_for, webhook_host
from applications.pulls import number_counts
from applications.wording import display_value, label
from portal.admin.site import as_json, viewer
from portal.masking import addresses_for
from portal.models import TelnyxAccount
from portal.templatetags.portal import live_badge
from portal.view_times import moment_text


class ApplicationColumns:
    """Provides columns and read-only facts."""

    kind: Kind
    list_display_more = ("numbers_shown", "tags_shown", "created_at", "pulled_at")

    def complete(self, rows: list[Any]) -> None:
        number_counts.tell_times(rows)

    def with_sign(self, application: TelnyxApplication) -> str:
        """Return its name, and a sign when there is something to know."""
        warnings = warnings_for(application)
        if not warnings:
            return str(application)
        sign = (
            '<span class="material-symbols-outlined text-orange-700 dark:text-orange-400" '
            'role="img" aria-label="{1}" title="{1}">warning</span>'
        )
        return format_html("{0} " + sign, application, " ".join(warnings))

    @display(description="account", ordering="account__name")
    def account_shown(self, application: TelnyxApplication) -> str:
        return format_html("{} {}", application.account, live_badge(application.account))

    @display(description="account")
    def account_fact(self, application: TelnyxApplication) -> str:
        return f"{application.account} ({world(application.account)}, {application.account.base_url})"

    @display(description="goes to")
    def host_shown(self, application: TelnyxApplication) -> str:
        return webhook_host(application) or "–"

    @display(description="API version", label={"2": "success", "old": "warning"})
    def version_shown(self, application: Any) -> tuple[str, str]:
        version = application.webhook_api_version
        return ("2", "2") if version == "2" else ("old", f"{version or 'none'} · old format")

    @display(description="numbers")
    def numbers_shown(self, application: TelnyxApplication) -> str:
        at = application.numbers_as_of
        count = "–" if at is None else application.numbers_count
        told = (
            f"As Telnyx listed them at {moment_text(at, 'minute')}"
            if at
            else "Not read: there are too many, or nobody has pulled."
        )
        return format_html('<span class="portal-number" title="{}">{}</span>', told, count)

    @display(description="tags")
    def tags_shown(self, application: TelnyxApplication) -> str:
        return ", ".join(map(str, application.tags)) or "–"

    @display(description="settings")
    def settings_shown(self, application: TelnyxApplication) -> str:
        there = flatten(addresses_for(viewer(), application.remote))
        rows = ((label(name), display_value(there.get(name)) or "–") for name in self.kind.settable_flat())
        line = (
            '<tr><th class="font-semibold pr-6 py-1 text-left align-top">{}</th><td class="py-1 break-all">{}</td></tr>'
        )
        return format_html("<table>{}</table>", format_html_join("", line, rows))

    @display(description="answer")
    def remote_shown(self, application: TelnyxApplication) -> str:
        return as_json(application.remote, of_a_call=False)


def world(account: TelnyxAccount) -> str:
    """Draw whether its calls ring real phones."""
    return "LIVE" if account.is_live else "SANDBOX"


class Presence(SimpleListFilter):
    """Filters for applications that Telnyx knows, unless the missing ones are asked for."""

    title = "presence at Telnyx"
    parameter_name = "missing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("true", "Missing"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *rest = super().choices(changelist)
        yield {**first, "display": "Present"}
        yield from rest

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(missing_since__isnull=self.value() != "true")
