"""Shows TeXML's lists as Telnyx tells them now, narrowed by Telnyx's own filters."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.models import TelnyxAccount
from voice.catalogue import texml_operations
from voice.texml import listings
from voice.texml.admin import pages, resources
from voice.texml.admin.resources import Resource
from voice.texml.listings import Listed

_SIGNS = {">": "from", "<": "until"}
_FIRST_DAYS = ("StartTime>", "StartTime<", "DateCreated>", "DateCreated<")
_DO: dict[str, tuple[tuple[str, str], ...]] = {
    "call": (("texml.ai_calls.create", "Call with an AI assistant"), ("texml.calls.create", "Dial by application id")),
    "conference": (("texml.participants.dial", "Dial into a conference"),),
    "queue": (("texml.queues.create", "Create queue"),),
}


@dataclass(frozen=True)
class Filter:
    """Holds one filter of Telnyx's as it is drawn."""

    name: str
    label: str
    value: str
    choices: tuple[Any, ...]
    is_day: bool
    errors: list[str]

    @property
    def is_first(self) -> bool:
        return not self.is_day or self.name in _FIRST_DAYS


def view(request: HttpRequest, resource: Resource) -> HttpResponse:
    """Show a page of a list of one account."""
    pages.demand(request.user, resource.permission)
    account, accounts = pages.chosen(request)
    title = f"TeXML {resource.plural}"
    context: dict[str, Any] = {"resource": resource, "accounts": accounts, "account": account}
    if account is None:
        return pages.draw(request, "list", title, **context)
    known = texml_operations.filters(resource.list_name)
    wanted = {name: text for name in known if (text := request.GET.get(name, "").strip())}
    listed = Listed(resource.list_name, wanted, (account.name,))
    told = pages.part(request, listed, lambda query: resource.at_telnyx(account, query), "cursor")
    head = [column.title for column in resource.columns]
    filters = _filters(resource, known, wanted, told["errors"])
    context |= {
        "part": told | {"head": head, "rows": [row(request.user, account, resource, one) for one in told["rows"]]},
        "as_of": told["as_of"],
        "filters": filters,
        "more_filters": any(not one.is_first for one in filters),
        "more_open": any(one.value or one.errors for one in filters if not one.is_first),
        "is_narrowed": bool(wanted),
        "buttons": _buttons(request.user, account, resource),
    }
    return pages.draw(request, "list", title, **context)


def row(user: Any, account: TelnyxAccount, resource: Resource, told: dict[str, Any]) -> dict[str, Any]:
    """Draw one row, with the address of its page."""
    shown = listings.shown(user, told)
    sid = resources.key(user, told.get("sid"))
    url = resources.page(resource, account, sid) if sid and user.has_perm(resource.permission) else ""
    return {"cells": resources.cells(resource.columns, shown), "url": url, "buttons": []}


def _buttons(user: Any, account: TelnyxAccount, resource: Resource) -> list[Any]:
    found = []
    if resource is resources.CALL and user.has_perm("voice.dial"):
        found.append(("Dial", reverse("admin:voice_texml_dial"), "texml.calls.dial"))
    wanted = [(action, label, dict[str, str]()) for action, label in _DO.get(resource.name, ())]
    return found + resources.buttons(user, account, wanted)


def _filters(
    resource: Resource, known: tuple[str, ...], wanted: dict[str, str], errors: dict[str, list[str]]
) -> list[Filter]:
    by_name = {one.name: one for one in texml_operations.READS[resource.list_name].parameters()}
    found = []
    for name in known:
        plain = name.rstrip("><")
        choices = tuple(by_name[plain].choices or ())
        is_day = plain.endswith("Time") or plain.startswith("Date")
        label = f"{_label(name)} (UTC)" if is_day else _label(name)  # Telnyx's days, not those of who looks
        found.append(Filter(name, label, wanted.get(name, ""), choices, is_day, errors.get(name, [])))
    return sorted(found, key=lambda one: (one.is_day, bool(one.choices), one.name.rstrip("><"), one.name.endswith("<")))


def _label(name: str) -> str:
    plain = {"StartTime": "Started", "EndTime": "Ended", "DateCreated": "Made", "DateUpdated": "Changed"}
    words = plain.get(name.rstrip("><"), name)
    words = {"FriendlyName": "Name"}.get(words, words)
    sign = _SIGNS.get(name[-1], "on" if words not in (name, "Name") else "")
    return f"{words} {sign}".strip()
