"""Shows the form of a TeXML dial: from which application, whom, and what document the call follows."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from applications.models import TexmlApplication
from portal.actors import actor_of
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue.forms import ActionForm
from voice.commands.confirmation import page_of, wake_and_return
from voice.dialling.forms import offered
from voice.texml import calls
from voice.texml.admin import commands, pages, resources

ACTION = "texml.calls.dial"
_APPLICATION = "ApplicationSid"
_FIRST = ("From", "To", "Texml", "Url", "MachineDetection", "Record", "RecordingChannels")


class DialForm(ActionForm):
    """Asks for a dial from one of the TeXML applications of any account."""

    application: TexmlApplication  # that was chosen

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(ACTION, *args, **kwargs)
        rows = TexmlApplication.objects.select_related("account").filter(missing_since=None).exclude(active=False)
        wanted = self.data.get(_APPLICATION) or self.initial.get(_APPLICATION)
        self.applications, cut = offered(rows, str(wanted or ""))
        choices = [(key, _told(row)) for key, row in self.applications.items()]
        known = f"The call runs in it. {cut}".strip()
        self.fields[_APPLICATION] = forms.ChoiceField(
            choices=[("", "Choose an application"), *choices],
            widget=UnfoldAdminSelectWidget,
            label="Application",
            help_text=known if choices else "None is known here: pull the TeXML applications first.",
        )
        words = {
            "From": "A number of this account: Telnyx refuses others.",
            "To": "With + and country code, or a sip: address.",
        }
        for name, help_text in words.items():
            widget = UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
            self.fields[name] = forms.CharField(label=name, widget=widget, help_text=help_text)
        self.fields["Texml"].label, self.fields["Url"].label = "Document", "Or its address"
        self.fields["Texml"].help_text = "TeXML that the call follows. Leave both empty to use the application's own."
        self.fields["Url"].help_text = "Where Telnyx fetches it."

    @property
    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in (_APPLICATION, *_FIRST)]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[one.name] for one in self.parameters if one.name not in (_APPLICATION, *_FIRST)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        row = self.applications.get(cleaned.get(_APPLICATION, ""))
        if row is None:
            return cleaned
        self.application, cleaned[_APPLICATION] = row, row.telnyx_id
        if not (cleaned.get("Texml") or cleaned.get("Url") or row.voice_url):
            self.add_error("Texml", "Give a document or its address: the application has no address of its own.")
        return cleaned


def view(request: HttpRequest) -> HttpResponse:
    """Start a call from one of our TeXML applications."""
    pages.demand(request.user, "voice.dial")
    form = DialForm(request.POST or None, initial={_APPLICATION: request.GET.get("application", "")})
    if request.method == "POST" and form.is_valid():
        intent = f"texml:{form.cleaned_data['intent']}"
        try:
            command = calls.dial(form.application.account, form.values(), actor_of(request), intent=intent)
        except (InvalidParameters, PortalRefusal) as error:
            form.take(error.errors)
        else:
            return wake_and_return(request, command, page_of(request.user, command))
    back = "admin:voice_texml_calls" if request.user.has_perm(resources.CALL.permission) else "admin:index"
    return commands.confirm(request, form, None, title="TeXML dial", back=reverse(back))


def _told(application: TexmlApplication) -> str:
    return f"{application} ({application.account}, {'LIVE' if application.account.is_live else 'SANDBOX'})"
