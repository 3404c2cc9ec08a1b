"""The rules V: what attributes and texts say: documents that break them, documents that look alike."""

import pytest

from tests.support.texml_rules import TO, Cases, marked, parameters, places, verbs

CASES: dict[str, Cases] = {
    "V01": Cases(
        [
            verbs('<Gather §timeout="0"/>'),
            verbs('<Pause §length="200"/>'),
            verbs('<Say §loop="11">Hi</Say>'),
            verbs('<Dial><Number §machineDetectionTimeout="30">+13125550100</Number></Dial>'),
            verbs('<Pause §length="{}"/>'.format("9" * 5000)),
            verbs('<Pause §length="٣"/>'),
        ],
        [
            verbs('<Gather timeout="120"/>'),
            verbs('<Pause length="{{ Seconds }}"/>'),
            verbs('<Say voiceSpeed="1.25">Hi</Say>'),
        ],
    ),
    "V02": Cases(
        [
            verbs('<Reject §reason="Busy"/>'),
            verbs(f'<Dial><Conference statusCallback="{TO}" §statusCallbackEvent="join mute">a</Conference></Dial>'),
            verbs('<Dial §ringTone="xx">+13125550100</Dial>'),
            verbs('<Dial §fromDisplayName="Caf\u00e9">+13125550100</Dial>'),
            verbs('<Pay §parameters="{"/>'),
        ],
        [verbs('<Reject reason="busy"/>'), verbs('<Gather input="speech dtmf"/>')],
    ),
    "V03": Cases([verbs('<Record §playBeep="yes"/>')], [verbs('<Record playBeep="false"/>')]),
    "V04": Cases(
        [
            verbs(
                f'<Dial><Number statusCallback="{TO}" §statusCallbackEvent="ringing,answered">',
                "+13125550100</Number></Dial>",
            )
        ],
        [
            verbs(
                f'<Dial><Number statusCallback="{TO}" statusCallbackEvent="ringing answered">',
                "+13125550100</Number></Dial>",
            )
        ],
    ),
    "V05": Cases(
        [
            verbs("<Play>§ftp://a.example/b.mp3</Play>"),
            verbs('<Gather §action="https://"/>'),
            verbs('<Start><Stream §url="https://a.example"/></Start>'),
            verbs('<Start><Stream §url="/stream"/></Start>'),
            verbs('<Gather §action=""/>'),
            verbs("<Redirect>§https://a.example:99999/</Redirect>"),
            verbs("<Redirect>§https://[::1/</Redirect>"),
            verbs("<Redirect>§https://a.example/?b=1&amp;amp;c=2</Redirect>"),
        ],
        [
            verbs('<Gather action="/menu?step=2"/>'),
            verbs('<Play mediaStorage="true">greeting</Play>'),
            verbs("<Redirect>\n  https://a.example/next\n</Redirect>"),
        ],
    ),
    "V06": Cases(
        [verbs("<Play>§http://a.example/b.mp3</Play>"), verbs('<Start><Stream §url="ws://a.example"/></Start>')],
        [verbs("<Play>https://a.example/b.mp3</Play>"), verbs("<Play>b.mp3</Play>")],
    ),
    "V07": Cases(
        [verbs('<Play §digits="1-2"/>'), verbs('<Gather §finishOnKey="*#x"/>')],
        [verbs('<Play digits="1w2#"/>'), verbs('<Gather finishOnKey=""/>')],
    ),
    "V08": Cases(
        [
            verbs("<Dial>§3125550100</Dial>"),
            verbs("<Dial>§sip:a@example.com</Dial>"),
            verbs('<Dial §callerId="Support">+13125550100</Dial>'),
        ],
        [
            verbs('<Dial callerId="+13125550101">\n  +13125550100\n</Dial>'),
            verbs('<Dial callerId="{{ From }}">+13125550100</Dial>'),
        ],
    ),
    "V09": Cases(
        [verbs("<Dial><Sip>§a@example.com</Sip></Dial>"), verbs("<Refer><Sip>§tel:+13125550100</Sip></Refer>")],
        [verbs("<Dial><Sip>sips:a@example.com;transport=tls</Sip></Dial>")],
    ),
    "V10": Cases(
        [verbs('<Redirect §method="GET">/a</Redirect>'), verbs('<Dial action="/a" §method="GET">+13125550100</Dial>')],
        [
            verbs('<Redirect method="POST">/a</Redirect>'),
            verbs(f'<HttpRequest async="true"><Request url="{TO}" method="GET"/></HttpRequest>'),
        ],
    ),
    "V11": Cases(
        [
            verbs('<Dial §method="POST">+13125550100</Dial>'),
            verbs('<Dial><Number §statusCallbackEvent="answered">+13125550100</Number></Dial>'),
        ],
        [verbs('<Dial action="/a" method="POST">+13125550100</Dial>')],
    ),
    "V12": Cases(
        [
            verbs('<Gather §transcriptionEngine="Azure"/>'),
            verbs('<Pay action="/a" §transactionType="charge"/>'),
            verbs('<HttpRequest §async="false"/>'),
            verbs('<Connect><ConversationRelay url="wss://a.example" §backgroundAudioType="media_url"/></Connect>'),
            verbs("<Start>§<Siprec/></Start>"),
            verbs("<Start>§<Stream/></Start>"),
            verbs("§<AIGather/>"),
            verbs("<Connect>§<AIAssistant/></Connect>"),
            verbs("<Start>§<Transcription/></Start>"),
            verbs('<Start><Suppression noiseSuppressionEngine="AiCoustics" family="sparrow" §size="vf"/></Start>'),
        ],
        [
            verbs('<Gather transcriptionEngine="Azure" region="eastus"/>'),
            verbs('<Pay transactionType="tokenize"/>'),
            verbs("<Stop><Siprec/><Stream/><Transcription/></Stop>"),
            verbs('<Connect><AIAssistant join="a"/></Connect>'),
        ],
    ),
    "V13": Cases(
        [
            verbs('<Say §language="de-DE">Hi</Say>'),
            verbs('<Say voice="Polly.Joanna" §language="de-DE">Hi</Say>'),
            verbs('<Connect><Stream url="wss://a.example" §bidirectionalCodec="PCMA"/></Connect>'),
            verbs('<Dial §record="record-from-answer"><Conference>a</Conference></Dial>'),
            verbs('<Dial §hangupOnStar="true"><Conference>a</Conference></Dial>'),
            verbs('<Dial §ringTone="us" audioUrl="/a.mp3">+13125550100</Dial>'),
            verbs('<Gather transcriptionEngine="Deepgram" model="deepgram/nova-3" §hints="a"/>'),
            verbs('<Gather transcriptionEngine="Deepgram" model="deepgram/nova-2" §keyterms="a"/>'),
            verbs('<Connect><AIAssistant id="a" §participantName="b"/></Connect>'),
            verbs('§<Gather minDigits="4" maxDigits="2"/>'),
            verbs('§<Play ringTone="us">/a.mp3</Play>'),
        ],
        [
            verbs('<Say voice="alice" language="de-DE">Hi</Say>'),
            verbs(
                '<Connect><Stream url="wss://a.example" bidirectionalMode="rtp" bidirectionalCodec="PCMA"/></Connect>'
            ),
            verbs('<Dial record="record-from-answer"><Number>+13125550100</Number></Dial>'),
            verbs('<Gather transcriptionEngine="Deepgram" model="deepgram/nova-2" hints="a"/>'),
            verbs('<Gather minDigits="2" maxDigits="4"/>'),
            verbs('<Say voice="{{ Voice }}" language="de-DE">Hi</Say>'),
        ],
    ),
    "V14": Cases(
        [verbs('<Gather transcriptionEngine="Google" §model="deepgram/nova-3"/>')],
        [
            verbs('<Gather transcriptionEngine="Deepgram" model="deepgram/nova-3"/>'),
            verbs('<Gather transcriptionEngine="Telnyx" model="openai/whisper-large-v3-turbo"/>'),
            verbs('<Gather model="deepgram/nova-3"/>'),
        ],
    ),
    "V15": Cases(
        [verbs('<Say §voice="female">Hi</Say>'), verbs('<Say §voice="Polly.">Hi</Say>')],
        [
            verbs(
                *(
                    f'<Say voice="{name}">Hi</Say>'
                    for name in ("woman", "AWS.Polly.Joanna-Neural", "Telnyx.KokoroTTS.af")
                )
            )
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
