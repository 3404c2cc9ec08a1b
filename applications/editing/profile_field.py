"""Draws the field of an outbound voice profile: a text, made a select once Telnyx has told the choice."""

from typing import Any

from django import forms
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold import widgets

from applications.kinds import Kind
from applications.models import TelnyxApplication

NAME = "outbound.outbound_voice_profile_id"
_ID = f"id_{NAME}"
_FRAME = (
    '<div hx-get="{}" hx-trigger="load, change from:[name=account]" hx-swap="innerHTML" '
    'hx-include="[name=account], [name=&quot;{}&quot;]">{}</div>'
)


class ProfileInput(widgets.UnfoldAdminTextInputWidget):
    """Draws a text that asks for the profiles of ``account``, or of the one that is chosen in the same form."""

    def __init__(self, address: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.address = address

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        return format_html(_FRAME, self.address, NAME, super().render(name, value, attrs, renderer))


def offer(fields: dict[str, forms.Field], kind: Kind, application: TelnyxApplication | None) -> None:
    """Let the form's field fetch its choice."""
    if NAME in fields:
        address = reverse(f"admin:applications_{kind.model._meta.model_name}_profiles")
        account = f"?account={application.account_id}" if application else ""
        fields[NAME].widget = ProfileInput(address + account)


def select(choices: list[tuple[str, str]], value: str) -> str:
    """Draw the field as a select."""
    return str(widgets.UnfoldAdminSelectWidget(choices=choices).render(NAME, value, {"id": _ID}))


def text(value: str, problem: str) -> str:
    """Draw the field as the text it was, and why."""
    field = widgets.UnfoldAdminTextInputWidget().render(NAME, value, {"id": _ID})
    sentence = "The profiles could not be read from Telnyx; enter the id. {}"
    return format_html('{}<p class="portal-dim">' + sentence + "</p>", field, problem)
