"""Shows the pages of queues: all of it is asked of Telnyx, which alone has them."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from portal.actors import actor_of
from portal.admin.site import seen
from portal.masking import masked_for
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.times import read_time
from voice.catalogue import actions
from voice.commands import confirmation, outbox
from voice.conferences import queues
from voice.models import Call, CallCommand

_ON_QUEUE = {"update": queues.UPDATE, "delete": queues.DELETE}
_ON_CALL = {"remove": queues.REMOVE_CALL, "keep": queues.UPDATE_CALL}
_SEE, _PRESS = "voice.view_queue", actions.permission(queues.CREATE)
_MOST_OFFERED = 200  # calls to choose from


class TakeForm(forms.Form):
    """Asks which of our calls is connected with the caller: chosen, or by its id, of too many or unseen ones."""

    intent = forms.UUIDField(widget=forms.HiddenInput)
    call = forms.ChoiceField(
        label="Connect the caller with", widget=UnfoldAdminSelectWidget, help_text="A call that is being talked on."
    )

    def __init__(self, account: TelnyxAccount, waiting: list[str], request: HttpRequest) -> None:
        super().__init__(request.POST or None, initial={"intent": uuid.uuid4()})
        rows = Call.objects.filter(account=account, state__in=(Call.State.ANSWERED, Call.State.PARKED))
        self.rows, sees = rows.exclude(call_control_id__in=waiting), request.user.has_perm(confirmation.SEE_CALLS)
        found = list(self.rows.order_by("-started_at")[: _MOST_OFFERED + 1]) if sees else []
        told = [(call, confirmation.leg_label(call, request.user)) for call in found[:_MOST_OFFERED]]
        self.calls: dict[str, Call] = {}
        self.legs: list[tuple[str, str]] = []  # suggested
        if sees and len(found) <= _MOST_OFFERED:
            self.calls = {str(call.pk): call for call, _ in told}
            choices = [("", "Choose a call"), *((str(call.pk), label) for call, label in told)]
            self.fields["call"].choices = choices  # type: ignore[attr-defined]
            return
        self.legs = [(call.call_control_id, label) for call, label in told]
        self.fields["call"] = forms.CharField(
            label="Connect the caller with",
            widget=UnfoldAdminTextInputWidget(
                attrs={"autocomplete": "off", "spellcheck": "false", "list": "portal-legs"}
            ),
            help_text="The call control id of a call that is being talked on.",
        )

    def clean_call(self) -> Call:
        """Return the call that was chosen, or whose id was typed."""
        given = self.cleaned_data["call"]
        call = self.calls.get(given) or self.rows.filter(call_control_id=given).first()
        if call is None:
            raise ValidationError("No call of this account that is being talked on has this id.")
        return call

    @property
    def first(self) -> list[forms.BoundField]:
        return [self["call"]]

    def take(self, errors: dict[str, list[str]]) -> None:
        """Show what was refused, as who is drawn the form may see it."""
        for said in errors.values():
            self.add_error(None, [seen(words) for words in said])


def urls(admin: Any) -> list[URLPattern]:
    """List the addresses, for the admin of conferences to add: a queue has no model of its own."""

    def wrap(view: Any) -> Any:
        def seen(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(_SEE):
                raise PermissionDenied
            answer: HttpResponse = view(admin, request, **kwargs)
            return answer

        return admin.admin_site.admin_view(seen)

    queue_path = "queues/<uuid:account_id>/<str:name>/"
    return [
        path("queues/", wrap(_list), name="voice_queue_list"),
        path("queues/new/", wrap(_create), name="voice_queue_new"),
        path(queue_path, wrap(_page), name="voice_queue_page"),
        path(f"{queue_path}take/", wrap(_take), name="voice_queue_take"),
        path(f"{queue_path}do/<str:action>/", wrap(_act), name="voice_queue_act"),
        path(f"{queue_path}calls/<str:control_id>/<str:action>/", wrap(_act_on_call), name="voice_queue_call_act"),
    ]


def _list(admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the queues of every account."""
    accounts = []
    for account in TelnyxAccount.objects.order_by("name"):
        try:
            found = queues.at_telnyx(account)
            rows = [(row, _key(str(row.get("name")), request.user)) for row in found.rows]
            accounts.append({"account": account, "rows": rows, "complete": found.complete})
        except TelnyxError as error:
            accounts.append({"account": account, "error": str(error)})
    context = _context(admin, request, "Queues") | {"accounts": accounts, "may": request.user.has_perm(_PRESS)}
    return TemplateResponse(request, "voice/conferences/queue_list.html", context)


def _page(admin: Any, request: HttpRequest, account_id: str, name: str) -> HttpResponse:
    """Show one queue, who waits in it, and what was sent to it."""
    account, bare = get_object_or_404(TelnyxAccount, pk=account_id), unquote(name)
    context = _context(admin, request, "Queue") | {"account": account, "name": bare, "key": name}
    try:
        context["queue"] = queues.retrieve(account, bare)
        if context["queue"] is not None:
            context |= _waiting(account, bare) | {"made": read_time(context["queue"].get("created_at"))}
    except TelnyxError as error:
        context["error"] = str(error)
    if request.user.has_perm("voice.view_callcommand"):
        rows = CallCommand.objects.filter(account=account, queue_name=bare).order_by("-created_at")
        context["commands"] = [(row, actions.label(row.action)) for row in rows[:20]]
    return TemplateResponse(
        request, "voice/conferences/queue_page.html", context | {"may": request.user.has_perm(_PRESS)}
    )


def _waiting(account: TelnyxAccount, name: str) -> dict[str, Any]:
    found = queues.calls(account, name)
    ids = [_id(row) for row in found.rows]
    known = {call.call_control_id: call for call in Call.objects.filter(account=account, call_control_id__in=ids)}
    rows = [(row, quote(control_id), known.get(control_id)) for row, control_id in zip(found.rows, ids, strict=True)]
    return {"waiting": rows, "complete": found.complete}


def _create(admin: Any, request: HttpRequest) -> HttpResponse:
    _check(request)
    form = confirmation.AccountForm(queues.CREATE, request, [])

    def make() -> CallCommand:
        intent = f"queue:{form.cleaned_data['intent']}"
        return queues.create(form.account, form.values(), actor_of(request), intent=intent)

    return confirmation.page(admin, request, form, make, reverse("admin:voice_queue_list"))


def _act(admin: Any, request: HttpRequest, account_id: str, name: str, action: str) -> HttpResponse:
    """Change or delete a queue."""
    _check(request)
    if action not in _ON_QUEUE:
        raise Http404
    account, bare = get_object_or_404(TelnyxAccount, pk=account_id), unquote(name)
    form = confirmation.RoomForm(_ON_QUEUE[action], request, [])

    def make() -> CallCommand:
        intent = f"queue:{form.cleaned_data['intent']}"
        return queues.act(account, bare, form.action, form.values(), actor_of(request), intent=intent)

    back = reverse("admin:voice_queue_page", args=[account.pk, name])
    return confirmation.page(admin, request, form, make, back, account=account, subject=bare)


def _act_on_call(
    admin: Any, request: HttpRequest, account_id: str, name: str, control_id: str, action: str
) -> HttpResponse:
    """Remove a call from a queue, or have it stay there after it hangs up."""
    _check(request)
    if action not in _ON_CALL:
        raise Http404
    account, bare, leg = get_object_or_404(TelnyxAccount, pk=account_id), unquote(name), unquote(control_id)
    form = confirmation.RoomForm(_ON_CALL[action], request, [])
    form.leave_out("queue_name")

    def make() -> CallCommand:
        intent = f"queue:{form.cleaned_data['intent']}"
        actor = actor_of(request)
        return queues.act_on_call(account, bare, leg, form.action, form.values(), actor, intent=intent)

    back = reverse("admin:voice_queue_page", args=[account.pk, name])
    return confirmation.page(admin, request, form, make, back, account=account, subject=f"{bare}, …{leg[-8:]}")


def _take(admin: Any, request: HttpRequest, account_id: str, name: str) -> HttpResponse:
    """Connect a waiting caller (``?call=``, else the next one) with a call of ours: the SDK's ``bridge``.

    By the caller's id: the SDK requires one, and Telnyx takes no queue's name beside it.
    """
    _check(request)
    account, bare = get_object_or_404(TelnyxAccount, pk=account_id), unquote(name)
    back = reverse("admin:voice_queue_page", args=[account.pk, name])
    try:
        rows = queues.calls(account, bare).rows
    except TelnyxError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    waiting = [_id(row) for row in rows if _id(row) and row.get("is_alive") is not False]
    wanted = request.GET.get("call", "")
    form = TakeForm(account, waiting, request)

    def make() -> CallCommand:
        if wanted not in waiting if wanted else not waiting:
            raise queues.NobodyWaits(bare)
        values = {"call_control_id": wanted or waiting[0], "prevent_double_bridge": True}
        intent = f"queue:{form.cleaned_data['intent']}"
        return outbox.act(form.cleaned_data["call"], "bridge", values, actor_of(request), intent=intent)

    words = {"title": "Take a caller" if wanted else "Take the next caller", "subject": bare, "account": account}
    return confirmation.page(admin, request, form, make, back, **words)


def _id(row: dict[str, Any]) -> str:
    """Return the control id of who waits; nothing where Telnyx tells none: such a caller cannot be asked for."""
    return str(row.get("call_control_id") or "")


def _key(name: str, user: Any) -> str:
    """Return what stands for a queue in an address; nothing for a name that this person may not see whole."""
    return quote(name) if masked_for(user, name) == name else ""


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(_PRESS):
        raise PermissionDenied


def _context(admin: Any, request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.admin_site.each_context(request), "opts": admin.opts, "title": title}
