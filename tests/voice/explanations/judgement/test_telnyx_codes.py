"""The tables of codes: nothing is missing in them, and each line can be told."""

import pytest

from portal.telnyx.error_codes import MEANINGS
from tests.support.endings import course, judged
from voice.explanations.judgement.sip_codes import Q850, SIP, row_of
from voice.explanations.judgement.telnyx_codes import API, REASONS, SIP_STATUS, reason_in
from voice.explanations.judgement.verdicts import CATEGORIES, PARTIES


def test_every_code_that_a_refusal_is_told_by_is_in_the_table() -> None:
    assert {code for code in MEANINGS if code[0].isalpha()} <= set(REASONS)
    assert set(SIP_STATUS) <= set(REASONS)
    assert {"90041", "90042", "90043", "90103", "10009", "20100", "10038"} <= set(API)


@pytest.mark.parametrize("row", [*REASONS.values(), *SIP.values(), *Q850.values(), *(row for _, row in API.values())])
def test_every_line_has_a_category_words_and_a_source(row) -> None:
    assert row.category in CATEGORIES
    assert row.who in {*PARTIES, ""}
    assert row.means[0].islower() or row.means.startswith(("Telnyx", "HD"))
    assert row.source.name


@pytest.mark.parametrize(("code", "who"), [("D13", "nobody"), ("D52", "telnyx"), ("D54", "nobody"), ("TV1", "carrier")])
def test_telnyx_s_code_outweighs_the_sip_status_beside_it(code: str, who: str) -> None:
    told = course("outgoing", ended=1, hangup_cause="call_rejected", sip_hangup_cause="486")
    told[-1].payload["telnyx_error"] = {"error_code": code}  # type: ignore[index]
    verdict = judged(told)
    assert verdict.code == f"refused_{code.lower()}"
    assert verdict.who == who
    assert code in verdict.sentence


def test_a_code_is_read_from_where_telnyx_writes_it() -> None:
    assert reason_in({"error_code": "D54"}, "D13") == "D54"
    assert reason_in({"error_code": "nonsense"}, "see D1, then D13") == "D13"
    assert reason_in("D54") == ""
    assert reason_in(None, None, "ADD13") == ""


@pytest.mark.parametrize(
    ("code", "category"), [(200, None), (16, None), (299, None), (499, "carrier"), (611, "rejected")]
)
def test_what_no_line_has_is_told_by_its_class(code: int, category: str | None) -> None:
    row = row_of(code)
    assert (row.category if row else None) == category
