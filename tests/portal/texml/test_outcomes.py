"""What comes back changes a machine only where it waits for that."""

import pytest

from portal.texml.outcomes import Failed, Fetched, Heard, HungUp, Outcome, Over, Pressed, Silent, Spoken, Taken
from tests.support.texml_runs import HOME, Run, response

EVERY = (
    *(Fetched(response("<Hangup/>"), HOME), Failed("404"), Heard(), Pressed("1"), Spoken("yes"), Silent()),
    *(Over(), Taken()),
)
WAITED_FOR: dict[str, tuple[type[object], ...]] = {
    "<Say>Hello</Say>": (Heard,),
    "<Gather/>": (Pressed, Silent),
    "<Dial>+13125550100</Dial>": (Over,),
    "<Enqueue>support</Enqueue>": (Over,),
}


@pytest.mark.parametrize("verb", WAITED_FOR)
@pytest.mark.parametrize("outcome", EVERY, ids=lambda one: type(one).__name__)
def test_only_what_is_waited_for_leads_on(verb: str, outcome: Outcome) -> None:
    run = Run(response(f"{verb}<Record/>"))
    before = run.machine.as_json()
    steps = run.take(outcome)
    if isinstance(outcome, WAITED_FOR[verb]):
        assert run.machine.as_json() != before
    else:
        assert run.verbs == []
        assert run.machine.waits == before["waits"]
    assert steps == run.steps


@pytest.mark.parametrize("outcome", EVERY, ids=lambda one: type(one).__name__)
def test_nothing_leads_on_once_the_call_is_over(outcome: Outcome) -> None:
    run = Run(response("<Record/>"))
    assert run.take(HungUp()) == []
    assert run.machine.is_over
    assert run.take(outcome) == []
