"""The rules S: which element stands where: documents that break them, documents that look alike."""

import pytest

from tests.support.texml_rules import SAY, TO, Cases, marked, parameters, places, verbs

CASES: dict[str, Cases] = {
    "S01": Cases(["§<html><body/></html>", "§<Say>Hello</Say>"], [verbs(SAY)]),
    "S02": Cases([verbs("§<Speak>Hi</Speak>"), verbs("<Gather>§<Sayy>Hi</Sayy></Gather>")], [verbs(SAY)]),
    "S03": Cases(
        ["§<response><Hangup/></response>", verbs("§<say>Hi</say>"), verbs("§<HangUp/>"), verbs("§<SAY>Hi</SAY>")],
        [verbs(SAY, "<Hangup/>")],
    ),
    "S04": Cases(
        [
            verbs("§<Sms>Hi</Sms>"),
            verbs("<Dial>§<Client>bob</Client></Dial>"),
            verbs("§<Message><Body>Hi</Body></Message>"),
        ],
        [
            verbs("<Dial><Sip>sip:bob@sip.telnyx.com</Sip></Dial>"),
            verbs(
                "<AIGather><Parameters>{}</Parameters>",
                '<MessageHistory><Message role="user">Hi</Message></MessageHistory></AIGather>',
            ),
        ],
    ),
    "S05": Cases(
        [
            verbs("<Gather>§<Gather/></Gather>"),
            verbs("<Gather>§<Pause/></Gather>"),
            verbs("<Gather>§<Start/></Gather>"),
            verbs("§<Number>+13125550100</Number>"),
            verbs("<Stop>§<Recording/></Stop>"),
            verbs("§<Response/>"),
        ],
        [
            verbs(f"<Gather>{SAY}<Play>{TO}/a.mp3</Play></Gather>"),
            verbs("<Message><Body>Hi</Body></Message>"),
            verbs('<HttpRequest async="true"><Response><Type>json</Type></Response></HttpRequest>'),
        ],
    ),
    "S06": Cases(
        [
            verbs("§Hello"),
            verbs("<Gather>§Press 1</Gather>"),
            verbs(SAY, "§{{ From }}"),
            verbs("<Hangup>§bye</Hangup>"),
        ],
        [verbs("\n  ", SAY, "\n"), verbs('{{#if Digits == "1"}}', SAY, "{{/if}}")],
    ),
    "S07": Cases(
        ["§<Response/>", "§<Response>\n</Response>", "§<Response><Sms>Hi</Sms></Response>"], [verbs("<Hangup/>")]
    ),
    "S08": Cases(
        [
            verbs("<Dial><Conference>room</Conference>§<Number>+13125550100</Number></Dial>"),
            verbs("<Dial><Queue>a</Queue>§<Queue>b</Queue></Dial>"),
            verbs("<Dial><Sip>sip:a@example.com</Sip>§<Conference>room</Conference></Dial>"),
        ],
        [
            verbs("<Dial><Number>+13125550100</Number><Sip>sip:a@example.com</Sip></Dial>"),
            verbs('<Dial>{{#if Digits == "1"}}<Queue>a</Queue>{{#else}}<Conference>b</Conference>{{/if}}</Dial>'),
        ],
    ),
    "S09": Cases(
        [
            verbs("§<Connect/>"),
            verbs('§<Connect><Stream url="wss://a.example"/><AIAssistant id="a"/></Connect>'),
            verbs("§<Start/>"),
            verbs("§<Stop/>"),
            verbs("§<Refer><Sip>sip:a@example.com</Sip><Sip>sip:b@example.com</Sip></Refer>"),
        ],
        [
            verbs('<Connect><Stream url="wss://a.example"/></Connect>'),
            verbs("<Stop><Stream/><Siprec/></Stop>"),
            verbs('<Connect>{{#if To == "a"}}<AIAssistant id="a"/>{{#else}}<AIAssistant id="b"/>{{/if}}</Connect>'),
        ],
    ),
    "S10": Cases(
        [
            verbs("§<Dial/>"),
            verbs("<Dial>§<Number/></Dial>"),
            verbs("<Dial>§<Sip> </Sip></Dial>"),
            verbs("<Dial>§<Queue/></Dial>"),
            verbs("<Dial>§<Conference/></Dial>"),
            verbs("§<Enqueue/>"),
            verbs("§<Redirect/>"),
            verbs("§<Refer/>"),
            verbs("§<Play/>"),
            verbs("<AIGather>§<Parameters/></AIGather>"),
        ],
        [
            verbs("<Dial>+13125550100</Dial>"),
            verbs('<Play digits="1w2"/>'),
            verbs('<Play ringTone="us"/>'),
            verbs("<Refer><Sip>sip:a@example.com</Sip></Refer>"),
            verbs('<Dial><Number>{{ To | allow "+13125550100" }}</Number></Dial>'),
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
