"""Shows the confirmation page of a command to a conference or a queue, and says when it is on its way."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from portal.admin.site import seen
from portal.masking import display_number
from portal.models import TelnyxAccount
from portal.phone_numbers import pretty
from portal.refusals import PortalRefusal
from portal.telnyx import schemas
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions
from voice.catalogue.forms import ActionForm
from voice.commands.outbox import wake_sender
from voice.models import Call, CallCommand

DANGEROUS = {  # the button is red
    *("hangup", "reject", "conferences.end_conference", "conferences.leave", "queues.delete", "queues.calls.remove"),
    *("texml.calls.hang_up", "texml.conferences.end", "texml.participants.remove", "texml.queues.delete"),
    *("recordings.delete", "texml.recordings.delete", "texml.transcriptions.delete"),
}
_LEGS = ("call_control_id", "call_control_ids")
SEE_CALLS = "voice.view_call"


class RoomForm(ActionForm):
    """Asks for an action's parameters and offers legs by number; the address's query fills it in first."""

    def __init__(self, action: str, request: HttpRequest, legs: list[tuple[str, str]]) -> None:
        given = {name: request.GET[name] for name in _LEGS if name in request.GET}
        super().__init__(action, request.POST or None, initial=given)
        self.legs = legs if "call_control_id" in self.fields else []
        if self.legs:
            self.fields["call_control_id"].widget.attrs |= {"list": "portal-legs", "autocomplete": "off"}

    def leave_out(self, name: str) -> None:
        """Drop a parameter whose value the page itself knows."""
        self.parameters = [parameter for parameter in self.parameters if parameter.name != name]
        self.fields.pop(name, None)


class AccountForm(RoomForm):
    """Asks for the parameters of what is created, and for the account to create it in."""

    def __init__(self, action: str, request: HttpRequest, legs: list[tuple[str, str]]) -> None:
        super().__init__(action, request, legs)
        self.accounts = {str(row.pk): row for row in TelnyxAccount.objects.order_by("name")}
        choices = [(key, f"{row} ({'LIVE' if row.is_live else 'SANDBOX'})") for key, row in self.accounts.items()]
        widget, initial = UnfoldAdminSelectWidget, request.GET.get("account")
        if len(choices) != 1 and initial not in self.accounts:
            choices.insert(0, ("", "Choose an account"))  # the first one would be nobody's choice
        self.fields["account"] = forms.ChoiceField(choices=choices, initial=initial, widget=widget)

    @property
    def account(self) -> TelnyxAccount:
        return self.accounts[self.cleaned_data["account"]]

    @property
    def first(self) -> list[forms.BoundField]:
        return [self["account"], *super().first]


def live_legs(account: TelnyxAccount | None, user: Any) -> list[tuple[str, str]]:
    """List the legs on the line for a field's suggestions: control id and what a person calls the leg.

    Who may not see calls is told of none, and types an id.
    """
    if not user.has_perm(SEE_CALLS):
        return []
    rows = Call.objects.alive().order_by("-started_at")
    rows = rows.filter(account=account) if account else rows
    return [(call.call_control_id, leg_label(call, user)) for call in rows[:200]]


def leg_label(call: Call, user: Any) -> str:
    """Describe a leg to a person: ``+1 312… → +1 312…, answered``."""
    sides = " → ".join(pretty(display_number(number, user)) for number in (call.from_number, call.to_number))
    return f"{sides}, {call.state}"


def page(
    admin: Any,
    request: HttpRequest,
    form: Any,
    make: Callable[[], CallCommand],
    back: str,
    **context: Any,
) -> HttpResponse:
    """Show the form; on a good POST make the command with ``make`` and go back to where the person came from."""
    if request.method == "POST" and form.is_valid():
        try:
            command = make()
        except (InvalidParameters, PortalRefusal) as error:
            form.take(error.errors)
        except TelnyxError as error:
            form.add_error(None, str(error))
        else:
            return wake_and_return(request, command, back)
    action = getattr(form, "action", "")
    action_words = {
        "title": actions.label(action) if action else "",
        "summary": schemas.summary(actions.method(action)) if action else "",
        "dangerous": action in DANGEROUS,
    }
    page_context = {**admin.admin_site.each_context(request), "opts": admin.opts, "form": form, "back": back}
    return TemplateResponse(request, "voice/commands/command_form.html", page_context | action_words | context)


def page_of(user: Any, command: CallCommand) -> str:
    """Return where a command is shown; for who may not see it the home page: a 403 would say that nothing was done."""
    is_seen = user.has_perm("voice.view_callcommand")
    return reverse("admin:voice_callcommand_change", args=[command.pk]) if is_seen else reverse("admin:index")


def wake_and_return(request: HttpRequest, command: CallCommand, back: str) -> HttpResponse:
    """Wake the sender of the command, tell the person, and redirect to ``back``."""
    label = actions.label(command.action)
    if wake_sender(command):
        below = "" if back == reverse("admin:index") else " What comes of it shows below."
        messages.success(request, f"{label}: on its way to Telnyx.{below}")
    elif command.status == CallCommand.Status.OK:  # sent while the person waited, or by a click before
        messages.success(request, f"{label}: Telnyx accepted it.")
    else:
        messages.warning(request, f"{label}: {command.get_status_display()}. {seen(command.error)}")
    return HttpResponseRedirect(back)
