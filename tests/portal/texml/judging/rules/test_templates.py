"""The rules T: the placeholders of a template: documents that break them, documents that look alike."""

import pytest

from tests.support.texml_rules import SAY, Cases, in_request, marked, parameters, places, verbs

CASES: dict[str, Cases] = {
    "T01": Cases(
        [
            verbs("<Say>§{{#if To == a}}Hi</Say>"),
            verbs("<Say>Hi§{{/if}}</Say>"),
            verbs("<Say>{{#if To == a}}Hi§{{/To}}</Say>"),
            verbs("<Say>§{{#else}}Hi</Say>"),
            verbs("<Say>{{#if To == a}}{{#else}}§{{#else}}{{/if}}</Say>"),
            verbs("<Say>Hi §{{ From</Say>"),
            verbs("§{{#if To == a}}<Say>Hi§{{/if}}</Say>"),
            verbs('<Redirect §method="{{#if To == a}}GET">/a</Redirect>'),
        ],
        [
            verbs(
                "<Say>{{#if To == a}}a{{#elseif To != b}}b{{#else}}c{{/if}}",
                "{{#From}}{{ . }}{{/From}}{{^From}}x{{/From}}</Say>",
            ),
            verbs("{{#if To == a}}", SAY, "{{/if}}"),
        ],
    ),
    "T02": Cases(
        [verbs("<Say>§{{{ From }}}</Say>"), verbs("<Say>§{{&amp; From }}</Say>")], [verbs("<Say>{{ From }}</Say>")]
    ),
    "T03": Cases(
        [
            verbs("<Say>§{{&gt; part }}</Say>"),
            verbs("<Say>§{{=[[ ]]=}}</Say>"),
            verbs("<Say>§{{! note }}</Say>"),
            verbs("<Say>§{{#url_encode}}{{ From }}{{/url_encode}}</Say>"),
            verbs("<Say>§{{ From | upper }}</Say>"),
            verbs("<Say>§{{ From + 1 }}</Say>"),
            verbs("<Say>§{{#if From}}a{{/if}}</Say>"),
            verbs("<Say>§{{ From | allow }}</Say>"),
            verbs("<Say>§{{ From | url x }}</Say>"),
        ],
        [
            verbs("<Say>{{ From | spell }}{{ To | e164 | spell }}</Say>"),
            verbs("<Say>{{ From | allow \"a\" 'b c' d }}</Say>"),
            verbs("<Say>{{#if\nTo == a}}Hi{{#elseif\n  To == b}}Ho{{/if}}</Say>"),
        ],
    ),
    "T04": Cases(
        [
            verbs("<Dial>§{{ From }}</Dial>"),
            verbs("<Dial><Number>§{{ From | e164 }}</Number></Dial>"),
            verbs("<Dial><Sip>sip:§{{ From }}@example.com</Sip></Dial>"),
            verbs("<Refer><Sip>§{{ From }}</Sip></Refer>"),
            verbs("<Redirect>§{{ From }}</Redirect>"),
            verbs("<Redirect>https://§{{ From }}.example.com/</Redirect>"),
        ],
        [
            verbs('<Dial>{{ From | allow "+13125550100" }}</Dial>'),
            verbs('<Dial callerId="{{ From }}">+13125550100</Dial>'),
            verbs("<Redirect>/a?b={{ From | url }}</Redirect>"),
            verbs("<Dial><Conference>{{ To }}</Conference></Dial>"),
        ],
    ),
    "T05": Cases(
        [
            in_request('{"who": "§{{ From }}"}'),
            in_request("<![CDATA[§{{ From }}]]>"),
            verbs("<Pay §metadata='{{ From }}'/>"),
        ],
        [
            in_request('{"who": "{{ From | json }}"}'),
            in_request("who={{ From | url }}"),
            verbs("{{#if {{From}} == x}}", SAY, "{{/if}}"),
        ],
    ),
    "T06": Cases(
        [
            verbs("<Redirect>§/a?b=+13125550100</Redirect>"),
            verbs("<Redirect>/a?b=§{{ From }}</Redirect>"),
            verbs('<Gather §action="/a?b={{ From }}"/>'),
        ],
        [verbs("<Redirect>/a?b={{ From | url }}</Redirect>"), verbs("<Say>{{ From }}</Say>")],
    ),
    "T07": Cases(
        [
            verbs("<Say>§{{ Company }}</Say>"),
            verbs("<Say>§{{#Company}}a{{/Company}}</Say>"),
            verbs("<Say>§{{#if Form == a}}b{{/if}}</Say>"),
        ],
        [verbs("<Say>{{ From }} {{ Digits }} {{ SpeechResult }}</Say>")],
    ),
    "T08": Cases(
        [verbs("<Say>§{{#secret}}key{{/secret}}</Say>"), verbs('<Gather §action="/a?k={{#secret}}key{{/secret}}"/>')],
        [in_request("key={{#secret}}key{{/secret}}")],
    ),
    "T09": Cases(
        [
            "<Response><§{{ Verb }}>Hi</{{ Verb }}></Response>",
            '<Response><Say §{{ Name }}="1">Hi</Say></Response>',
            '<Response><Say voice§{{ Name }}="1">Hi</Say></Response>',
        ],
        ['<Response><Say voice="{{ Voice }}">{{ From }}</Say></Response>'],
    ),
    "T10": Cases(
        [
            in_request('{"file": "§{{ RecordingUrl | json }}"}'),
            verbs("<Redirect>/keep?file=§{{ RecordingUrl | url }}</Redirect>"),
            verbs('<Gather §action="/keep?file={{ RecordingUrl | url }}"/>'),
        ],
        [
            in_request('{"file": "{{ RecordingSid | json }}"}'),
            verbs("<Play>{{ RecordingUrl | url }}</Play>"),
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
