"""Shows the first steps of an account: each is looked at when the page is open, and again on a click."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse

from portal.models import TelnyxAccount
from voice.first_steps import steps

_PERMISSION = "portal.change_telnyxaccount"  # as *Check connection* on the account's page
_ACCOUNTS = 50  # on a page


def _accounts(request: HttpRequest) -> HttpResponse:
    """Let an account be chosen, where there is a choice."""
    _check(request)
    rows = TelnyxAccount.objects.order_by("name")
    page = Paginator(rows, _ACCOUNTS).get_page(request.GET.get("page"))
    if page.paginator.count == 1:
        return HttpResponseRedirect(reverse("admin:voice_first_steps", args=[page[0].pk]))
    return TemplateResponse(
        request, "voice/first_steps/accounts.html", _context(request, "First steps") | {"accounts": page}
    )


def _of_account(request: HttpRequest, account_id: str) -> HttpResponse:
    """Show the steps, each of which the page has looked at; without scripts all are, by a POST."""
    _check(request)
    account = get_object_or_404(TelnyxAccount, pk=account_id)
    looked = [steps.look(account, id) for id in steps.titles()] if request.method == "POST" else []
    told = {"account": account, "titles": steps.titles().items(), "looked": looked}
    return TemplateResponse(
        request, "voice/first_steps/page.html", _context(request, f"First steps of {account}") | told
    )


def _step(request: HttpRequest, account_id: str, step: str) -> HttpResponse:
    """Look at one step. By POST: Telnyx is asked, which no foreign page may have a browser do."""
    _check(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    account = get_object_or_404(TelnyxAccount, pk=account_id)
    if step not in steps.titles():
        raise Http404
    return TemplateResponse(
        request, "voice/first_steps/step.html", {"account": account, "step": steps.look(account, step)}
    )


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(_PERMISSION):
        raise PermissionDenied


def _context(request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": title}


def _add(site: Any) -> None:
    site.add_pages(
        [
            path("first-steps/", site.admin_view(_accounts), name="voice_first_steps_accounts"),
            path("first-steps/<uuid:account_id>/", site.admin_view(_of_account), name="voice_first_steps"),
            path("first-steps/<uuid:account_id>/<slug:step>/", site.admin_view(_step), name="voice_first_step"),
        ]
    )


_add(admin.site)
