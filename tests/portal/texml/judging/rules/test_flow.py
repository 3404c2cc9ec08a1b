"""The rules F: what a document does from top to bottom: documents that break them, documents that look alike."""

import pytest

from tests.support.texml_rules import SAY, TO, Cases, marked, parameters, places, verbs

IF = '{{#if Digits == "1"}}'
CASES: dict[str, Cases] = {
    "F01": Cases(
        [verbs("<Redirect>/a</Redirect>§<Say>Hi</Say>"), verbs("<Hangup/>§<Say/>"), verbs("<Leave/>§<Hangup/>")],
        [verbs('{{#if Digits == "1"}}<Redirect>/a</Redirect>{{/if}}', SAY), verbs(SAY, "<Hangup/>")],
    ),
    "F02": Cases(
        [
            verbs('<Dial action="/a">+13125550100</Dial>§<Say>Hi</Say>'),
            verbs('<Record action="/a"/>§<Hangup/>'),
            verbs('<Connect action="/a"><AIAssistant id="1"/></Connect>§<Say>Hi</Say>'),
        ],
        [
            verbs("<Dial>+13125550100</Dial>", SAY),
            verbs('<Gather action="/a"/>', SAY),
            verbs('<Connect action="/a"><Stream url="wss://a.example"/></Connect>', SAY),
        ],
    ),
    "F03": Cases(
        [
            verbs(SAY, "§<Reject/>"),
            verbs(IF, SAY, "{{/if}}§<Reject/>"),
            verbs(IF, SAY, "§<Reject/>{{/if}}"),
            verbs(IF, SAY, "{{/if}}", IF, "§<Reject/>{{/if}}"),
        ],
        [
            verbs("<Reject/>"),
            verbs(IF, SAY, "{{#else}}<Reject/>{{/if}}"),
            verbs(IF, SAY, "{{#elseif Digits == 2}}<Reject/>{{#else}}", SAY, "{{/if}}"),
            verbs("{{#From}}", SAY, "{{/From}}{{^From}}<Reject/>{{/From}}"),
        ],
    ),
    "F04": Cases(
        [verbs("§<Gather/>", SAY), verbs('§<Gather action="/a" numDigits="1" finishOnKey="#"/>', SAY)],
        [
            verbs('<Gather action="/a" numDigits="1"/>', SAY),
            verbs('<Gather action="/a" numDigits="4" finishOnKey="#"/>', SAY),
        ],
    ),
    "F05": Cases(
        [verbs("§<Record/>")], [verbs('<Record action="/a"/>'), verbs(f'<Record recordingStatusCallback="{TO}"/>')]
    ),
    "F07": Cases(
        [verbs('<Connect><Stream url="wss://a.example"/></Connect>§<Pause length="40"/>')],
        [
            verbs('<Pause/><Connect><Stream url="wss://a.example"/></Connect>'),
            verbs(IF, '<Connect><Stream url="wss://a.example"/></Connect>{{#else}}<Pause/>{{/if}}'),
        ],
    ),
    "F08": Cases([verbs(SAY, '§<Gather action="/a"/>')], [verbs('<Gather action="/a"/>', SAY)]),
    "F12": Cases(
        [verbs('§<Play loop="0">/a.mp3</Play>'), verbs('§<Say loop="0">Hi</Say>')], [verbs('<Say loop="2">Hi</Say>')]
    ),
    "F13": Cases(
        [
            verbs('<Start><Transcription §transcriptionTracks="both" transcriptionCallback="/a"/></Start>', SAY, SAY),
            verbs(
                '<Start><Transcription §transcriptionTracks="outbound" transcriptionCallback="/a"/></Start>',
                '<Gather action="/b"><Play>/a.mp3</Play></Gather>',
            ),
        ],
        [
            verbs('<Start><Transcription transcriptionTracks="inbound" transcriptionCallback="/a"/></Start>', SAY),
            verbs('<Start><Transcription transcriptionCallback="/a"/></Start>', SAY),
            verbs(SAY, '<Start><Transcription transcriptionTracks="both" transcriptionCallback="/a"/></Start>'),
            verbs(
                '<Start><Transcription transcriptionTracks="both" transcriptionCallback="/a"/></Start>',
                "<Stop><Transcription/></Stop>",
                SAY,
            ),
            verbs(
                IF,
                '<Start><Transcription transcriptionTracks="both" transcriptionCallback="/a"/></Start>',
                "{{#else}}",
                SAY,
                "{{/if}}",
            ),
        ],
    ),
}


@pytest.mark.parametrize(("rule", "broken"), parameters(CASES, "broken"))
def test_what_breaks_a_rule_is_found_where_it_stands(rule, broken):
    source, expected = marked(broken)
    assert places(rule, source) == expected


@pytest.mark.parametrize(("rule", "kept"), parameters(CASES, "kept"))
def test_what_looks_alike_is_not_found(rule, kept):
    assert places(rule, kept) == []
