"""Asks for what is dialled: one number, or a list of them."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from applications.models import CallControlApplication, TelnyxApplication
from portal.phone_numbers import check_endpoint
from voice.catalogue import actions
from voice.catalogue.forms import ActionForm
from voice.dialling.batches import encode_client_state

A = TypeVar("A", bound=TelnyxApplication)

_DETECTION = ("answering_machine_detection",)
_RECORDING = ("record", "record_channels", "record_format")
_STREAMING = ("stream_url", "stream_track")
_MORE_COMMON = ("timeout_secs", *_DETECTION, *_RECORDING, *_STREAMING, "client_state")
_LARGEST_FILE = 512 * 1024
_MOST_OFFERED = 1000  # applications in one list of choices


class OwnNumberInput(UnfoldAdminTextInputWidget):
    """Draws a text box that offers the account's own numbers, fetched once the page is there."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, {**(attrs or {}), "list": "portal-own-numbers"}, renderer)
        offered = (
            '<datalist id="portal-own-numbers" hx-get="{}" hx-include="#id_connection_id" hx-trigger="{}"></datalist>'
        )
        when = "load, change from:#id_connection_id"
        return box + format_html(offered, reverse("admin:voice_dialbatch_numbers"), when)


class DialForm(ActionForm):
    """Asks for a dial from one of our applications."""

    application: CallControlApplication  # that was chosen
    leading: tuple[str, ...] = ("connection_id", "from", "to", *_MORE_COMMON)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(actions.DIAL, *args, **kwargs)
        wanted = self.data.get("connection_id") or self.initial.get("connection_id")
        self.applications, cut = offered(_dialled_from(), str(wanted or ""))
        choices = [("", "Choose an application")] + [(key, _told(row)) for key, row in self.applications.items()]
        words = f"The call runs in it. {cut}".strip()
        self.fields["connection_id"] = forms.ChoiceField(
            label="Application", choices=choices, widget=UnfoldAdminSelectWidget, help_text=words
        )
        self.fields["from"] = forms.CharField(
            widget=OwnNumberInput(attrs={"autocomplete": "off"}),
            help_text="A number of this account: Telnyx refuses others. The account's own are offered.",
        )
        self.fields["to"] = forms.CharField(
            widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            help_text="With + and country code, or a sip: address. Several, separated by commas, are dialled together.",
        )
        self.fields["client_state"] = forms.CharField(
            required=False,
            label="Client state",
            widget=UnfoldAdminTextInputWidget(),
            help_text="A text that each event of the call brings back. It is encoded for Telnyx (base64).",
        )

    @property
    def first(self) -> list[forms.BoundField]:
        return [self[name] for name in self.leading if name in self.fields]

    @property
    def more(self) -> list[forms.BoundField]:
        return [self[parameter.name] for parameter in self.parameters if parameter.name not in self.leading]

    def clean_connection_id(self) -> str:
        """Return the id of the application that was chosen, and keep which it is: several accounts may have the id."""
        self.application = self.applications[self.cleaned_data["connection_id"]]
        return self.application.telnyx_id

    def clean_to(self) -> str | list[str]:
        """Return one number, or a list of them."""
        near = str(self.data.get("from", ""))
        texts = [text for text in re.split(r"[,\n]", self.cleaned_data["to"]) if text.strip()]
        found = [check_endpoint(text, near) for text in texts]
        return found[0] if len(found) == 1 else found

    def values(self) -> dict[str, Any]:
        """Return the parameters by wire name, the client state encoded."""
        given = super().values()
        if state := given.get("client_state"):
            given["client_state"] = encode_client_state(state)
        return given


class BatchForm(DialForm):
    """Asks for many numbers from one application. The lines are judged by ``voice.dialling.batches``."""

    leading = ("name", "connection_id", "from", "numbers", "file", "per_second", *_MORE_COMMON)

    name = forms.CharField(
        required=False, max_length=100, widget=UnfoldAdminTextInputWidget(), help_text="For you to find it again."
    )
    numbers = forms.CharField(
        required=False,
        label="Numbers",
        strip=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "spellcheck": "false", "class": "portal-mono"}),
        help_text="One a line, at most 1,000. Behind a comma a client state of its own may stand.",
    )
    file = forms.FileField(
        required=False,
        label="Or a CSV file",
        widget=UnfoldAdminFileFieldWidget(),
        help_text="The number in the first column, a client state in the second. It replaces the numbers above.",
    )
    per_second = forms.FloatField(
        label="Dials per second",
        initial=1,
        min_value=0.01,
        max_value=20,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="0.5 is one every two seconds.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["to"]
        self.parameters = [parameter for parameter in self.parameters if parameter.name != "to"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if uploaded := cleaned.get("file"):
            cleaned["numbers"] = self._read(uploaded)
            shown: Any = self.data.copy()  # type: ignore[attr-defined]
            shown["numbers"] = cleaned["numbers"]
            self.data = shown  # so that the page shows what was read, and sends it again
        elif not str(cleaned.get("numbers", "")).strip():
            self.add_error("numbers", "Enter at least one number, or choose a file.")
        return cleaned

    def _read(self, uploaded: Any) -> str:
        if uploaded.size > _LARGEST_FILE:
            raise ValidationError({"file": "The file is larger than 512 kB."})
        try:
            text: str = uploaded.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError({"file": "The file is not text in UTF-8."}) from None
        return text


def _dialled_from() -> QuerySet[CallControlApplication]:
    return CallControlApplication.objects.select_related("account").filter(missing_since=None).exclude(active=False)


def offered(rows: QuerySet[A], choice: str) -> tuple[dict[str, A], str]:
    """Return which applications may be chosen, that of ``choice`` among them; where there are more, words for that."""
    found, is_cut = first_and(rows, _MOST_OFFERED, choice.partition("@")[0])
    words = f"Only the first {_MOST_OFFERED:,} are listed: for another one add ?application= and its Telnyx ID to the "
    return by_choice(found), f"{words}address of this page." if is_cut else ""


def first_and(rows: QuerySet[A], most: int, telnyx_id: str) -> tuple[list[A], bool]:
    """Return the first applications, those of ``telnyx_id`` among them, and whether more are left out."""
    found = list(rows[: most + 1])
    if len(found) <= most:
        return found, False
    del found[most:]
    if "\x00" not in telnyx_id:  # PostgreSQL fails on a NUL
        found += [row for row in rows.filter(telnyx_id=telnyx_id) if row not in found]
    return found, True


def by_choice(found: Iterable[A]) -> dict[str, A]:
    """Name each by its id, and, where several accounts have an application of that id, by the account as well."""
    rows = list(found)
    accounts = Counter(row.telnyx_id for row in rows)
    return {f"{row.telnyx_id}@{row.account}" if accounts[row.telnyx_id] > 1 else row.telnyx_id: row for row in rows}


def chosen_application(choice: str) -> CallControlApplication | None:
    """Find the application that a choice of the form names; None without one."""
    telnyx_id, _, account = choice.partition("@")
    wanted = _dialled_from().filter(telnyx_id=telnyx_id)
    found = list(wanted.filter(account__name=account) if account else wanted)
    return found[0] if len(found) == 1 else None


def _told(application: CallControlApplication) -> str:
    return f"{application} ({application.account}, {'LIVE' if application.account.is_live else 'SANDBOX'})"
