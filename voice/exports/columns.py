"""Names the columns of an export, and makes their cells of a call's values, as this person may see them."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from portal.masking import display_number, masked_text, may_see_whole
from portal.models import TelnyxAccount
from voice.calls import search
from voice.catalogue import endings

_REMEMBERED = 10_000  # few different numbers, causes and names come again and again
Cell = str | float | bool | None


@dataclass(frozen=True)
class Column:
    """Is one column: the fields of a call it is made of, and whether it is among the first choice."""

    name: str
    fields: tuple[str, ...]
    is_shown: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("started_at", ("started_at",), True),
    Column("answered_at", ("answered_at",)),
    Column("bridged_at", ("bridged_at",)),
    Column("ended_at", ("ended_at",)),
    Column("direction", ("direction",), True),
    Column("from", ("from_number",), True),
    Column("to", ("to_number",), True),
    Column("account", ("account_id",)),
    Column("connection_id", ("connection_id",)),
    Column("application", ("account_id", "connection_id"), True),
    Column("state", ("state",)),
    Column("ending_words", ("ending", "ending_category", "ended_by"), True),
    Column("ending", ("ending",)),
    Column("ending_category", ("ending_category",)),
    Column("ended_by", ("ended_by",)),
    Column("hangup_cause", ("hangup_cause",)),
    Column("hangup_source", ("hangup_source",)),
    Column("sip_hangup_cause", ("sip_hangup_cause",)),
    Column("ring_seconds", ("started_at", "answered_at", "ended_at"), True),
    Column("talk_seconds", ("answered_at", "ended_at"), True),
    Column("has_recording", ("has_recording",)),
    Column("cost", ("cost",)),
    Column("currency", ("currency",)),
    Column("counted_as", ("counted_as",)),
    Column("call_control_id", ("call_control_id",)),
    Column("call_leg_id", ("call_leg_id",)),
    Column("call_session_id", ("call_session_id",)),
)
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}
SHOWN = tuple(column.name for column in COLUMNS if column.is_shown)


def fields_of(columns: Sequence[Column]) -> list[str]:
    """Return the fields that are to be read for these columns, each once."""
    return list(dict.fromkeys(field for column in columns for field in column.fields))


class Writer:
    """Makes the cells of one export, column by column. What a value becomes is worked out once, and remembered."""

    def __init__(self, columns: Sequence[Column], user: Any, flag: Callable[[bool], Cell]) -> None:
        self._accounts = dict(TelnyxAccount.objects.values_list("pk", "name"))
        self._names: dict[tuple[object, str], str] = {}
        self._number = lru_cache(_REMEMBERED)(lambda text: display_number(text, user))
        self._words = None if may_see_whole(user) else lru_cache(_REMEMBERED)(masked_text)
        self._ending = lru_cache(_REMEMBERED)(endings.label)
        at = {field: number for number, field in enumerate(fields_of(columns))}
        makers = self._makers(flag)
        self._cells = [(makers.get(one.name, self._words), [at[field] for field in one.fields]) for one in columns]
        of_application = BY_NAME["application"].fields
        self._application_at = [at[field] for field in of_application] if BY_NAME["application"] in columns else []

    def learn(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Look up the names of the applications in a page of rows that were not met before."""
        if not self._application_at:
            return
        account, connection = self._application_at
        new = {(row[account], row[connection]) for row in rows} - self._names.keys()
        if new:
            self._names |= dict.fromkeys(new, "") | search.application_names(new)

    def cells(self, rows: Sequence[tuple[Any, ...]]) -> list[Iterable[Cell]]:
        """Make the columns of a page that has rows: to go from cell to cell of each row took half as long again."""
        fields = list(zip(*rows, strict=True))
        return [
            map(make, *[fields[at] for at in places]) if make else fields[places[0]] for make, places in self._cells
        ]

    def _makers(self, flag: Callable[[bool], Cell]) -> dict[str, Callable[..., Cell] | None]:
        """By column; nothing where a value is its cell. Columns that are not named here are words."""
        return {
            **dict.fromkeys(("started_at", "answered_at", "bridged_at", "ended_at"), _moment),
            **dict.fromkeys(("from", "to"), self._number),
            "account": lambda pk: self._accounts.get(pk, ""),
            "application": self._application,
            "ending_words": lambda code, category, who: self._ending(code, category, who) if code else "",
            "ring_seconds": lambda begin, answer, end: _seconds(begin, answer or end),
            "talk_seconds": _seconds,
            "has_recording": flag,
            "cost": None,  # an amount, and no number of anybody
            **dict.fromkeys(("call_control_id", "call_leg_id", "call_session_id", "connection_id")),
        }

    def _application(self, account: uuid.UUID, connection_id: str) -> str:
        name = self._names.get((account, connection_id)) or connection_id
        return self._words(name) if self._words else name


def _moment(at: datetime | None) -> str:
    return f"{at.isoformat(timespec='milliseconds')[:-6]}Z" if at else ""  # the database tells them in UTC


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return max(round((end - begin).total_seconds(), 3), 0.0) if begin and end else None
