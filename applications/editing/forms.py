"""Builds the form of an application: one field for each parameter that the SDK's create or update takes, by dotted
name.

Every value is a text in the form (``shown``), so that "touched or not" is a comparison of texts and a value read from
Telnyx, of whatever type, survives a save of something else.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from unfold import widgets

from applications.addresses import is_address
from applications.editing import profile_field
from applications.editing.service import snapshot
from applications.kinds import Kind, flatten, unflatten
from applications.models import TelnyxApplication
from applications.receivers import path_of
from applications.wording import display_value, label
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.sdk_types import Parameter
from portal.texts import documented

BASE = "base_digest"
WISH = "wish"  # the id of an add form: sent twice, it is one wish


class ApplicationForm(forms.ModelForm):  # type: ignore[type-arg]
    """Draws ``errors_of_telnyx`` (by dotted name; others stand above it) as its own errors.

    The row is never written from here: it is made of Telnyx's answer.
    """

    kind: Kind
    errors_of_telnyx: Mapping[str, list[str]] = {}
    drawn_from: JsonObject = {}  # flat
    prefilled: JsonObject = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drawn = {
            name: display_value(self.drawn_from.get(name)) for name in self.fields if name in self.kind.settable_flat()
        }
        self.initial = {**drawn, **self.prefilled, BASE: self.instance.remote_digest, **self.initial}

    @property
    def changed_data(self) -> list[str]:
        """Return what the log entry names."""
        return sorted(self.touched)

    @property
    def touched(self) -> set[str]:
        """Return the names of the parameters whose text is another than the one drawn."""
        return {name for name in self.kind.settable_flat() if as_compared(self.data.get(name)) != self._drawn(name)}

    def parameters(self) -> JsonObject:
        """Return what is to be sent, nested: on a change what was touched, on a create what has a value."""
        values = {name: self.cleaned_data[name] for name in self.kind.settable_flat() if name in self.cleaned_data}
        if self.instance.telnyx_id:
            return unflatten({name: value for name, value in values.items() if name in self.touched})
        return unflatten({name: value for name, value in values.items() if value is not None})

    def _drawn(self, name: str) -> str:
        return as_compared(self.initial.get(name))

    def _clean_fields(self) -> None:
        every = self.fields
        if self.instance.telnyx_id:  # only what was touched is judged: Telnyx's own values may fit no type of the SDK
            self.fields = {name: every[name] for name in every if name in self.touched}
        try:
            super()._clean_fields()  # type: ignore[misc]
        finally:
            self.fields = every

    def clean(self) -> JsonObject:
        for name, messages in self.errors_of_telnyx.items():
            self.add_error(name if name in self.fields else None, messages)
        cleaned: JsonObject = self.cleaned_data
        account = cleaned.get("account")
        if account and not self.instance.telnyx_id:
            self._lead_to(account, cleaned)
        return cleaned

    def _lead_to(self, account: TelnyxAccount, cleaned: JsonObject) -> None:
        """Make each untouched address of another account here one of this account: the other cannot read its calls."""
        others = [path_of(other) for other in TelnyxAccount.objects.exclude(pk=account.pk)]
        for name in cleaned.keys() & self.kind.settable_flat().keys() - self.touched:
            if is_address(name) and isinstance(url := cleaned[name], str):
                foreign = next((path for path in others if path in url), "")
                cleaned[name] = url.replace(foreign, path_of(account)) if foreign else url

    def _post_clean(self) -> None:
        """Do nothing: the instance is not the form's to change."""


def form_class(
    kind: Kind,
    application: TelnyxApplication | None,
    base_digest: str = "",
    prefilled: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
    origin: TelnyxApplication | None = None,
) -> type[ApplicationForm]:
    """Build the form for adding or changing.

    For adding there is no ``application`` (maybe a clone of ``origin``); a change starts from the state that
    ``base_digest`` names.
    """
    drawn = flatten((snapshot(application, base_digest) or application.remote) if application else {})
    values = flatten(origin.remote) if origin else drawn
    fields: dict[str, forms.Field] = {
        name: field_for(parameter, values.get(name), "–" if application else "Telnyx's default")
        for name, parameter in kind.settable_flat().items()
    }
    if application is None:
        fields[WISH] = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput, initial=uuid.uuid4)
        fields["account"] = AccountChoice(TelnyxAccount.objects.all(), widget=widgets.UnfoldAdminSelectWidget)
    for name, parameter in kind.settable_flat().items():
        if application and parameter.kind == "boolean" and isinstance(values.get(name), bool):
            fields[name].widget = Switch()  # what was never set stays a choice of three
    profile_field.offer(fields, kind, application)
    fields[BASE] = forms.CharField(required=False, widget=forms.HiddenInput)
    meta = type("Meta", (), {"model": kind.model, "fields": ()})
    members = {"kind": kind, "errors_of_telnyx": errors or {}, "drawn_from": drawn, "prefilled": prefilled or {}}
    return type(f"{kind.model.__name__}Form", (ApplicationForm,), {**fields, **members, "Meta": meta})


def initial_for_add(kind: Kind, account: TelnyxAccount | None) -> JsonObject:
    """Return the values a new one begins with.

    These are the account's own webhook address, and events in the format that can be followed.
    """
    initial = {"webhook_api_version": "2"} if "webhook_api_version" in kind.settable() else {}
    if account is None:
        return initial
    url = {kind.model.url_field: account.webhook_url} if kind.model.url_field == "webhook_event_url" else {}
    return {"account": account.pk, **initial, **url}


def initial_for_clone(kind: Kind, origin: TelnyxApplication) -> JsonObject:
    """Return every setting of another one, under a name of its own; of one that Telnyx has lost, under the same."""
    there = flatten(origin.remote)
    values = {name: display_value(there.get(name)) for name in kind.settable_flat()}
    name = origin.name if origin.missing_since else f"{origin.name} copy"
    return {"account": origin.account_id, **values, kind.model.name_field: name}


def redrawn(data: QueryDict, touched: set[str], kind: Kind, application: TelnyxApplication) -> QueryDict:
    """Return the form's data after a conflict.

    What the person touched is as typed, all else as it is at Telnyx now, on that as the new base.
    """
    there, merged = flatten(application.remote), data.copy()
    for name in kind.settable_flat():
        if name not in touched:
            merged[name] = display_value(there.get(name))
    merged[BASE] = application.remote_digest
    return merged


def field_for(parameter: Parameter, value: Any = None, blank: str = "–") -> forms.Field:
    """Build the field of one parameter; ``value`` is what it is now, which stays selectable even outside the SDK's
    enum.

    ``blank`` is what an empty choice reads like.
    """
    shared: JsonObject = {
        "label": label(parameter.name),
        "help_text": documented(parameter.help),
        "required": parameter.required,
    }
    if parameter.kind == "boolean":
        return _Choice([("", blank), ("true", "Yes"), ("false", "No")], value, {"true": True, "false": False}, **shared)
    if parameter.choices:
        texts = {display_value(choice): choice for choice in parameter.choices}
        return _Choice([("", blank), *((text, text) for text in texts)], value, texts, **shared)
    if parameter.kind == "integer":
        return forms.IntegerField(widget=widgets.UnfoldAdminIntegerFieldWidget, **shared)
    if parameter.kind == "array":
        shared["help_text"] = f"{shared['help_text']} One on each line.".strip()
        return _Lines(widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 2}), **shared)
    return forms.CharField(widget=widgets.UnfoldAdminTextInputWidget, empty_value=None, **shared)


class AccountChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Offers accounts, each with whether its calls ring real phones."""

    def label_from_instance(self, obj: TelnyxAccount) -> str:
        return f"{obj} · {'LIVE' if obj.is_live else 'SANDBOX'}"


class Switch(forms.Widget):
    """Draws yes or no as a switch, which sends one of the two texts, whichever it is turned to."""

    template_name = "applications/editing/switch.html"

    def id_for_label(self, id_: str) -> str:
        return id_


class _Choice(forms.TypedChoiceField):
    def __init__(self, choices: list[tuple[str, str]], value: Any, meaning: Mapping[str, Any], **kwargs: Any) -> None:
        text = display_value(value)
        if text and text not in dict(choices):
            choices = [*choices, (text, text)]
        super().__init__(
            choices=choices,
            coerce=lambda chosen: meaning.get(chosen, value),
            empty_value=None,
            widget=widgets.UnfoldAdminSelectWidget,
            **kwargs,
        )


class _Lines(forms.CharField):
    def clean(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]


def as_compared(value: Any) -> str:
    """Strip a text for comparison: a browser sends CR LF, and the blanks around a text mean nothing."""
    return str(value if value is not None else "").replace("\r\n", "\n").strip()
