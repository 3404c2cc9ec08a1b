"""Edits the limits against toll fraud: one page for each account, and for each token that has its own."""

import re
from typing import Any

import phonenumbers
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from portal import hosts
from portal.actors import actor_of
from portal.admin.site import PortalAdmin, seen
from portal.drawn_forms import DrawnForm, DrawnPages
from portal.models import ApiToken, AuditEvent
from voice.dialling import limits, own_numbers
from voice.models import Limits

_PREFIX = re.compile(r"\+[1-9]\d{0,14}", re.ASCII)
_WHERE = (
    "allowed_countries",
    "allowed_prefixes",
    "any_country",
    "blocked_prefixes",
    "allow_premium",
    "allow_sip",
    "allowed_sip_hosts",
)
_MUCH = (
    "dials_per_minute",
    "dials_per_day",
    "concurrent_calls",
)
_COUNTRIES = {"allowed_countries", "allowed_prefixes", "any_country"}
_CHANGED = (*_WHERE, *_MUCH, "egress_hosts")
_OWN_COUNTRIES = (
    "A fresh account may call the countries of its own phone numbers. Telnyx has told none yet, so it may call nobody: "
    "name the countries here, or come back when it has a number."
)
_BECAME_LIVE = (
    "The account has become live since you opened this page, so its limits began anew, and nothing was saved. Look at "
    "them, and save again."
)
_PATIENCE_SECONDS = 5.0  # of who opens the list; what is left is asked every five minutes anyway
_EGRESS = (
    "What a parameter names: streams, webhook URLs, audio, tools and models. This portal's own host is always open."
)


class WordsField(forms.CharField):
    """Reads a list of texts, written with commas or spaces between."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)

    def clean(self, value: Any) -> Any:
        return list(dict.fromkeys(word for word in re.split(r"[\s,;]+", super().clean(value).upper()) if word))


class HostsField(WordsField):
    """Reads a list of hosts."""

    def clean(self, value: Any) -> Any:
        return hosts.read_hosts(forms.CharField.clean(self, value))


class LimitsForm(DrawnForm):
    """Asks for countries by ISO code and prefixes with their +."""

    drawn_beside = ("for_live",)  # what a sandbox was to be allowed opens nothing where real phones ring

    allowed_countries = WordsField(
        required=False, help_text="ISO codes, as US, CA, DE. Empty, with no allowed prefixes: see below."
    )
    allowed_prefixes = WordsField(
        required=False, help_text="Beside the countries, as +4930. What is blocked below stays blocked."
    )
    blocked_prefixes = WordsField(
        required=False, help_text="Never called. At first these are satellite and international networks."
    )
    allowed_sip_hosts = HostsField(
        required=False,
        label="Hosts of SIP addresses",
        help_text="Beside Telnyx's own, as pbx.example.com, *.example.com; * is every host.",
    )
    egress_hosts = HostsField(
        required=False,
        label="Hosts",
        help_text="As media.example.com, *.example.com; * is every host. "
        "Empty: only whoever has the permission to send anywhere may.",
    )

    class Meta:
        model = Limits
        fields = ("token", *_CHANGED)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if field := self.fields.get("token"):
            free: Any = field
            free.required, free.queryset = True, ApiToken.objects.exclude(pk__in=_with_limits()).filter(revoked_at=None)

    def clean_allowed_countries(self) -> list[str]:
        countries: list[str] = self.cleaned_data["allowed_countries"]
        if unknown := [code for code in countries if code not in phonenumbers.SUPPORTED_REGIONS]:
            raise ValidationError(f"These are no ISO codes of countries: {', '.join(unknown)}. Write US, CA, DE.")
        return countries

    def clean_allowed_prefixes(self) -> list[str]:
        return _prefixes(self.cleaned_data["allowed_prefixes"])

    def clean_blocked_prefixes(self) -> list[str]:
        return _prefixes(self.cleaned_data["blocked_prefixes"])

    def clean(self) -> dict[str, Any]:
        if "for_live" in self.changed_meanwhile:
            raise ValidationError(_BECAME_LIVE)
        return super().clean() or self.cleaned_data


@admin.register(Limits)
class LimitsAdmin(DrawnPages, PortalAdmin):  # type: ignore[misc]
    """Lists and edits limits. An account's row is made when somebody looks; a token's is added and removed here."""

    form = LimitsForm
    list_display = ("whose", "where", "dials_per_minute", "dials_per_day", "concurrent_calls", "used_now")
    list_display_links = ("whose",)
    list_select_related = ("account", "token")
    ordering = ("account__name", "id")  # a cursor holds what it pages by, and a token's name may have a number in it
    readonly_fields = ("whose", "used_now", "updated_at")
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        if self.has_view_or_change_permission(request):
            limits.of_all_accounts()
            own_numbers.open_wanted(_PATIENCE_SECONDS)
        return super().changelist_view(request, extra_context)

    def complete(self, rows: list[Any]) -> None:
        used = limits.usages(rows)
        for row in rows:
            row.used = used[row.pk]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found: Any = super().get_object(request, object_id, from_field)
        return limits.of_account(found.account) if found and found.account else found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        whose = ["whose", "used_now"] if obj else ["token"]
        is_of_account = bool(obj and obj.account_id)
        narrower = (
            None if is_of_account else "The limits of the account hold as well: what is empty here narrows nothing."
        )
        where = [name for name in _WHERE if is_of_account or name != "any_country"]
        return [
            (None, {"fields": whose, "description": narrower}),
            ("Where may be called", {"fields": where, "description": self._told_of_countries(obj)}),
            ("How much", {"fields": list(_MUCH), "description": "An empty number limits nothing."}),
            ("Where media and events may go", {"fields": ["egress_hosts"], "description": _EGRESS}),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and bool(obj is None or obj.token_id)

    def _told_of_countries(self, obj: Any) -> str | None:
        return _OWN_COUNTRIES if obj is not None and obj.own_countries_wanted else None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if _COUNTRIES & set(form.changed_data):  # somebody has said which
            obj.own_countries_wanted = False
        super().save_model(request, obj, form, change)
        names = [name for name in _CHANGED if name in form.changed_data or not change]
        told = {"was": {name: form.initial.get(name) for name in names}} if change else {}
        told["now"] = {name: getattr(obj, name) for name in names}
        AuditEvent.note(actor_of(request), "limits.update" if change else "limits.create", obj, **told)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        if Limits.objects.filter(pk=obj.pk).delete()[0]:
            AuditEvent.note(actor_of(request), "limits.delete", obj)

    @display(description="Of")
    def whose(self, row: Limits) -> str:
        return seen(row.whose)

    @display(description="Where")
    def where(self, row: Limits) -> str:
        allowed = [*row.allowed_countries, *row.allowed_prefixes]
        nothing = "every country" if row.any_country else "no country yet"
        return ", ".join(allowed[:8]) + (" …" if len(allowed) > 8 else "") or nothing

    @display(description="Used now")
    def used_now(self, row: Any) -> str:
        used = getattr(row, "used", None) or limits.usage(row)
        return (
            f"{used.dials_per_minute} in the last minute · {used.dials_per_day} in 24 h · {used.concurrent_calls} alive"
        )


def _with_limits() -> Any:
    return Limits.objects.exclude(token=None).values("token")


def _prefixes(words: list[str]) -> list[str]:
    if wrong := [word for word in words if not _PREFIX.fullmatch(word)]:
        raise ValidationError(f"A prefix begins with + and has digits only: {', '.join(wrong)}.")
    return words
