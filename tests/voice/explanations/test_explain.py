"""``manage.py explain``: a call that is here, or cases from a file."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.ending_rows import BY_ID, CASES, PATH, store
from tests.support.endings import check
from tests.support.factories import make_call
from tests.support.rows import Call, CallCommand, CallEvent

Explain = Callable[..., tuple[str, str]]
MEMBERS = ["id", "code", "category", "who", "sentence", "confidence", "next_step", "flags"]


@pytest.fixture
def explain() -> Explain:
    def run(*arguments: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        try:
            call_command("explain", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            err.write(str(error))
        return out.getvalue(), err.getvalue()

    return run


@pytest.mark.django_db
def test_each_case_of_a_file_is_one_line_and_nothing_is_stored(explain: Explain) -> None:
    before = [rows.objects.count() for rows in (Call, CallEvent, CallCommand)]
    out, err = explain("--file", str(PATH), "--format", "json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert [line["id"] for line in lines] == list(BY_ID)
    for line, case in zip(lines, CASES, strict=True):
        assert list(line) == MEMBERS
        check(line, case["expected"])
    assert [rows.objects.count() for rows in (Call, CallEvent, CallCommand)] == before


def test_a_bad_line_is_named_and_the_others_are_told(explain: Explain, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    good = json.dumps(CASES[0])
    bad = json.dumps({"events": [{"data": {"event_type": "call.hangup", "payload": {}}}]})
    path.write_text(f"{good}\n\n{{\n{bad}\n{good}\n")
    out, err = explain("--file", str(path), "--format", "json")
    assert len(out.splitlines()) == 2
    assert "line 3: not valid JSON" in err
    assert "line 4: events[0].data.occurred_at must be a time" in err
    assert "2 lines could not be read" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "Name a call"), (("x", "--file", "y"), "Name a call"), (("--file", "/no/such.jsonl"), "cannot be read")],
)
def test_what_is_asked_wrongly_is_said(explain: Explain, arguments: tuple[str, ...], words: str) -> None:
    assert words in explain(*arguments)[1]


@pytest.mark.django_db
def test_a_call_is_explained_by_any_of_its_ids(explain: Explain, account: TelnyxAccount) -> None:
    call, *_ = store(account, BY_ID["p05-transferred-target-left-first"])
    for identifier in (call.call_control_id, call.call_session_id, str(call.commands.first().pk)):
        out, err = explain(identifier)
        assert err == ""
        assert "The party put through to (+1312•••0001) hung up" in out
        assert "ended by: callee, completed" in out
        assert out.count("evidence: event call.hangup") == 2
    told = json.loads(explain(call.call_control_id, "--format", "json")[0])
    assert list(told) == MEMBERS
    assert "5550001" not in json.dumps(told)


@pytest.mark.django_db
def test_a_dial_that_was_never_placed_is_explained_by_its_command(explain: Explain, account: TelnyxAccount) -> None:
    case: dict[str, Any] = BY_ID["p18-dial-refused-D13"]
    store(account, case)
    told = json.loads(explain(case["commands"][0]["id"], "--format", "json")[0])
    check(told, case["expected"])


@pytest.mark.django_db
def test_what_is_not_known_or_not_one_call_is_said(explain: Explain, account: TelnyxAccount) -> None:
    assert "known here" in explain("v3:nobody")[1]
    assert "known here" in explain("c0ffee00-0000-4000-8000-000000000000")[1]
    for owner in (account, make_account("second")):
        make_call(owner)
    assert "--account" in explain("v3:a-leg")[1]
    assert explain("v3:a-leg", "--account", "second")[1] == ""
    session = make_call(account, "b").call_session_id
    assert "Several accounts have a session of this id" in explain(session)[1]
    assert explain(session, "--account", "second")[1] == ""
