"""Why a call ended, judged from facts alone: the forty cases, in any order, with any event missing."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.ending_rows import BY_ID, CASES
from tests.support.endings import check
from voice.explanations import cases
from voice.explanations.judgement import precedence
from voice.explanations.judgement.verdicts import CATEGORIES, HIGH, LOW, MEDIUM, PARTIES, Verdict

ORDER = [LOW, MEDIUM, HIGH]


def judged(case: dict[str, Any], **changed: Any) -> Verdict:
    return precedence.judge(cases.read(case | changed))


def test_there_are_forty_cases() -> None:
    assert len(BY_ID) == 40


@pytest.mark.parametrize("case", CASES, ids=BY_ID)
def test_a_case_is_judged_as_expected(case: dict[str, Any]) -> None:
    verdict = judged(case)
    check(verdict.told(), case["expected"])
    assert verdict.category in CATEGORIES
    assert verdict.who in PARTIES
    assert len(verdict.sentence) <= 140, verdict.sentence
    assert len(verdict.code) <= 40
    assert verdict.evidence or not (case["events"] or case["commands"])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_order_and_no_repetition_changes_a_verdict(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    again = data.draw(st.lists(st.sampled_from(case["events"]), max_size=4)) if case["events"] else []
    tried_again = [event | {"meta": {"attempt": 2}} if "meta" in event else event for event in again]
    events = data.draw(st.permutations([*case["events"], *tried_again]))
    commands = data.draw(st.permutations(case["commands"]))
    assert judged(case, events=list(events), commands=list(commands)) == judged(case)


def dropped() -> Iterator[Any]:
    for case in CASES:
        for at, event in enumerate(case["events"]):
            name = event["data"]["event_type"] if "data" in event else "form"
            yield pytest.param(case, at, id=f"{case['id']}-{at}-{name}")


@pytest.mark.parametrize(("case", "at"), list(dropped()))
def test_an_event_less_never_makes_a_verdict_surer(case: dict[str, Any], at: int) -> None:
    fewer = [event for place, event in enumerate(case["events"]) if place != at]
    assert ORDER.index(judged(case, events=fewer).confidence) <= ORDER.index(judged(case).confidence)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_part_of_the_events_is_judged_and_never_surer_than_the_whole(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(CASES))
    kept = [event for event in case["events"] if data.draw(st.booleans())]
    assert ORDER.index(judged(case, events=kept).confidence) <= ORDER.index(judged(case).confidence)
