"""Makes forms of actions from the SDK's own description, when a page is opened, and the fields of a rule's JSON."""

import json
import re
import uuid
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from portal.admin.site import seen
from portal.masking import is_secret
from portal.payloads import Unreadable, loads
from portal.phone_numbers import check_endpoint
from portal.telnyx.schemas import describe
from portal.telnyx.sdk_types import Parameter
from portal.texts import documented
from voice.catalogue import actions

_SENTENCE_ENDS = re.compile(r"(?<!\be\.g)(?<!\bi\.e)\.\s")
# What people reach for; the rest stands behind "More". Required parameters come first anyway.
_COMMON = {
    "dial": ["connection_id", "from", "to", "timeout_secs", "answering_machine_detection", "client_state"],
    "answer": [],
    "hangup": [],
    "reject": ["cause"],
    "speak": ["payload", "voice", "language"],
    "gather_using_speak": ["payload", "voice", "language", "maximum_digits", "valid_digits"],
    "gather": ["maximum_digits", "timeout_millis", "valid_digits"],
    "start_playback": ["audio_url", "loop"],
    "send_dtmf": ["digits"],
    "transfer": ["to", "from", "timeout_secs"],
    "bridge": ["call_control_id"],
    "texml.calls.create": ["From", "To", "Texml", "Url"],
    "texml.ai_calls.create": ["AIAssistantId", "From", "To"],
    "texml.calls.redirect": ["Texml", "Url"],
    "texml.calls.record": ["RecordingChannels", "PlayBeep"],
    "texml.calls.update_recording": ["Status"],
    "texml.calls.start_siprec": ["ConnectorName", "Name", "Track"],
    "texml.calls.start_stream": ["Url", "Name", "Track"],
    "texml.conferences.announce": ["AnnounceUrl"],
    "texml.participants.dial": ["ApplicationSid", "From", "To", "Label"],
    "texml.participants.update": ["Muted", "Hold"],
    "texml.participants.announce": ["AnnounceUrl"],
    "texml.queues.create": ["FriendlyName", "MaxSize"],
    "texml.queues.update": ["MaxSize"],
}
_INITIAL = {
    "speak": {"voice": "female", "language": "en-US"},
    "gather_using_speak": {"voice": "female", "language": "en-US"},
}
_LONG = {"payload", "invalid_payload", "Texml"}
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # where a word of CamelCase begins
_TRUTH = [("", "—"), ("true", "Yes"), ("false", "No")]


class ActionForm(forms.Form):
    """Asks for the parameters of one action by wire name. What is left empty is not sent."""

    intent = forms.UUIDField(widget=forms.HiddenInput)  # of this opened form: pressing twice is one wish

    def __init__(self, action: str, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"intent": uuid.uuid4()} | _INITIAL.get(action, {}) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.action = action
        self.parameters = _ordered(action)
        for parameter in self.parameters:
            self.fields[parameter.name] = _field(parameter)
            if is_secret(parameter.name):  # a page that comes back with errors does not show it
                self.fields[parameter.name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"})

    @property
    def first(self) -> list[forms.BoundField]:
        """Return the fields that stand first: required and common ones."""
        return [self[parameter.name] for parameter in self.parameters if _is_common(self.action, parameter)]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[parameter.name] for parameter in self.parameters if not _is_common(self.action, parameter)]

    @property
    def more_has_errors(self) -> bool:
        return any(field.errors for field in self.more)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("to", "from", "To", "From"):
            if isinstance(value := cleaned.get(name), str) and value:
                try:
                    cleaned[name] = check_endpoint(value)
                except ValidationError as error:
                    self.add_error(name, error)
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return what was filled in, by wire name."""
        given = ((parameter.name, self.cleaned_data.get(parameter.name)) for parameter in self.parameters)
        return {name: value for name, value in given if value is not None and value != ""}

    def take(self, errors: dict[str, list[str]]) -> None:
        """Put what was refused on its fields, as who is drawn the form may see it: a limit may name a number."""
        for name, messages in errors.items():
            field = name.split(".")[0]
            self.add_error(field if field in self.fields else None, [seen(words) for words in messages])


class JSONText(forms.CharField):
    """Reads JSON strictly; a list of texts may also stand one a line. The page makes rows and boxes of it."""

    def __init__(self, *, lines: bool = False, schema: dict[str, Any] | None = None, **kwargs: Any) -> None:
        attributes = {"rows": 3, "spellcheck": "false"}
        if schema is not None:
            attributes |= {"data-schema": json.dumps(schema)}
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs=attributes), **kwargs)
        self.lines = lines

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return None
        if self.lines and not text.startswith("["):
            return [line.strip() for line in text.splitlines() if line.strip()]
        try:
            return loads(text.encode())
        except Unreadable as error:
            raise ValidationError(f"This is not JSON: {error}.") from None

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False, indent=2)


class TextOrJSON(forms.CharField):
    """Reads a text, or JSON when it begins like an object or a list: for parameters that take either.

    Digits are a number where the parameter takes ``numbers``: a postal code is a text.
    """

    def __init__(self, *, numbers: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.numbers = numbers

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text.startswith(("{", "[")):
            return int(text) if self.numbers and text.isdecimal() and len(text) < 10 else text
        try:
            return loads(text.encode())
        except Unreadable as error:
            raise ValidationError(f"This is not JSON: {error}.") from None


class TruthField(forms.ChoiceField):
    """Offers yes, no, or not said."""

    def clean(self, value: Any) -> bool | None:
        return {"true": True, "false": False}.get(super().clean(value))


def _ordered(action: str) -> list[Parameter]:
    common = _COMMON.get(action, [])
    place = {name: at for at, name in enumerate(common)}
    return sorted(
        actions.parameters(action), key=lambda parameter: (place.get(parameter.name, 99), not parameter.required)
    )


def _is_common(action: str, parameter: Parameter) -> bool:
    return parameter.required or parameter.name in _COMMON.get(action, [])


def _field(parameter: Parameter) -> forms.Field:
    label = _label(parameter.name)
    shared: dict[str, Any] = {"required": parameter.required, "label": label, "help_text": _help(parameter)}
    if parameter.choices and parameter.kind == "string":
        choices = [("", "—"), *((value, value) for value in parameter.choices)]
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **shared)
    if parameter.kind == "boolean":
        return TruthField(choices=_TRUTH, widget=UnfoldAdminSelectWidget, **shared)
    if parameter.kind == "integer":
        return forms.IntegerField(widget=UnfoldAdminIntegerFieldWidget, **shared)
    if parameter.kind == "number":
        return forms.FloatField(widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}), **shared)
    if parameter.kind in {"array", "object"}:
        lines = parameter.item is not None and parameter.item.kind == "string" and not parameter.item.choices
        return JSONText(lines=lines, schema=None if lines else describe(parameter), **shared)
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3}) if parameter.name in _LONG else UnfoldAdminTextInputWidget()
    is_any = parameter.kind == "any"
    made = partial(TextOrJSON, numbers=parameter.has_numbers) if is_any else forms.CharField
    return made(widget=widget, **shared)


def _label(name: str) -> str:
    """Write ``timeout_secs`` as ``Timeout secs``, ``RecordingTrack`` as ``Recording track``; ``AI`` stays ``AI``."""
    words = _CAPITAL.sub("_", name).split("_")
    small = " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words)
    return small[:1].upper() + small[1:]


def _help(parameter: Parameter) -> str:
    """Return the SDK's first sentence."""
    text = _SENTENCE_ENDS.split(parameter.help, maxsplit=1)[0].strip()
    one_a_line = parameter.kind == "array" and parameter.item and parameter.item.kind == "string"
    return documented(f"{text.rstrip('.')}. One a line." if one_a_line else text)
