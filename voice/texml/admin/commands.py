"""Shows the page of any TeXML command: the SDK's parameters by wire name, and the ids of its address."""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from applications.models import TexmlApplication
from portal.actors import Actor, actor_of
from portal.masking import display_number, is_secret, masked_for
from portal.models import TelnyxAccount
from portal.phone_numbers import pretty
from portal.refusals import PortalRefusal
from portal.telnyx import schemas
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters
from portal.texts import visible
from voice.catalogue import actions
from voice.catalogue.forms import ActionForm
from voice.catalogue.texml_operations import COMMANDS
from voice.commands import outbox
from voice.commands.confirmation import DANGEROUS, SEE_CALLS, page_of, wake_and_return
from voice.dialling import rights
from voice.models import Call, CallCommand
from voice.texml import queues, recordings, secrets, transcriptions
from voice.texml.admin import pages, resources

_LONGEST, _LONGEST_NAME = 512, 255
_MOST_OFFERED = 1000
_APPLICATIONS = ("connection_id", "ApplicationSid")
_VALUE = "value"  # of a secret
# one method of the SDK for two things: what makes the command this one, and what belongs to the other
_FIXED: dict[str, dict[str, str]] = {
    "texml.calls.hang_up": {"Status": "completed"},
    "texml.calls.stop_siprec": {"Status": "stopped"},
    "texml.calls.stop_stream": {"Status": "stopped"},
    "texml.conferences.end": {"Status": "completed"},
}
_OTHERS: dict[str, tuple[str, ...]] = {
    "texml.calls.hang_up": ("Url", "Texml", "Method", "FallbackUrl", "FallbackMethod"),
    "texml.calls.redirect": ("Status",),
    "texml.conferences.end": ("AnnounceUrl", "AnnounceMethod"),
    "texml.conferences.announce": ("Status",),
    "texml.participants.update": ("AnnounceUrl", "AnnounceMethod"),
}
_PAGES = {one.sid: one for one in resources.RESOURCES}
_ID_WORDS = {
    "connection_id": ("TeXML application", "The call runs in it."),
    "call_sid_or_participant_label": ("Participant", "The SID of the call, or the label."),
    "conference_sid": ("Conference", "Its SID, or its name while it is going on."),
}


class CommandForm(ActionForm):
    """Asks for the parameters of a command, and for the ids of its address that the page's own address leaves out."""

    def __init__(self, account: TelnyxAccount, action: str, request: HttpRequest) -> None:
        known = {one.name for one in actions.parameters(action) if not is_secret(one.name)}
        given = {name: request.GET[name] for name in known if name in request.GET}
        super().__init__(action, request.POST or None, initial=given)
        self.fixed = _FIXED.get(action, {})
        for name in (*self.fixed, *_OTHERS.get(action, ())):
            del self.fields[name]
        self.parameters = [one for one in self.parameters if one.name in self.fields]
        ids = COMMANDS[action].ids
        self.known_ids = {name: request.GET[name] for name in ids if request.GET.get(name)}
        if any(len(text) > _LONGEST for text in self.known_ids.values()):
            raise Http404
        self.asked_ids = [name for name in ids if name not in self.known_ids]
        for name in self.asked_ids:
            self.fields[name] = _id_field(name)
        for name in set(_APPLICATIONS) & self.fields.keys():
            self._offer_applications(account, name, request.GET.get(name, ""))
        if action == secrets.SAVE:
            self.fields[_VALUE] = forms.CharField(
                strip=False,
                widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
                help_text="It is sent to Telnyx and kept nowhere here.",
            )

    @property
    def first(self) -> list[forms.BoundField]:
        return [*(self[name] for name in self.asked_ids), *super().first]

    @property
    def path(self) -> list[str]:
        """Return the ids of the address, in order."""
        return [self.known_ids.get(name) or self.cleaned_data[name] for name in COMMANDS[self.action].ids]

    def values(self) -> dict[str, Any]:
        return {**super().values(), **self.fixed}

    def _offer_applications(self, account: TelnyxAccount, name: str, chosen: str) -> None:
        """Have an application chosen by its name; its id is typed where none is known here, or too many."""
        rows = TexmlApplication.objects.filter(account=account, missing_since=None)[: _MOST_OFFERED + 1]
        choices = [(row.telnyx_id, str(row)) for row in rows]
        if not 0 < len(choices) <= _MOST_OFFERED or (chosen and chosen not in dict(choices)):
            return
        before = self.fields[name]
        self.fields[name] = forms.ChoiceField(
            choices=[("", "Choose an application"), *choices],
            widget=UnfoldAdminSelectWidget,
            required=before.required,
            label="TeXML application",
            initial=chosen,
            help_text=before.help_text,
        )


def view(request: HttpRequest, account_id: uuid.UUID, action: str) -> HttpResponse:
    """Show the confirmation of a command with its parameters; on POST make it."""
    if action not in COMMANDS:
        raise Http404
    pages.demand(request.user, *rights.needed(action, {}))
    account = pages.account_of(account_id)
    form = CommandForm(account, action, request)
    if request.method == "POST" and form.is_valid():
        path, intent = form.path, f"texml:{form.cleaned_data['intent']}"
        try:
            command = _make(account, action, path, form.values(), actor_of(request), intent)
        except (InvalidParameters, PortalRefusal) as error:
            form.take(error.errors)
        except TelnyxError as error:
            form.add_error(None, str(error))
        else:
            named = dict(zip(COMMANDS[action].ids, path, strict=True))
            return wake_and_return(request, command, _after(request.user, command, named))
    return _drawn(request, account, form)


def confirm(request: HttpRequest, form: Any, account: TelnyxAccount | None, **context: Any) -> HttpResponse:
    """Draw the page that asks before a command is made."""
    words = {
        "summary": schemas.summary(actions.method(form.action)),
        "dangerous": form.action in DANGEROUS,
        "action": form.action,
        "dials": rights.DIAL in rights.needed(form.action, {}),
    }
    title = actions.label(form.action).removeprefix("TeXML: ")
    named = {"title": title[:1].upper() + title[1:]} | context
    return pages.draw(request, "command", form=form, account=account, **words | named)


def _make(
    account: TelnyxAccount, action: str, path: list[str], values: dict[str, Any], actor: Actor, intent: str
) -> CallCommand:
    if action == secrets.SAVE:
        return secrets.save(account, values, actor, intent=intent)
    if action == "texml.queues.create":
        return queues.create(account, values, actor, intent=intent)
    if action == recordings.DELETE:
        return recordings.delete(account, path[0], actor, intent=intent)
    if action == transcriptions.DELETE:
        return transcriptions.delete(account, path[0], actor)
    queue_name = path[0][:_LONGEST_NAME] if action.startswith("texml.queues.") else ""
    return outbox.place(account, action, values, actor, path=path, queue_name=queue_name, intent=intent)


def _drawn(request: HttpRequest, account: TelnyxAccount, form: CommandForm) -> HttpResponse:
    user, named = request.user, form.known_ids
    call = _mirrored(account, named)
    about = masked_for(user, {"sid": list(named.values())[-1]})["sid"] if named else ""
    if call is not None and user.has_perm(SEE_CALLS):
        about = " → ".join(pretty(display_number(side, user)) for side in (call.from_number, call.to_number))
    over = "This call has ended: the command would not be sent." if call is not None and not call.is_alive else ""
    back = _back(user, account, form.action, named)
    return confirm(request, form, account, about=visible(str(about)), over=over, back=back)


def _after(user: Any, command: CallCommand, named: Mapping[str, str]) -> str:
    """Return where what comes of it shows: the call in the log, else the resource, else the command."""
    call = _mirrored(command.account, named)
    if call is not None and user.has_perm(SEE_CALLS):
        return reverse("admin:voice_call_change", args=[call.pk])
    if command.action == secrets.SAVE:
        return secrets_page(command.account)
    named = named or ({"queue_sid": command.queue_name} if command.queue_name else {})
    resource = _resource(named)
    if resource is not None and resources.key(user, named[resource.sid]) and user.has_perm(resource.permission):
        return resources.page(resource, command.account, named[resource.sid])
    return page_of(user, command)


def secrets_page(account: TelnyxAccount) -> str:
    return f"{reverse('admin:voice_texml_secrets')}?account={account.pk}"


def _resource(named: Mapping[str, str]) -> resources.Resource | None:
    """Return what the first id of an address is of; an application's is none of these."""
    return _PAGES.get(next(iter(named), ""))


def _back(user: Any, account: TelnyxAccount, action: str, named: Mapping[str, str]) -> str:
    """Return the nearest page that this person may see: of the resource, or of its kind; else the home page."""
    if action == secrets.SAVE:
        return secrets_page(account)
    word = action.split(".")[1]
    plural = {"ai_calls": "calls", "participants": "conferences"}.get(word, word)
    resource = _resource(named)
    kind = resource or next(one for one in resources.RESOURCES if one.plural == plural)
    if not user.has_perm(kind.permission):
        return reverse("admin:index")
    return resources.page(kind, account, named[kind.sid]) if resource else resources.list_page(kind, account)


def _mirrored(account: TelnyxAccount, named: Mapping[str, str]) -> Call | None:
    """Return the call in the log that the command is about."""
    sid = named.get("call_sid")
    return Call.objects.filter(account=account, call_control_id=sid).first() if sid else None


def _id_field(name: str) -> forms.CharField:
    words = name.removesuffix("_sid").replace("_", " ").capitalize()
    label, words = _ID_WORDS.get(name, (words, "Its SID."))
    return forms.CharField(
        label=label,
        max_length=_LONGEST,
        help_text=words,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
