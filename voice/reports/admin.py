"""Draws the reports: the figures of a window, its hours, how calls ended, and each application, number or flow."""

import uuid
from datetime import UTC
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from applications.kinds import KINDS
from portal.actors import actor_of
from portal.masking import may_see_whole
from portal.models import AuditEvent, TelnyxAccount
from portal.phone_numbers import mask, same_form
from voice.calls import search
from voice.reports import as_csv, freshness, links, report, windows
from voice.reports.definitions.catalogue import GENERAL, METRICS
from voice.reports.figures import Scope
from voice.reports.windows import BadWindow, Window

_MOST_APPLICATIONS = 500
_CLEARED = {"from": "", "to": ""}
_KEYS = ("window", "from", "to", "account", "app", "number", "by", "format")


def _page(request: HttpRequest) -> HttpResponse:
    """Show the report of the window and the scope in the address."""
    if not request.user.has_perm("voice.view_call"):
        raise PermissionDenied
    wrong: list[str] = []
    window, scope, by = _window(request.GET, wrong), _scope(request, wrong), _division(request, wrong)
    for sentence in wrong:
        messages.error(request, sentence)
    found = report.read(window, scope, links.to_call_log(request.user))
    if request.GET.get("format") == "csv" and not wrong:
        return _file(request, found)
    lines, more = found.lines(by, request.user)
    endings, more_endings = found.endings()
    applications, is_cut = _applications(scope, request.user)
    context = {
        **admin.site.each_context(request),
        "title": "Reports",
        "report": found,
        "groups": found.groups(),
        "chart": found.chart(),
        "endings": endings,
        "more_endings": more_endings,
        "by": by,
        "divisions": _tabs(request, by),
        "lines": [(line, _address(request, **line.narrowed) if line.narrowed else "") for line in lines],
        "lines_more": more,
        "columns": report.columns(),
        "csv_url": _address(request, format="csv"),
        "presets": _presets(request, window),
        "accounts": TelnyxAccount.objects.order_by("name"),
        "applications": applications,
        "most_applications": _MOST_APPLICATIONS if is_cut else 0,
        "scope": scope,
        "asked": request.GET,
        "may_see_numbers": may_see_whole(request.user),
        "general": GENERAL,
        "metrics": METRICS,
        "freshness": freshness.now(),
    }
    return TemplateResponse(request, "voice/reports/page.html", context)


def _file(request: HttpRequest, found: report.Report) -> HttpResponse:
    """Answer with the figures as a file; noted in the audit trail with what was asked for."""
    with timezone.override(UTC):  # the trail is read in other zones, too
        window = f"{found.window.words()} UTC"
    AuditEvent.note(
        actor_of(request),
        "report.export",
        window=window,
        account=request.GET.get("account", ""),
        connection_id=found.scope.connection_id,
        number=mask(found.scope.number),
    )
    answer = HttpResponse("".join(as_csv.lines(found)), content_type="text/csv; charset=utf-8")
    name = f"figures-{timezone.localtime(found.window.begin):%Y-%m-%d}-{timezone.localtime(found.window.end):%Y-%m-%d}"
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def _window(asked: QueryDict, wrong: list[str]) -> Window:
    now = timezone.now()
    try:
        return windows.read(asked.dict(), now)  # type: ignore[arg-type]
    except BadWindow as bad:
        wrong.append(f"{bad} Shown are the {windows.PRESETS[windows.DEFAULT].lower()}.")
        return windows.preset(windows.DEFAULT, now)


def _scope(request: HttpRequest, wrong: list[str]) -> Scope:
    asked = request.GET
    account, number = asked.get("account", ""), same_form(asked.get("number", ""))
    if number and not may_see_whole(request.user):
        wrong.append("number: you may not see whole numbers, so a report cannot be narrowed to one.")
        number = ""
    application = asked.get("app", "")[:64]
    return Scope(_account(account, wrong), application, number[:255])


def _account(text: str, wrong: list[str]) -> uuid.UUID | None:
    found = TelnyxAccount.objects.filter(name=text[:200]).first() if text else None
    if text and found is None:
        wrong.append("account: there is none of this name. Shown are all accounts.")
    return found.pk if found else None


def _division(request: HttpRequest, wrong: list[str]) -> str:
    by = request.GET.get("by") or "time"
    if by not in report.DIVISIONS or (by == "flow" and not request.user.has_perm("voice.view_flow")):
        wrong.append(f"by: there is no such table; there are {', '.join(report.DIVISIONS)}.")
        return "time"
    return by


def _tabs(request: HttpRequest, by: str) -> list[dict[str, Any]]:
    offered = [name for name in report.DIVISIONS if name != "flow" or request.user.has_perm("voice.view_flow")]
    return [
        {"title": report.DIVISIONS[name], "url": _address(request, by=name), "is_here": name == by} for name in offered
    ]


def _presets(request: HttpRequest, window: Window) -> list[dict[str, Any]]:
    return [
        {"title": title, "url": _address(request, **(_CLEARED | {"window": name})), "is_here": name == window.name}
        for name, title in windows.PRESETS.items()
    ]


def _address(request: HttpRequest, **changed: str) -> str:
    """Return the address of this page with something else asked for."""
    asked = QueryDict(mutable=True)
    for key in _KEYS:
        if value := changed.get(key, "" if key == "format" else request.GET.get(key, "")):
            asked[key] = value
    return f"?{asked.urlencode()}"


def _applications(scope: Scope, user: Any) -> tuple[list[tuple[str, str]], bool]:
    """List the applications to choose from, by id and name; those of the account, where one is chosen.

    The one that the report is of is among them. Tells as well whether there are more.
    """
    found, is_cut = list[tuple[str, str]](), False
    for kind in KINDS:
        rows = kind.model._default_manager.filter(missing_since=None)
        rows = rows.filter(account=scope.account_id) if scope.account_id else rows
        if user.has_perm(kind.permission("view")):
            named = [(row.telnyx_id, row.name) for row in rows[: _MOST_APPLICATIONS + 1]]
            found, is_cut = found + named[:_MOST_APPLICATIONS], is_cut or len(named) > _MOST_APPLICATIONS
    if (asked := scope.connection_id) and asked not in dict(found):  # gone from Telnyx, say: it is what is shown
        names = search.application_names({(scope.account_id, asked)})
        found.append((asked, next(iter(names.values()), "")))
    return sorted(found, key=lambda one: one[1].casefold()), is_cut


admin.site.add_pages([path("voice/reports/", admin.site.admin_view(_page), name="voice_reports")])  # type: ignore[attr-defined]
