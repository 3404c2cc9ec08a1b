"""Whatever comes back to a document can be kept until it is due."""

import json
from dataclasses import asdict

import pytest

from portal.sandbox.documents.outcomes import read
from portal.texml.outcomes import Failed, Fetched, Heard, HungUp, Outcome, Over, Pressed, Silent, Spoken, Taken


@pytest.mark.parametrize(
    "outcome",
    [
        Fetched("<Response/>", "x"),
        Failed("x"),
        Heard(),
        Pressed("1"),
        Spoken("x", 0.5),
        Silent(),
        Over({"a": "b"}),
        Taken(),
        HungUp(),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    kept = json.dumps({"kind": type(outcome).__name__, "values": asdict(outcome)})
    assert read(json.loads(kept)) == outcome
