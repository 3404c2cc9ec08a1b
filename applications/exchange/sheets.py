"""Reads and writes applications of one kind as CSV (a column for each dotted name) and as a JSON list.

In CSV an empty cell is an empty value, a column that is not there leaves what it is as it is. Tags are joined by ``|``,
or written as a JSON list where that would lose a part of one.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from applications.exchange.plans import Entry, Problem, Unreadable, settable_of
from applications.kinds import Kind, flatten, unflatten
from applications.models import TelnyxApplication
from applications.wording import display_value
from portal import csv_lines, payloads
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.sdk_types import Parameter
from portal.texts import pluralised

MOST_BYTES, MOST_LINES = 2 * 1024 * 1024, 10_000
_OURS = ("account", "id")
Seen = Callable[[JsonObject], JsonObject]
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def csv_of(kind: Kind, rows: Iterable[TelnyxApplication], seen: Seen = dict) -> Iterator[str]:
    """Write a line for each row, after one of names. ``seen`` hides of its values what is not for everybody."""
    names = list(kind.settable_flat())
    yield csv_lines.line([*_OURS, *names])
    for row in rows:
        values = seen(settable_of(kind, row.remote))
        yield csv_lines.line([row.account.name, row.telnyx_id, *(_cell(values.get(name)) for name in names)])


def json_of(kind: Kind, rows: Iterable[TelnyxApplication], seen: Seen = dict) -> Iterator[str]:
    """Write a list with an object for each row, each on its own line."""
    between = "[\n"
    for row in rows:
        values = unflatten(seen(settable_of(kind, row.remote)))
        yield between + json.dumps({"account": row.account.name, "id": row.telnyx_id, **values}, ensure_ascii=False)
        between = ",\n"
    yield "[]\n" if between == "[\n" else "\n]\n"


FORMATS: dict[str, Callable[[Kind, Iterable[TelnyxApplication], Seen], Iterator[str]]] = {
    "csv": csv_of,
    "json": json_of,
}


def read(kind: Kind, account: TelnyxAccount, content: bytes) -> list[Entry]:
    """Read the entries of a file, CSV or JSON by its first character. Raises ``Unreadable``."""
    if len(content) > MOST_BYTES:
        raise _unreadable(0, f"The file is larger than {MOST_BYTES // 1024 // 1024} MB: split it.")
    is_json = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{"}
    lines = list(_from_json(content) if is_json else _from_csv(kind, content))
    if len(lines) > MOST_LINES:
        raise _unreadable(0, f"The file has more than {MOST_LINES} lines: split it.")
    problems: list[Problem] = []
    entries = [_entry(kind, account, line, values, problems) for line, values in lines]
    if problems:
        raise Unreadable(problems)
    return entries


def _from_csv(kind: Kind, content: bytes) -> Iterator[tuple[int, JsonObject]]:
    try:
        text = payloads.storable(content.decode("utf-8-sig"), replace=False)
    except ValueError:
        raise _unreadable(0, "The file is not UTF-8 text.") from None
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    reader, at = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), 1
    try:
        names = _header(kind, next(reader, []))
        for cells in reader:
            at, line = reader.line_num + 1, max(at, 2)
            if any(cells):
                yield line, _row(kind, names, cells, line)
    except csv.Error as error:
        raise _unreadable(reader.line_num, f"This is not CSV: {error}.") from None


def _header(kind: Kind, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    known = {*_OURS, *kind.settable_flat()}
    problems = [Problem(1, name, "Unknown column.") for name in names if name not in known]
    problems += [Problem(1, name, "The column stands here twice.") for name in {*names} if names.count(name) > 1]
    if not {kind.model.name_field, "id"} & {*names}:
        problems.append(Problem(1, kind.model.name_field, "This column is needed, or id."))
    if problems:
        raise Unreadable(problems)
    return names


def _row(kind: Kind, names: list[str], cells: list[str], line: int) -> JsonObject:
    if len(cells) != len(names):
        there = pluralised(len(cells), "cell", "cells")
        raise _unreadable(line, f"This line has {there}, the first line {len(names)}.")
    known = kind.settable_flat()
    return {name: _value(known.get(name), csv_lines.bare(cell)) for name, cell in zip(names, cells, strict=True)}


def _value(parameter: Parameter | None, text: str) -> Any:
    """Read a cell as its parameter's type; what cannot be read as such stays a text, and is refused by name."""
    if parameter is None or parameter.kind == "string":
        return text or None
    if parameter.kind == "array":
        return _list(text)
    if parameter.kind == "boolean":
        return _WORDS.get(text.lower(), text or None)
    try:
        return payloads.loads(text.encode()) if text else None
    except payloads.Unreadable:
        return text


def _list(text: str) -> Any:
    if text.startswith("["):
        try:
            return payloads.loads(text.encode())
        except payloads.Unreadable:
            return text
    return [part.strip() for part in text.split("|") if part.strip()]


def _from_json(content: bytes) -> Iterator[tuple[int, JsonObject]]:
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        listed = payloads.loads(content)
    except payloads.Unreadable as error:
        raise _unreadable(0, f"The file cannot be read: {error}.") from None
    if not isinstance(listed, list):
        raise _unreadable(1, "Must be a list of applications.")
    for line, values in zip(_lines_of_items(content.decode()), listed, strict=True):
        if not isinstance(values, dict):
            raise _unreadable(line, "Must be an object.")
        yield line, flatten(values)


def _lines_of_items(text: str) -> Iterator[int]:
    """Return the line on which each item of a list begins."""
    decoder, at, line = json.JSONDecoder(), text.index("[") + 1, 1
    counted = 0
    while (match := re.compile(r"[^\s,]").search(text, at)) and match.group() != "]":
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        yield line
        _, at = decoder.raw_decode(text, match.start())


def _entry(kind: Kind, account: TelnyxAccount, line: int, values: JsonObject, problems: list[Problem]) -> Entry:
    named, id = values.pop("account", None), values.pop("id", None)
    if named not in (None, account.name):
        problems.append(Problem(line, "account", f"This line is of another account than {account.name}."))
    if id is not None and not isinstance(id, str | int):
        problems.append(Problem(line, "id", "Must be a text."))
    return Entry(kind, line, values, str(id or ""))


def _cell(value: Any) -> str:
    if not isinstance(value, list):
        return display_value(value)
    joined = "|".join(map(str, value))
    return joined if _list(joined) == value else json.dumps(value, ensure_ascii=False)


def _unreadable(line: int, message: str) -> Unreadable:
    return Unreadable([Problem(line, "", message)])
