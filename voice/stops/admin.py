"""Shows what can be stopped and what is: hang up many calls, suspend an account or an application, undo it."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse

from portal.actors import actor_of
from portal.masking import display_number
from portal.models import TelnyxAccount
from portal.phone_numbers import pretty
from portal.texts import pluralised
from voice.commands.confirmation import SEE_CALLS
from voice.models import Call, CallCommand, Stop, Suspension
from voice.stops import service
from voice.stops.forms import SuspendForm

SUSPEND, HANG_UP, DIAL = "voice.suspend", "voice.control_call", "voice.dial"
_ACCOUNTS, _SHOWN, _LAST = 25, 100, 5


def _overview(request: HttpRequest) -> HttpResponse:
    """Show what goes out now, what is suspended, and the ways to stop it."""
    if not _may_look(request.user):
        raise PermissionDenied
    page = Paginator(TelnyxAccount.objects.order_by("name"), _ACCOUNTS).get_page(request.GET.get("page"))
    calls = dict(service.outgoing().order_by().values_list("account").annotate(count=Count("pk")))
    batches = dict(service.running_batches().order_by().values_list("account").annotate(count=Count("pk")))
    suspended = list(Suspension.objects.select_related("account")[: _SHOWN + 1])
    of_accounts = Suspension.objects.filter(account__in=list(page), connection_id="").order_by()
    whole = set(of_accounts.values_list("account", flat=True))
    drawn = suspended[:_SHOWN]
    subjects, paused = service.subjects_of(drawn), service.count_paused_with(row.pk for row in drawn)
    rows = [(one, calls.get(one.pk, 0), batches.get(one.pk, 0), one.pk in whole) for one in page]
    context = {
        "accounts": page,
        "rows": rows,
        "calls": sum(calls.values()),
        "batches": sum(batches.values()),
        "suspended": [(row, subject, paused.get(row.pk, 0)) for row, subject in zip(drawn, subjects, strict=True)],
        "more": len(suspended) > _SHOWN,
        "last": Stop.objects.select_related("account")[:_LAST],
        "may_suspend": request.user.has_perm(SUSPEND),
        "may_stop": request.user.has_perms([HANG_UP, DIAL]),
    }
    return _page(request, "overview", "Stop", context)


def _suspend(request: HttpRequest, account_id: uuid.UUID, connection_id: str = "") -> HttpResponse:
    """Show what suspending it would stop; on POST suspend it."""
    _demand(request, SUSPEND)
    account = get_object_or_404(TelnyxAccount, pk=account_id)
    row = Suspension(account=account, connection_id=connection_id[:64])
    subject, form = service.subject_of(row), SuspendForm(request.POST or None)
    if connection_id and not service.application_of(account, connection_id):
        raise BadRequest("No application of this account has that id.")
    if request.method == "POST" and form.is_valid():
        why = form.cleaned_data["why"]
        kept = service.suspend(account, connection_id, why, actor_of(request)).why
        messages.success(request, f"{subject} is suspended: no rule acts, nobody is called. Webhooks are kept.")
        if why and why != kept:
            messages.warning(
                request, "It was suspended before: your reason is not kept. Lift it first to give another."
            )
        return HttpResponseRedirect(reverse("admin:voice_stop"))
    here = {"connection_id": connection_id} if connection_id else {}
    context = {
        "account": account,
        "subject": subject,
        "is_application": bool(connection_id),
        "form": form,
        "batches": service.running_batches(account).filter(**here).count(),
        "calls": Call.objects.alive().filter(account=account, **here).count(),
        "is_suspended": Suspension.objects.filter(account=account, connection_id=connection_id).exists(),
    }
    return _page(request, "suspend", f"Suspend {subject}", context)


def _lift(request: HttpRequest, suspension_id: uuid.UUID) -> HttpResponse:
    """Lift a suspension (POST)."""
    _demand(request, SUSPEND)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    row = Suspension.objects.select_related("account").filter(pk=suspension_id).first()
    if row is None:
        messages.info(request, "It is not suspended any more.")
        return HttpResponseRedirect(reverse("admin:voice_stop"))
    going_on, subject = service.lift(row, actor_of(request)), service.subject_of(row)
    also = f" {pluralised(going_on, 'batch goes', 'batches go')} on with it." if going_on else ""
    messages.success(request, f"{subject} is not suspended any more.{also}")
    return HttpResponseRedirect(reverse("admin:voice_stop"))


def _hang_up(request: HttpRequest) -> HttpResponse:
    """Count what would be hung up, all outgoing or the calls that were picked; on POST with ``go`` hang up."""
    _demand(request, HANG_UP)
    given = request.POST if request.method == "POST" else request.GET
    picked, account = _picked(given), _account(given)
    if not picked and "picked" in given:  # without scripts the button can be pressed: nobody meant all of them
        messages.error(request, "Pick a call first: nothing was hung up.")
        return HttpResponseRedirect(reverse(_nearest(request.user)))
    if not picked:
        _demand(request, DIAL)  # batches are paused, and dials dropped
    intent = _uuid(given.get("intent") or str(uuid.uuid4()))
    if request.method == "POST" and "go" in request.POST:
        actor = actor_of(request)
        stop = service.hang_up(intent, picked, actor) if picked else service.stop_outgoing(intent, actor, account)
        return HttpResponseRedirect(reverse("admin:voice_stop_done", args=[stop.pk]))
    rows = Call.objects.alive().filter(pk__in=picked) if picked else service.outgoing(account)
    count, shown = rows.count(), rows if request.user.has_perm(SEE_CALLS) else rows.none()
    context = {
        "intent": intent,
        "account": account,
        "picked": picked,
        "count": count,
        "most": service.MOST,
        "over": len(picked) - count if picked else 0,
        "live": rows.filter(account__in=[one for one in TelnyxAccount.objects.all() if one.is_live]).count(),
        "calls": [_call(one, request) for one in shown.select_related("account").order_by("started_at")[:_SHOWN]],
        "batches": 0 if picked else service.running_batches(account).count(),
        "held": 0 if picked else service.held_batches(account).count(),
        "dials": 0 if picked else service.waiting_dials(account).count(),
        "begun": 0 if picked else service.begun_dials(account).count(),
        "back": reverse(_nearest(request.user)),
    }
    what = "the picked calls" if picked else f"all outgoing calls of {account}" if account else "all outgoing calls"
    return _page(request, "hang_up", f"Hang up {what}", context)


def _done(request: HttpRequest, stop_id: uuid.UUID) -> HttpResponse:
    """Show what came of a stop while it comes; on POST let the batches go on that it paused."""
    _demand(request, HANG_UP)
    stop = get_object_or_404(Stop.objects.select_related("account"), pk=stop_id)
    if request.method == "POST":
        _demand(request, DIAL)
        going_on = service.resume(stop.pk, actor_of(request))
        messages.success(request, f"{pluralised(going_on, 'batch goes', 'batches go')} on.")
        return HttpResponseRedirect(request.path)
    counted = service.outcomes(stop)
    paused = list(service.paused_with(stop.pk)[: _SHOWN + 1])
    open_ones = sum(counted.get(status, 0) for status in (CallCommand.Status.QUEUED, CallCommand.Status.SENDING))
    total = sum(counted.values())
    context = {
        "stop": stop,
        "counts": [(status, counted[status]) for status in CallCommand.Status.values if status in counted],
        "open": open_ones,
        "total": total,
        "percent": round(100 * (total - open_ones) / max(total, 1)),
        "left": None if stop.is_of_picked else service.outgoing(stop.account).count(),
        "paused": paused[:_SHOWN],
        "more_paused": len(paused) > _SHOWN,
        "may_dial": request.user.has_perm(DIAL),
        "again": reverse("admin:voice_stop_hang_up") + (f"?account={stop.account_id}" if stop.account_id else ""),
    }
    return _page(request, "done", "What was stopped", context)


def _may_look(user: Any) -> bool:
    return bool(user.has_perm("voice.view_suspension") or user.has_perm(SUSPEND))


def _nearest(user: Any) -> str:
    """Return the page from which this person may have come: the live board, *Stop*, or, who may see neither, home."""
    if user.has_perm(SEE_CALLS):
        return "admin:voice_call_live"
    return "admin:voice_stop" if _may_look(user) else "admin:index"


def _call(call: Call, request: HttpRequest) -> dict[str, Any]:
    sides = (pretty(display_number(number, request.user)) for number in (call.from_number, call.to_number))
    return {"row": call, "words": " → ".join(sides)}


def _picked(given: QueryDict) -> list[uuid.UUID]:
    return [_uuid(text) for text in dict.fromkeys(given.getlist("call"))][: service.MOST]


def _account(given: QueryDict) -> TelnyxAccount | None:
    text = given.get("account")
    return get_object_or_404(TelnyxAccount, pk=_uuid(text)) if text else None


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise BadRequest("What was picked is no row.") from None


def _demand(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _page(request: HttpRequest, name: str, title: str, context: dict[str, Any]) -> HttpResponse:
    frame = {**admin.site.each_context(request), "title": title}
    return TemplateResponse(request, f"voice/stops/{name}.html", frame | context)


def _add(site: Any) -> None:
    found = (
        ("", _overview, "voice_stop"),
        ("calls/", _hang_up, "voice_stop_hang_up"),
        ("calls/<uuid:stop_id>/", _done, "voice_stop_done"),
        ("suspend/<uuid:account_id>/", _suspend, "voice_suspend"),
        ("suspend/<uuid:account_id>/<str:connection_id>/", _suspend, "voice_suspend_application"),
        ("lift/<uuid:suspension_id>/", _lift, "voice_suspension_lift"),
    )
    site.add_pages([path(f"stop/{at}", site.admin_view(view), name=name) for at, view, name in found])


_add(admin.site)
