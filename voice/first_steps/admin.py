"""Shows the first steps of an account: each is looked at when the page is open, and again on a click."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse

from portal.actors import actor_of
from portal.models import TelnyxAccount
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions
from voice.commands import outbox
from voice.first_steps import proof, steps
from voice.first_steps.forms import ProofForm
from voice.models import CallCommand

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


def _prove(request: HttpRequest, account_id: str) -> HttpResponse:
    """Ask which call is to prove it; on POST place it."""
    _check(request, "voice.dial")
    account = get_object_or_404(TelnyxAccount, pk=account_id)
    form = ProofForm(account, request.POST or None)
    if request.method == "POST" and form.is_valid():
        intent = f"proof:{form.cleaned_data['intent']}"
        try:
            command = outbox.dial(account, form.values(), actor_of(request), intent=intent)
        except (InvalidParameters, PortalRefusal) as error:
            form.take(error.errors)
        else:
            outbox.wake_sender(command)
            return HttpResponseRedirect(reverse("admin:voice_first_steps_proof", args=[account.pk, command.pk]))
    told = {"account": account, "form": form}
    return TemplateResponse(request, "voice/first_steps/prove.html", _context(request, f"Prove it: {account}") | told)


def _proof(request: HttpRequest, account_id: uuid.UUID, command_id: uuid.UUID) -> HttpResponse:
    """Show how far the call is; the page looks again until it is over."""
    _check(request, "voice.dial")
    rows = CallCommand.objects.select_related("account", "call").filter(account=account_id, action=actions.DIAL)
    rows = rows.filter(intent_key__startswith="person:proof:")
    command = get_object_or_404(rows, pk=command_id)
    told = {"account": command.account, "command": command, "proof": proof.follow(command, request.user)}
    title = f"Prove it: {command.account}"
    return TemplateResponse(request, "voice/first_steps/proof.html", _context(request, title) | told)


def _store_public_key(request: HttpRequest, account_id: str) -> HttpResponse:
    """Fetch Telnyx's public key and store it (POST)."""
    _check(request)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    account = get_object_or_404(TelnyxAccount, pk=account_id)
    try:
        messages.success(request, steps.store_public_key(account, actor_of(request)))
    except steps.NotStored as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:voice_first_steps", args=[account.pk]))


def _check(request: HttpRequest, *more: str) -> None:
    if not request.user.has_perms([_PERMISSION, *more]):
        raise PermissionDenied


def _context(request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": title}


def _add(site: Any) -> None:
    one = "first-steps/<uuid:account_id>/"
    site.add_pages(
        [
            path("first-steps/", site.admin_view(_accounts), name="voice_first_steps_accounts"),
            path(one, site.admin_view(_of_account), name="voice_first_steps"),
            path(f"{one}prove/", site.admin_view(_prove), name="voice_first_steps_prove"),
            path(f"{one}prove/<uuid:command_id>/", site.admin_view(_proof), name="voice_first_steps_proof"),
            path(f"{one}store-public-key/", site.admin_view(_store_public_key), name="voice_first_steps_public_key"),
            path(f"{one}<slug:step>/", site.admin_view(_step), name="voice_first_step"),
        ]
    )


_add(admin.site)
