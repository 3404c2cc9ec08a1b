"""Asks why something is suspended."""

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from voice.models import Suspension


class SuspendForm(forms.Form):
    """Asks for a reason, which whoever is held back reads."""

    why = forms.CharField(
        label="Why",
        required=False,
        max_length=Suspension._meta.get_field("why").max_length,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autofocus": True}),
        help_text="Whoever is held back by it reads this. It may stay empty.",
    )
