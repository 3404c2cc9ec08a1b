"""Draws the page of a conflict: base, theirs and mine by field, a choice for each, and nothing typed is lost."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from applications.editing import forms
from applications.editing.service import Conflict, snapshot
from applications.kinds import Kind, flatten
from applications.mirror.store import changes
from applications.models import TelnyxApplication
from applications.wording import display_value, label

CHOICE = "choose:"  # + name -> "theirs" or "mine"
FIRST_BASE = "first_base"  # the digest that the form was first drawn from
_CARRIED = ("_continue", "_addanother", "_save")


@dataclass(frozen=True)
class Row:
    """Holds one field of the page, as texts; ``chosen`` is what was chosen already."""

    name: str
    label: str
    base: str
    theirs: str
    mine: str
    chosen: str = ""


def decided(data: QueryDict, kind: Kind, application: TelnyxApplication) -> tuple[QueryDict, bool]:
    """Return what the form would hold after the choices made in ``data``, and whether every conflict was decided."""
    if FIRST_BASE not in data:
        return data, True
    fields = _fields(data, kind, application)
    there = flatten(snapshot(application, data.get(forms.BASE, "")) or application.remote)
    decided, complete = data.copy(), True
    for row in fields:
        complete &= row.chosen in {"theirs", "mine"}
        if row.chosen == "theirs":
            decided[row.name] = display_value(there.get(row.name))
    return decided, complete


def page(data: QueryDict, kind: Kind, application: TelnyxApplication) -> dict[str, Any]:
    """Return the page's context.

    It holds what conflicts, what else is sent, what others changed and stays, what is carried on.
    """
    known = kind.settable_flat()
    rows = _fields(data, kind, application)
    there, base = _states(data, application)
    mine = {name for name in known if _differs(data.get(name), there.get(name))} - {row.name for row in rows}
    others = changes(base, there) if base else {}
    named = {row.name for row in rows} | mine | {"updated_at"}
    return {
        "rows": rows,
        "sent": [
            Row(name, label(name), "", display_value(there.get(name)), data.get(name, ""))
            for name in known
            if name in mine
        ],
        "kept": [
            Row(name, label(name), display_value(old), display_value(new), "")
            for name, (old, new) in others.items()
            if name not in named
        ],
        "carried": [(name, data[name]) for name in (*known, forms.BASE, FIRST_BASE, *_CARRIED) if name in data],
        "base_is_known": bool(base),
    }


def first_page(data: QueryDict, touched: set[str], kind: Kind, conflict: Conflict) -> tuple[QueryDict, dict[str, Any]]:
    """Return the data that goes on from a conflict, and the context of its page."""
    first = data.get(forms.BASE, "")
    carried = forms.redrawn(data, touched, kind, conflict.application)
    for name in [name for name in carried if name.startswith(CHOICE)]:
        del carried[name]
    carried[FIRST_BASE] = first
    return carried, page(carried, kind, conflict.application)


def _fields(data: QueryDict, kind: Kind, application: TelnyxApplication) -> list[Row]:
    """Return the fields that both sides changed since the form was first drawn; without a base, all that differ."""
    there, base = _states(data, application)
    return [
        Row(
            name,
            label(name),
            display_value(base.get(name)),
            display_value(there.get(name)),
            data.get(name, ""),
            data.get(CHOICE + name, ""),
        )
        for name in kind.settable_flat()
        if _differs(data.get(name), there.get(name)) and (not base or there.get(name) != base.get(name))
    ]


def _states(data: QueryDict, application: TelnyxApplication) -> tuple[dict[str, Any], dict[str, Any]]:
    there = snapshot(application, data.get(forms.BASE, "")) or application.remote
    return flatten(there), flatten(snapshot(application, data.get(FIRST_BASE, "")) or {})


def _differs(typed: str | None, value: Any) -> bool:
    return forms.as_compared(typed) != forms.as_compared(display_value(value))
