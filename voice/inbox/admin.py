"""Shows the inbox: why nothing arrives, a check of a request that somebody pastes, the requests that were refused."""

import time
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from applications import probe
from applications.kinds import KINDS
from portal.admin.filters import MomentRangeFilter
from portal.admin.site import ReadOnlyAdmin
from portal.models import TelnyxAccount
from voice.events.intake import MAX_BYTES
from voice.inbox import applications, overview, verification
from voice.models import RejectedRequest

_SEE = ("voice.view_rejectedrequest", "voice.view_callevent")
_PROBE = "applications.change_callcontrolapplication"  # as on an application's page
_ACCOUNTS, _APPLICATIONS, _APPLICATIONS_OF_ONE = 20, 8, 50  # on a page


class VerifyForm(forms.Form):
    """Reads one request, as somebody noted it down."""

    account = forms.ModelChoiceField(
        TelnyxAccount.objects.all(),
        required=False,
        empty_label="Any account of this portal",
        widget=UnfoldAdminSelectWidget,
        label="Sent to",
    )
    moment = forms.ChoiceField(
        choices=[("now", "Now"), ("own", "The time it carries: its age is not judged")],
        initial="now",
        widget=UnfoldAdminSelectWidget,
        label="Judge it as of",
    )
    headers = forms.CharField(
        max_length=65_536,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Lines “Name: value”, a JSON object, or the -H of a curl command.",
    )
    body = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
        help_text="Exactly as it came, at most 1 MiB: one character more or less, and no signature fits.",
    )

    def clean_body(self) -> str:
        body: str = self.cleaned_data["body"]
        if len(body.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise forms.ValidationError("The body is larger than 1 MiB; Telnyx sends nothing that large.")
        return body

    def verdict(self) -> verification.Verdict:
        """Return what the door would say."""
        given = self.cleaned_data
        headers, accounts = verification.read_headers(given["headers"]), list(TelnyxAccount.objects.all())
        now = time.time() if given["moment"] == "now" else None
        return verification.verify(headers, given["body"], given["account"], accounts, now)


@admin.register(RejectedRequest)
class RejectedRequestAdmin(ReadOnlyAdmin):
    """Lists the last requests that were refused, and adds the pages of the inbox."""

    when_empty = "No request to the webhook addresses was refused."
    list_display = ("at", "account_shown", "reason_shown", "headers_shown")
    list_display_links = None
    sortable_by = None  # a hundred at most
    list_select_related = ("account",)
    list_filter = (("account", RelatedDropdownFilter), ("at", MomentRangeFilter))
    list_filter_submit = True
    list_before_template: Any = "voice/inbox/list_before.html"

    def get_urls(self) -> list[URLPattern]:
        return [
            self._path("inbox/", _overview, "voice_inbox"),
            self._path("inbox/verify/", _verify, "voice_inbox_verify"),
            self._path("inbox/<uuid:account_id>/", _of_one, "voice_inbox_account"),
            self._path("inbox/<uuid:account_id>/probe/", _probe, "voice_inbox_probe"),
            *super().get_urls(),
        ]

    def _path(self, address: str, view: Any, name: str) -> URLPattern:
        def seen(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perms(_SEE):
                raise PermissionDenied
            answer: HttpResponse = view(self, request, **kwargs)
            return answer

        return path(address, self.admin_site.admin_view(seen), name=name)

    @display(description="Account", ordering="account")
    def account_shown(self, request: RejectedRequest) -> str:
        return str(request.account or "nobody's address")

    @display(description="Reason")
    def reason_shown(self, request: RejectedRequest) -> str:
        return format_html('{} <span class="portal-dim">{}</span>', request.reason, request.hint)

    @display(description="Headers that came with it")
    def headers_shown(self, request: RejectedRequest) -> str:
        return ", ".join(request.header_names)


def _overview(self: RejectedRequestAdmin, request: HttpRequest) -> HttpResponse:
    """Show every account, a card each."""
    page = Paginator(TelnyxAccount.objects.order_by("name"), _ACCOUNTS).get_page(request.GET.get("page"))
    accounts = TelnyxAccount.objects.filter(pk__in=[account.pk for account in page]).order_by("name")
    many = page.paginator.count > 1
    return _drawn(self, request, overview.cards(accounts), page, _APPLICATIONS if many else _APPLICATIONS_OF_ONE)


def _of_one(self: RejectedRequestAdmin, request: HttpRequest, account_id: str) -> HttpResponse:
    """Show one account, all its applications page by page."""
    get_object_or_404(TelnyxAccount, pk=account_id)
    return _drawn(
        self, request, overview.cards(TelnyxAccount.objects.filter(pk=account_id)), None, _APPLICATIONS_OF_ONE
    )


def _drawn(
    self: RejectedRequestAdmin, request: HttpRequest, cards: list[overview.Card], page: Any, most: int
) -> HttpResponse:
    kinds = [kind.slug for kind in KINDS if request.user.has_perm(kind.permission("view"))]
    sections: list[dict[str, Any]] = []
    number = None if page else request.GET.get("page")
    for card in cards:
        visible = [source for source in card.applications if source.kind.slug in kinds]
        sections.append({"card": card, "applications": Paginator(visible, most).get_page(number)})
    shown = [source for section in sections for source in section["applications"]]
    days = applications.events_of_a_day(shown, timezone.now())
    for section in sections:
        section["rows"] = [(source, days.get(source.application.pk, 0)) for source in section["applications"]]
    context = _context(self, request, "Inbox") | {
        "cards": sections,
        "accounts": page,
        "may_see_applications": bool(kinds),
    }
    context |= {
        "nobodys": overview.unknown_address() if page else None,
        "most": overview.MOST,
        "busy": applications.MOST,
        "looked_at": applications.MOST_OF_ALL,
    }
    return TemplateResponse(
        request, "voice/inbox/overview.html", context | {"may_probe": request.user.has_perm(_PROBE)}
    )


def _probe(self: RejectedRequestAdmin, request: HttpRequest, account_id: str) -> HttpResponse:
    """Ask our own public address, as Telnyx would, and nothing else."""
    account = get_object_or_404(TelnyxAccount, pk=account_id)
    if request.method != "POST" or not request.user.has_perm(_PROBE):
        raise PermissionDenied
    context = {"finding": probe.reachable(account), "limit": probe.LIMIT}
    return TemplateResponse(request, "applications/admin/probe.html", context)


def _verify(self: RejectedRequestAdmin, request: HttpRequest) -> HttpResponse:
    """Show the form, and below it what the door would say. Nothing that was pasted is stored or logged."""
    form = VerifyForm(request.POST or None, initial={"account": request.GET.get("account")})
    verdict = form.verdict() if request.method == "POST" and form.is_valid() else None
    context = _context(self, request, "Verify a request") | {"form": form, "verdict": verdict}
    return TemplateResponse(request, "voice/inbox/verify.html", context)


def _context(self: RejectedRequestAdmin, request: HttpRequest, title: str) -> dict[str, Any]:
    # without "opts": the head would name the page after the list of rejected webhooks
    return {**self.admin_site.each_context(request), "title": title}
