"""The forty cases as rows: what is read from the database is judged as what is read from a file."""

from typing import Any

import pytest

from portal.models import TelnyxAccount
from tests.support.ending_rows import BY_ID, CASES, store
from tests.support.endings import check
from tests.support.factories import make_call
from tests.support.rows import CallCommand
from voice.explanations import rows

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("case", CASES, ids=BY_ID)
def test_a_case_is_judged_as_expected(account: TelnyxAccount, case: dict[str, Any]) -> None:
    calls = store(account, case)
    if calls:
        verdict = rows.verdicts_of(rows.session_of(calls[-1]))[calls[0].pk]
    else:
        verdict = rows.verdict_of_command(CallCommand.objects.get(account=account))
    check(verdict.told(), case["expected"])


def test_a_call_of_which_only_the_row_is_there_is_told_as_such(account: TelnyxAccount) -> None:
    living = make_call(account)
    assert rows.verdict_of(living).code == "open"
    ended = make_call(account, "b", state="lost", call_session_id="other")
    assert rows.verdict_of(ended).code == "lost"


def test_of_very_many_events_the_beginning_and_the_end_are_read(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_MOST", 2)
    case = BY_ID["p04-in-menu-timeout-we-hung-up"]
    (call,) = store(account, case)
    check(rows.verdict_of(call).told(), case["expected"])


def test_a_live_call_is_on_the_line(account: TelnyxAccount) -> None:
    case = BY_ID["p01-out-callee-hung-up"]
    (call,) = store(account, case | {"events": case["events"][:2]})
    verdict = rows.verdict_of(call)
    assert (verdict.category, verdict.sentence.partition(" for")[0]) == ("running", "On the line")
