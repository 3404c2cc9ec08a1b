"""A document is tried in words, and a try is run again as a test case."""

import json
import random
from collections.abc import Mapping

import pytest

from portal.texml.conversation import (
    CALL,
    MOST_STEPS,
    Conversation,
    Difference,
    NotNow,
    check_case,
    run_case,
)
from portal.texml.interpreter import Machine
from portal.texml.outcomes import Fetched, Heard
from portal.texml.verbs import Verb
from tests.support.texml_runs import any_document, response

DOCUMENTS = {
    "": response('<Gather action="/two" numDigits="1"><Say>Press 1 for sales.</Say></Gather><Say>Goodbye.</Say>'),
    "/two": response('<Say>Sales</Say><Dial action="/end"><Number>+13125550001</Number></Dial>'),
    "/end": response("<Say>Thank you.</Say>"),
}


def load(url: str, fields: Mapping[str, str]) -> str | None:
    return DOCUMENTS.get(url)


def alone(verbs: str) -> Conversation:
    return Conversation(lambda url, fields: response(verbs) if url == "" else None)


def test_a_menu_of_two_documents_is_talked_through() -> None:
    talk = Conversation(load)
    assert talk.lines == ['Caller hears: "Press 1 for sales."', "Waits for keys: 1, for 5 s"]
    assert talk.choices == ["press …", "wait", "hang up"]
    assert talk.do("press 1") == ["Asks /two with Digits=1", 'Caller hears: "Sales"', "Calls +13125550001, for 30 s"]
    assert talk.choices == ["answer", "busy", "no answer", "reject", "hang up"]
    assert talk.do("busy") == [
        "Asks /end with DialCallStatus=busy, DialCallDuration=0, DialCallSid=v3:dialled",
        'Caller hears: "Thank you."',
        "The document is over: the call ends.",
    ]
    assert talk.is_over
    assert talk.choices == []
    with pytest.raises(NotNow):
        talk.do("wait")


def test_silence_and_hanging_up_are_steps_too() -> None:
    talk = Conversation(load)
    assert talk.do("wait") == ['Caller hears: "Goodbye."', "The document is over: the call ends."]
    talk = Conversation(load)
    assert talk.do("hang up") == ["The caller hangs up."]
    assert talk.is_over


@pytest.mark.parametrize(
    ("verbs", "step", "lines"),
    [
        (
            '<Gather action="x" input="speech"/>',
            "say I want sales",
            ["Asks x with SpeechResult=I want sales, Confidence=0.95"],
        ),
        ("<Record/>", "press #", []),
        ("<Record/>", "wait", []),
        ("<Dial><Conference>room</Conference></Dial>", "end", []),
        ("<Dial><Queue>support</Queue></Dial>", "no answer", []),
        ("<Enqueue>support</Enqueue>", "wait", []),
        ("<Enqueue>support</Enqueue>", "taken", []),
        ("<Refer><Sip>sip:a@b.example</Sip></Refer>", "answer", []),
        ('<Connect><AIAssistant id="7"/></Connect>', "end", []),
    ],
)
def test_each_verb_goes_on_with_a_word(verbs: str, step: str, lines: list[str]) -> None:
    talk = alone(verbs)
    assert any(step.startswith(choice.removesuffix(" …")) for choice in talk.choices)
    found = talk.do(step)
    assert found[: len(lines)] == lines
    assert talk.is_over


def test_who_waits_in_a_queue_hears_its_document_once_at_a_time() -> None:
    documents = {
        "": response('<Enqueue waitUrl="/wait">support</Enqueue>'),
        "/wait": response("<Play>/music.mp3</Play>"),
    }
    talk = Conversation(lambda url, fields: documents.get(url))
    heard = ["Asks /wait", "Caller hears: /music.mp3"]
    assert talk.lines == ["The caller waits in the queue support", *heard]
    assert talk.do("wait") == heard
    assert talk.do("taken")[-1] == "The document is over: the call ends."


def test_who_is_early_for_a_conference_hears_its_document_until_it_begins() -> None:
    early = '<Dial><Conference startConferenceOnEnter="false" waitUrl="/wait">room</Conference></Dial>'
    documents = {"": response(early), "/wait": response("<Say>You are early</Say>")}
    talk = Conversation(lambda url, fields: documents.get(url))
    heard = ["Asks /wait", 'Caller hears: "You are early"']
    assert talk.lines == ["The caller joins the conference room", *heard]
    assert talk.choices == ["wait", "begin", "hang up"]
    assert talk.do("wait") == heard
    assert talk.do("begin") == []
    assert talk.choices == ["end", "hang up"]
    assert talk.do("end") == ["The document is over: the call ends."]


@pytest.mark.parametrize("early", ["", ' startConferenceOnEnter="false"'])
def test_a_conference_without_its_document_waits_in_silence(early: str) -> None:
    talk = Conversation(
        lambda url, fields: None if url else response(f"<Dial><Conference waitUrl='/no'{early}>r</Conference></Dial>")
    )
    assert ("Failed: there is no such document" in talk.lines) == bool(early)
    assert talk.choices == ["end", "hang up"]


@pytest.mark.parametrize(
    ("verbs", "line"),
    [
        ("<Dial><Queue url='/soon'>support</Queue></Dial>", "Who waits there first hears /soon"),
        ("<Play digits='1w2'/>", "Sends the keys 1w2"),
        ("<Play ringTone='de'/>", "Caller hears: the ring tone de"),
        ("<Say loop='3'>x</Say>", 'Caller hears: "x", 3 times'),
        ("<Say loop='0'>x</Say>", 'Caller hears: "x" without an end'),
        ("<Pause length='3'/>", "Silence for 3 s"),
        ("<Start><Stream name='s' url='wss://x.example'/></Start>", "Starts Stream s"),
        ("<Stop><Transcription/></Stop>", "Stops Transcription"),
        ("<Gather input='dtmf speech'/>", "Waits for keys, # ends or speech, for 5 s"),
        (
            "<Dial sequential='true'><Number>+1312</Number><Sip>sip:a@b</Sip></Dial>",
            "Calls +1312, then sip:a@b, for 30 s",
        ),
        ("<Dial><Number url='/w'>+1312</Number></Dial>", "+1312 first hears /w"),
        ("<Reject reason='busy'/>", "The call is refused as busy."),
        ("<Hangup/>", "The call is hung up."),
        ("<say>x</say>", "Ignored: <say>, which nobody knows (did you mean <Say>?) (line 1)"),
    ],
)
def test_what_happens_is_said(verbs: str, line: str) -> None:
    assert line in alone(verbs).lines


@pytest.mark.parametrize("step", ["press", "press x", "press ", "say hello", "answer", "", "sing", "press 1 2"])
def test_what_is_not_possible_now_is_refused_and_changes_nothing(step: str) -> None:
    talk = Conversation(load)
    with pytest.raises(NotNow):
        talk.do(step)
    assert talk.do("press 1")


def test_whoever_gives_the_documents_sees_what_telnyx_sends() -> None:
    seen = []

    def asked(url: str, fields: Mapping[str, str]) -> str | None:
        seen.append((url, fields.get("Digits"), fields["From"]))
        return DOCUMENTS.get(url)

    Conversation(asked, fields={"From": "+13125550177"}).do("press 1")
    assert seen == [("", None, "+13125550177"), ("/two", "1", "+13125550177")]


def test_whatever_goes_wrong_with_a_document_is_said() -> None:
    def broken(url: str, fields: Mapping[str, str]) -> str | None:
        raise RuntimeError("secret")

    lines = Conversation(broken).lines
    assert lines[0] == "Failed: the document cannot be read (RuntimeError)"
    assert "secret" not in "".join(lines)
    talk = Conversation(lambda url, fields: DOCUMENTS[""] if url == "/fb" else "<x>", fallback="/fb")
    assert "Asks the fallback /fb" in talk.lines


def test_strict_ends_at_what_telnyx_would_pass_over() -> None:
    talk = Conversation(lambda url, fields: response("<say>x</say>"), strict=True)
    assert talk.is_over
    assert talk.lines[-1].startswith("The call ends. (strict: ignored: <say>")


def test_a_case_is_json_and_finds_what_changed() -> None:
    talk = Conversation(load)
    talk.do("press 1")
    case = json.loads(json.dumps(talk.case()))
    assert [step["do"] for step in case] == [CALL, "press 1"]
    assert check_case(case) == ""
    assert run_case(case, load) == []
    changed = DOCUMENTS | {"/two": response("<Say>Support</Say>")}
    (difference,) = run_case(case, lambda url, fields: changed.get(url))
    assert (difference.at, difference.do) == (1, "press 1")
    assert 'Caller hears: "Support"' in difference.found


def test_a_case_stops_at_the_first_step_that_is_not_possible_any_more() -> None:
    talk = Conversation(load)
    talk.do("press 1")
    talk.do("busy")
    gone = run_case(talk.case(), lambda url, fields: response("<Hangup/>"))
    assert [difference.at for difference in gone] == [0, 1]
    assert gone[-1] == Difference(1, "press 1", talk.case()[1]["lines"], ["The call is over."])


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ({}, "A case is a list"),
        ([], "A case is a list"),
        ([{"do": CALL, "lines": []}] * (MOST_STEPS + 1), "A case is a list"),
        (["call"], "Step 1 must be an object"),
        ([{"do": CALL}], "Step 1 must be an object"),
        ([{"do": CALL, "lines": []}, {"do": " ", "lines": []}], "'do' of step 2"),
        ([{"do": CALL, "lines": [1]}], "'lines' of step 1"),
        ([{"do": "press 1", "lines": []}], "The first step must be 'call'."),
    ],
)
def test_a_case_that_is_none_is_said_so(case: object, said: str) -> None:
    assert check_case(case).startswith(said)


def test_whatever_the_document_something_can_be_done_until_it_is_over() -> None:
    chosen = random.Random(13)
    for _ in range(200):
        documents = {url: any_document(chosen) for url in ("", "/a", "/b", "https://pbx.example/a")}
        talk = Conversation(lambda url, fields, documents=documents: documents.get(url))
        for _ in range(10):
            if not talk.is_over:
                talk.do(chosen.choice(talk.choices).replace("…", "1"))
        assert check_case(talk.case()) == ""
        assert run_case(talk.case(), lambda url, fields, documents=documents: documents.get(url)) == []


@pytest.mark.parametrize(
    "verbs",
    [
        "<Say>a</Say>" * 490 + '<Gather action="x"/>',
        ("<Say>a</Say>" * 490 + "<Gather/>") * 3 + '<Gather action="x"/>',
        '<Gather numDigits="1">' + "<Say>a</Say>" * 1900 + "</Gather><Redirect>x</Redirect>",
        "<Sms/>" * 1900 + "<Say>a</Say><Redirect>x</Redirect>",
        "<Gather/><Dial>" + "<Number>+13125550001</Number>" * 1900 + '</Dial><Gather action="x"/>',
    ],
)
def test_a_try_of_very_many_verbs_ends_and_says_why(verbs: str) -> None:
    fetched = []

    def load_again(url: str, fields: Mapping[str, str]) -> str:
        fetched.append(url)
        return response(verbs)

    talk = Conversation(load_again)
    while not talk.is_over:
        talk.do("press 1#" if "press …" in talk.choices else talk.choices[0])
    assert talk.lines[-1] == "Too much is said and asked for: this try ends here."
    assert talk.choices == []
    assert len(talk.lines) < 8000
    assert len(fetched) < 30
    with pytest.raises(NotNow, match="over"):
        talk.do("wait")


def test_a_machine_goes_on_from_what_was_kept_of_it() -> None:
    machine = Machine()
    machine.begin("https://pbx.example/a")
    machine.take(Fetched(response("<Say>One</Say><Say>Two</Say>"), "https://pbx.example/a"))
    kept = json.loads(json.dumps(machine.as_json()))
    assert set(kept["frames"][0]) == {"source", "url", "role", "at"}
    assert [step.text for step in Machine.from_json(kept).take(Heard()) if isinstance(step, Verb)] == ["Two"]


@pytest.mark.parametrize(
    ("ends", "keys", "digits"),
    [("#", "5", ""), ("#", "12#", "#"), ("", "#", ""), ("1234567890*#", "52", "5")],
)
def test_a_recording_ends_with_the_keys_that_its_document_names(ends: str, keys: str, digits: str) -> None:
    talk = alone(f'<Record finishOnKey="{ends}" action="x"/>')
    lines = talk.do(f"press {keys}")
    if digits:
        assert lines[0].endswith(f"Digits={digits}")
    else:
        assert lines == ["Ignored: keys that do not end the <Record> (line 1)"]
        assert talk.choices == ["press …", "wait", "hang up"]


@pytest.mark.parametrize("verbs", ["<Say>a</Say>" * 600, "<Say>a</Say>" * 9 + "<Redirect>x</Redirect>"])
def test_a_step_from_which_very_much_follows_says_that_the_try_ends(verbs: str) -> None:
    talk = Conversation(lambda url, fields: response(verbs))
    assert talk.lines[-1] == "Too much is said and asked for: this try ends here."
    assert (talk.is_over, talk.choices) == (True, [])
