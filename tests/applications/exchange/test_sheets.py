import csv
import io
import json
from typing import Any

import pytest

from applications.exchange import plans
from applications.exchange.plans import Unreadable
from applications.exchange.sheets import csv_of, json_of, read
from portal.models import TelnyxAccount
from tests.support.applications import CALL_CONTROL, TEXML

NASTY = ["=1+1", "+1", "-1", "@sum", "'=quoted", "''-twice", "plain", 'com,ma "quoted"', "grüße", "two\nlines"]
NASTY += ["a;=1+1", "a;'=1", 'a; "=1+1"', "a\t@sum", "＝1+1", "a;b", "-;-"]


def _csv(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def _problems(account: TelnyxAccount, content: bytes, kind: Any = CALL_CONTROL) -> list[str]:
    with pytest.raises(Unreadable) as refused:
        read(kind, account, content)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("form", [csv_of, json_of])
def test_what_is_written_is_read_as_it_was(mirrored: Any, form: Any, name: str) -> None:
    row = mirrored(name=name, inbound={"channel_limit": 3})
    content = "".join(form(CALL_CONTROL, [row])).encode()
    (entry,) = read(CALL_CONTROL, row.account, content)
    assert (entry.name, entry.id, entry.values["inbound.channel_limit"]) == (name, row.telnyx_id, 3)
    plan = plans.make(row.account, [entry], [CALL_CONTROL])
    assert (plan.steps, plan.problems, plan.unchanged) == ([], [], 1)


@pytest.mark.parametrize("name", NASTY)
def test_no_cell_of_a_csv_begins_like_a_formula(mirrored: Any, name: str) -> None:
    row = mirrored(name=name)
    cells = [cell for line in csv.reader(io.StringIO("".join(csv_of(CALL_CONTROL, [row])))) for cell in line]
    assert [cell for cell in cells if cell[:1] in {"=", "+", "-", "@"}] == []


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_other_list_separator_makes_a_formula_of_a_part(mirrored: Any, name: str, separator: str) -> None:
    text = "".join(csv_of(CALL_CONTROL, [mirrored(name=name)]))
    cells = [cell.strip() for line in csv.reader(io.StringIO(text), delimiter=separator) for cell in line]
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "＝"}]
    assert all(line.startswith('"') and line.endswith('"') for line in text.rstrip("\r\n").split("\r\n"))


def test_tags_are_joined_and_parted(mirrored: Any) -> None:
    row = mirrored(TEXML, tags=["a", "b c"])
    text = "".join(csv_of(TEXML, [row]))
    assert "a|b c" in text
    assert read(TEXML, row.account, text.encode())[0].values["tags"] == ["a", "b c"]


def test_an_empty_list_is_json(account: TelnyxAccount) -> None:
    assert json.loads("".join(json_of(CALL_CONTROL, []))) == []
    assert read(CALL_CONTROL, account, b"[]") == []


def test_a_column_that_is_not_there_changes_nothing_and_an_empty_cell_clears(mirrored: Any) -> None:
    row = mirrored(name="router", webhook_timeout_secs=5)
    content = _csv("application_name,webhook_timeout_secs", "router,")
    plan = plans.make(row.account, read(CALL_CONTROL, row.account, content), [CALL_CONTROL])
    assert [step.changes for step in plan.steps] == [{"webhook_timeout_secs": (5, None)}]


def test_semicolons_a_byte_order_mark_and_blank_lines_are_taken(account: TelnyxAccount) -> None:
    content = b"\xef\xbb\xbf" + _csv("application_name;active", "one;TRUE", "", '"two', 'lines";no', "three;")
    entries = read(CALL_CONTROL, account, content)
    assert [(entry.line, entry.name, entry.values["active"]) for entry in entries] == [
        (2, "one", True),
        (4, "two\nlines", False),
        (6, "three", None),
    ]


def test_items_of_json_are_told_by_the_line_they_begin_on(account: TelnyxAccount) -> None:
    content = b'[{"application_name": "one"},\n\n {"application_name":\n"two"}\n, {"application_name": "x"}]'
    assert [entry.line for entry in read(CALL_CONTROL, account, content)] == [1, 3, 5]


BAD = {
    b"": "line 1, application_name: This column is needed, or id.",
    b"colour,application_name": "line 1, colour: Unknown column.",
    b"id,id": "line 1, id: The column stands here twice.",
    b"id\n1,2": "line 2: This line has 2 cells, the first line 1.",
    b"id,application_name\n1": "line 2: This line has 1 cell, the first line 2.",
    b'id\n"open': "line 2: This is not CSV: unexpected end of data.",
    b"id\n\x00": "The file is not UTF-8 text.",
    b"\xff\xfe": "The file is not UTF-8 text.",
    b"id,account\n1,other": "line 2, account: This line is of another account than main.",
    b"{}": "line 1: Must be a list of applications.",
    b"[{}, 5]": "line 1: Must be an object.",
    b"[{": "The file cannot be read: not valid JSON",
    b'[{"id": NaN}]': "NaN is not JSON",
    b'[{"id": []}]': "line 1, id: Must be a text.",
    b"id\n" + b"1\n" * 10_001: "The file has more than 10000 lines: split it.",
    b" " * (2 * 1024 * 1024 + 1): "The file is larger than 2 MB: split it.",
}


@pytest.mark.parametrize(("content", "message"), BAD.items(), ids=range(len(BAD)))
def test_a_bad_file_is_told_by_line_and_field(account: TelnyxAccount, content: bytes, message: str) -> None:
    assert message in _problems(account, content)[0]


def test_values_of_the_wrong_type_are_told_line_by_line(mirrored: Any) -> None:
    row = mirrored(name="router")
    content = _csv("application_name,active,webhook_timeout_secs", "router,perhaps,5", "router2,true,x")
    plan = plans.make(row.account, read(CALL_CONTROL, row.account, content), [CALL_CONTROL])
    told = [(problem.line, problem.field) for problem in plan.problems]
    assert (2, "active") in told
    assert {(3, "webhook_timeout_secs"), (3, "webhook_event_url")} <= set(told)
