"""Asks which call is to prove that everything works."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from applications.models import CallControlApplication
from applications.receivers import pointing_here
from portal.admin.site import seen
from portal.models import TelnyxAccount
from portal.phone_numbers import check_endpoint
from voice.dialling.forms import OwnNumberInput

_SANDBOX = {"from": "+13125550100", "to": "+13125550001"}  # its last digits have it answered
_MOST = 100


class ProofForm(forms.Form):
    """Asks for an application, two numbers, and for a live account whether the phone may really ring."""

    intent = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    connection_id = forms.ChoiceField(label="Application", widget=UnfoldAdminSelectWidget)

    def __init__(self, account: TelnyxAccount, data: Any = None) -> None:
        super().__init__(data, initial={} if account.is_live else _SANDBOX)
        here = list(pointing_here(account).order_by("application_name")[: _MOST + 1])
        self.applications: dict[str, CallControlApplication] = {row.telnyx_id: row for row in here[:_MOST]}
        chosen: Any = self.fields["connection_id"]
        chosen.choices = [(key, str(row)) for key, row in self.applications.items()]
        if len(here) > _MOST:
            chosen.help_text = f"Only the first {_MOST} that send their webhooks here are listed: any of them will do."
        self.fields["from"] = forms.CharField(
            widget=OwnNumberInput(attrs={"autocomplete": "off"}),
            help_text="A number of this account: Telnyx refuses others. The account's own are offered.",
        )
        self.fields["to"] = forms.CharField(
            widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            help_text="Your own phone, with + and country code."
            if account.is_live
            else "In the sandbox the last four digits say what comes of it: 0001 answers, 0002 is busy.",
        )
        if account.is_live:
            self.fields["ring"] = forms.BooleanField(
                label="Ring this phone: a real one, and it costs money", widget=UnfoldBooleanWidget
            )

    def clean_to(self) -> str:
        return self._number("to")

    def _number(self, name: str) -> str:
        try:
            return check_endpoint(self.cleaned_data[name], self.cleaned_data.get("from", ""))
        except ValidationError as error:
            raise forms.ValidationError(error.messages) from None

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("connection_id", "from", "to")}

    def take(self, errors: dict[str, list[str]]) -> None:
        """Put what was refused on its field, as who is drawn the form may see it."""
        for name, messages in errors.items():
            self.add_error(name if name in self.fields else None, [seen(words) for words in messages])
