"""The rules A: which attribute stands on which element: documents that break them, documents that look alike."""

import pytest

from tests.support.texml_rules import TO, Cases, marked, parameters, places, verbs

CASES: dict[str, Cases] = {
    "A01": Cases(
        [verbs('<Say §voize="man">Hi</Say>'), verbs('<Hangup §now="1"/>')], [verbs('<Say voice="man">Hi</Say>')]
    ),
    "A02": Cases(
        [
            verbs('<Gather §numdigits="1"/>'),
            verbs('<Dial §Timeout="20">+13125550100</Dial>'),
            verbs('<Play §ringtone="us"/>'),
        ],
        [verbs('<Gather numDigits="1"/>')],
    ),
    "A03": Cases(
        [verbs('<Record §transcribe="true"/>'), verbs('<Gather §speechModel="a"/>'), verbs('<Gather §method="POST"/>')],
        [verbs('<Record transcription="true"/>'), verbs('<Gather model="deepgram/nova-3"/>')],
    ),
    "A04": Cases(
        [
            verbs('<Dial §statusCallbackEvent="answered">+13125550100</Dial>'),
            verbs(f'<Dial><Number §action="{TO}">+13125550100</Number></Dial>'),
        ],
        [verbs(f'<Dial action="{TO}"><Number>+13125550100</Number></Dial>')],
    ),
}


@pytest.mark.parametrize(("rule", "broken"), parameters(CASES, "broken"))
def test_what_breaks_a_rule_is_found_where_it_stands(rule, broken):
    source, expected = marked(broken)
    assert places(rule, source) == expected


@pytest.mark.parametrize(("rule", "kept"), parameters(CASES, "kept"))
def test_what_looks_alike_is_not_found(rule, kept):
    assert places(rule, kept) == []
