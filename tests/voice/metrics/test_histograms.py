"""A percentile of a histogram lies in the step that the exact one lies in."""

from hypothesis import given
from hypothesis import strategies as st

from voice.metrics.histograms import SETUP, TALK, Histogram

LENGTHS = st.lists(st.floats(0, 9000, allow_nan=False), min_size=1, max_size=60)


def counts_of(histogram: Histogram, lengths: list[float]) -> dict[str, int]:
    steps = histogram.steps.items()
    return {name: sum(begin <= one and (end is None or one < end) for one in lengths) for name, (begin, end) in steps}


@given(LENGTHS, st.sampled_from([0.5, 0.9, 0.95]), st.sampled_from([TALK, SETUP]))
def test_it_lies_in_the_step_of_the_exact_one(lengths: list[float], share: float, histogram: Histogram) -> None:
    counts = counts_of(histogram, lengths)
    assert sum(counts.values()) == len(lengths)
    exact = next(one for at, one in enumerate(sorted(lengths), 1) if at >= share * len(lengths))
    found = histogram.percentile(counts, share)
    assert found is not None
    begin, end = next((b, e) for b, e in histogram.steps.values() if b <= exact and (e is None or exact < e))
    assert begin <= found <= (begin if end is None else end)


def test_of_nothing_there_is_none() -> None:
    assert TALK.percentile({}, 0.5) is None
