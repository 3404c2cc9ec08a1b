"""Reads the filter of a replay as somebody types it, in the browser or as options of the command."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from applications.kinds import KINDS
from portal.admin.filters import MomentField as ListMoment
from portal.models import TelnyxAccount
from portal.times import read_time
from voice.calls import search
from voice.catalogue.event_types import EVENT_TYPES
from voice.models import Call, CallEvent
from voice.replay.selection import Selection

MOST_IDS = 1000
# The fields that a selection has too, and those that it calls otherwise.
_AS_THEY_ARE = ("account", "received_from", "received_until", "occurred_from", "occurred_until")
_OTHERWISE = {"application": "connection_id", "call": "call_control_id", "session": "call_session_id"}
_AGO = re.compile(r"(\d{1,5})\s*([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_TYPE = re.compile(r"\*?[a-z0-9_.]{1,100}\*?")
_TELNYX_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
_CONTROL_ID = re.compile(r"[A-Za-z0-9:_\-=]{1,512}")


class MomentField(forms.CharField):
    """Reads ``2026-11-20``, ``2026-11-20 10:15`` (UTC), a time with a zone, or an age: ``90m``, ``2h``, ``7d``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=40, widget=UnfoldAdminTextInputWidget(), **kwargs)

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        if match := _AGO.fullmatch(text):
            return timezone.now() - timedelta(**{_UNITS[match[2]]: int(match[1])})
        day = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)
        found = read_time(f"{text} 00:00" if day else text)
        if found is None:
            raise ValidationError("Enter a time as 2026-11-20 10:15 (UTC), or how long ago: 90m, 2h, 7d.")
        return found.astimezone(UTC)


class ReplayForm(forms.Form):
    """Asks for a filter. Everything may be left empty; what is filled in narrows."""

    account = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget)
    application = forms.CharField(
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "portal-applications", "autocomplete": "off"}),
        help_text="Its id at Telnyx, or its name.",
    )
    event_types = forms.CharField(
        required=False,
        label="Event types",
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "portal-event-types", "autocomplete": "off"}),
        help_text="Several with commas. A * at an end stands for anything: call.gather.*",
    )
    statuses = forms.MultipleChoiceField(
        required=False, label="Status", choices=CallEvent.Status.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    sources = forms.MultipleChoiceField(
        required=False, label="Source", choices=CallEvent.Source.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    received_from = MomentField(help_text="As 2026-11-20 10:15 (UTC), or how long ago: 90m, 2h, 7d.")
    received_until = MomentField()
    occurred_from = MomentField()
    occurred_until = MomentField()
    call = forms.CharField(required=False, max_length=512, label="Call control id", widget=UnfoldAdminTextInputWidget())
    session = forms.CharField(required=False, max_length=64, label="Session id", widget=UnfoldAdminTextInputWidget())
    ids = forms.CharField(
        required=False,
        label="Single events",
        max_length=100_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="Their ids, the portal's or Telnyx's, one a line.",
    )

    first = ("statuses", "event_types", "received_from", "received_until", "application", "call")
    more = ("account", "sources", "occurred_from", "occurred_until", "session", "ids")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = TelnyxAccount.objects.values_list("name", flat=True)
        field: Any = self.fields["account"]
        field.choices = [("", "All accounts"), *((name, name) for name in names)]

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.first]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.more]

    @property
    def more_is_used(self) -> bool:
        return any(field.errors or field.value() for field in self.more_fields)

    def clean_application(self) -> str:
        text: str = self.cleaned_data["application"]
        if not text:
            return ""
        named = {id for kind in KINDS for id in _ids_of(kind, text)}
        if len(named) > 1:
            raise ValidationError(f"Several applications have that name: {', '.join(sorted(named)[:5])}. Give the id.")
        if not named and not (_TELNYX_ID.fullmatch(text) and text.isdecimal()):
            raise ValidationError("There is no application of that name, and no id of Telnyx looks like this.")
        return named.pop() if named else text

    def clean_event_types(self) -> tuple[str, ...]:
        found = tuple(
            dict.fromkeys(
                event_type for event_type in re.split(r"[,\s]+", self.cleaned_data["event_types"]) if event_type
            )
        )
        for event_type in found:
            if not _TYPE.fullmatch(event_type):
                raise ValidationError("An event type looks like call.answered, or call.gather.* with a * at an end.")
        return found

    def clean_call(self) -> str:
        return _formed(self.cleaned_data["call"], _CONTROL_ID, "a call control id")

    def clean_session(self) -> str:
        return _formed(self.cleaned_data["session"], _TELNYX_ID, "a session id")

    def clean_ids(self) -> tuple[str, ...]:
        texts = list(dict.fromkeys(text for text in re.split(r"[,\s]+", self.cleaned_data["ids"]) if text))
        if len(texts) > MOST_IDS:
            raise ValidationError(f"These are {len(texts):,} ids; {MOST_IDS:,} can be given. Use the other fields.")
        try:
            return tuple(str(uuid.UUID(text)) for text in texts)
        except ValueError:
            raise ValidationError("An event id looks like 0ccc7b54-4df3-4bca-a65a-3da1ecc777f0.") from None

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for name in ("received", "occurred"):
            begin, end = given.get(f"{name}_from"), given.get(f"{name}_until")
            if begin and end and begin > end:
                self.add_error(f"{name}_until", "This is before the beginning.")
        return given

    def selection(self) -> Selection:
        """Return what was filled in. Of a valid form."""
        given = self.cleaned_data
        members: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE}
        members |= {name: tuple(given[name]) for name in ("event_types", "statuses", "sources", "ids")}
        return Selection(**members | {member: given[name] for name, member in _OTHERWISE.items()})


def initial_of(listed: QueryDict) -> dict[str, Any]:
    """Read what the list of events is narrowed to, by its address's parameters, as this form's values."""
    found: dict[str, Any] = {
        "statuses": listed.getlist("status__exact"),
        "sources": listed.getlist("source__exact"),
        "received_from": _moment(listed, "received_at_from", is_end=False),
        "received_until": _moment(listed, "received_at_to", is_end=True),
    }
    if event_type := listed.get("event_type", "").strip():
        found["event_types"] = event_type
    if account := listed.get("account__id__exact"):
        found["account"] = next((row.name for row in TelnyxAccount.objects.all() if str(row.pk) == account), "")
    if connection := listed.get("connection_id__exact") or listed.get("connection_id"):
        found["application"] = connection
    if term := listed.get("q", "").strip():
        found |= _searched(term)
    return {name: value for name, value in found.items() if value}


def values_of(selection: Selection) -> list[tuple[str, str]]:
    """List this form's fields with that filter in them, to be posted: a thousand ids are too long for an address."""
    members = selection.as_json()
    names = {member: name for name, member in _OTHERWISE.items()}
    several = {"statuses": members.pop("statuses", []), "sources": members.pop("sources", [])}
    joined = {name: ",".join(members[name]) for name in ("event_types", "ids") if name in members}
    given = [(names.get(name, name), value) for name, value in (members | joined).items()]
    return given + [(name, value) for name, values in several.items() for value in values]


def event_types() -> list[str]:
    """List the event types the portal knows, to be offered."""
    return list(EVENT_TYPES)


def known_applications() -> list[tuple[str, str]]:
    """List ids and names of applications, to be offered."""
    return [
        (row.telnyx_id, row.name)
        for kind in KINDS
        for row in kind.model._default_manager.filter(missing_since=None)[:500]
    ]


def _ids_of(kind: Any, text: str) -> list[str]:
    rows = kind.model._default_manager
    by_id = list(rows.filter(telnyx_id=text).values_list("telnyx_id", flat=True)[:1])
    return by_id or list(rows.filter(**{kind.model.name_field: text}).values_list("telnyx_id", flat=True)[:6])


def _formed(text: str, form: re.Pattern[str], what: str) -> str:
    if text and not form.fullmatch(text):
        raise ValidationError(f"That is not {what}.")
    return text


def _moment(listed: QueryDict, name: str, *, is_end: bool) -> str:
    """Read where the list's range begins or ends as the list does, in the zone of who looks, and name the offset.

    What is no time there is none here: in quotes, so that this form does not read it in its own way.
    """
    parts = [listed.get(f"{name}_{part}", "") for part in (0, 1)]
    try:
        at = ListMoment(is_end=is_end).clean(parts)
    except ValidationError:
        return f"“{' '.join(part for part in parts if part)}”"
    return timezone.localtime(at).isoformat(sep=" ") if at else ""


def _searched(term: str) -> dict[str, str]:
    """Say with this form's fields what the list's search finds; by ids where none of them asks for it."""
    if not search.UUID.fullmatch(term):
        return {"call": term}
    session = {"call_session_id": term.lower()}
    of_it = search.of_event(term) | Q(call_control_id=term) | search.of_session(term)
    events = CallEvent.objects.filter(of_it).order_by()
    if Call.objects.filter(**session).exists() and not events.exclude(**session).exists():  # TeXML's name none
        return {"session": term.lower()}
    ids = [str(event_id) for event_id in events.values_list("pk", flat=True)[: MOST_IDS + 1]]
    return {"ids": "\n".join(ids or [term])}
