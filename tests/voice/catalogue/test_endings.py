"""Endings in a column: short, and each category with a shape of its own."""

import pytest

from tests.support.ending_rows import BY_ID, CASES
from tests.support.rows import Call
from voice.catalogue import endings
from voice.explanations import cases
from voice.explanations.judgement import precedence
from voice.explanations.judgement.verdicts import CATEGORIES, PARTIES


def test_rows_and_verdicts_have_the_same_words() -> None:
    assert set(Call.Ending.values) == set(CATEGORIES)
    assert set(Call.Party.values) == set(PARTIES)


@pytest.mark.parametrize("case", CASES, ids=BY_ID)
def test_every_ending_fits_into_its_column(case: dict) -> None:
    verdict = precedence.judge(cases.read(case))
    told = endings.label(verdict.code, verdict.category, verdict.who)
    assert 3 < len(told) <= endings.LONGEST, told
    assert told != endings.category_label("unknown") or verdict.code == "uncertain"
    if case["events"]:  # else it is of a dial that made no call, and stands in no column
        assert endings.is_code(verdict.code) or verdict.code == "uncertain"


@pytest.mark.parametrize(
    ("code", "category", "who", "words"),
    [
        ("hung_up", "completed", "caller", "The caller hung up"),
        ("other_leg_hung_up", "completed", "callee", "The called party hung up"),
        ("refused_d13", "configuration", "nobody", "Refused (D13)"),
        ("sip_480", "unreachable", "carrier", "Not reachable (SIP 480)"),
        ("sip_34", "carrier", "carrier", "Carrier failed (Q.850 34)"),
        ("network", "carrier", "unknown", "Failed on the way"),
        ("of_a_later_version", "carrier", "carrier", "Carrier failed"),
        ("of_a_later_version", "of_a_later_version", "", "Not known"),
    ],
)
def test_a_code_is_worded(code: str, category: str, who: str, words: str) -> None:
    assert endings.label(code, category, who) == words


@pytest.mark.parametrize(
    ("code", "words"),
    [("we_busy", "We gave busy"), ("hung_up", "Hung up"), ("sip_480", "Not known (SIP 480)"), ("too_odd", "Too odd")],
)
def test_a_code_alone_is_worded_as_far_as_it_tells(code: str, words: str) -> None:
    assert endings.code_label(code) == words


def test_every_category_and_party_has_words() -> None:
    assert len({endings.category_label(one) for one in CATEGORIES}) == len(CATEGORIES)
    assert len({endings.party(one) for one in PARTIES}) == len(PARTIES)
    assert {endings.tone(one) for one in CATEGORIES} == {"good", "plain", "warn", "bad", "unknown"}
    assert max(map(len, endings._LABELS.values())) <= endings.LONGEST


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("sip_299", "Carrier failed (Q.850 299)"),
        ("sip_300", "Carrier failed (SIP 300)"),
        ("other_leg_sip_300", "Carrier failed (SIP 300)"),
    ],
)
def test_from_300_on_a_code_is_one_of_sip(code: str, words: str) -> None:
    assert endings.label(code, "carrier", "carrier") == words
    assert endings.is_code(code)


def test_the_codes_that_are_offered_have_words_and_name_no_code_of_telnyx_or_sip() -> None:
    told = endings.codes()
    assert (told["hung_up"], told["we_busy"], told["network"]) == ("Hung up", "We gave busy", "Failed on the way")
    assert all(endings.is_code(code) for code in told)
    assert [code for code in told if code.startswith(("refused_", "sip_"))] == []
    assert not endings.is_code("too_odd")
