"""Documents run from top to bottom, as Telnyx runs them."""

import random

import pytest

from portal.texml.interpreter import APOLOGY, MOST_DOCUMENTS, MOST_UNHEARD
from portal.texml.outcomes import End, Fetch, Heard, HungUp, Outcome, Over, Pressed, Silent, Spoken, Taken, Tell, Waits
from portal.texml.verbs import Verb
from tests.support.texml_runs import HOME, Run, any_document, response

MENU = '<Gather action="sales" numDigits="1"><Say>Press 1</Say></Gather>'


def test_verbs_follow_each_other_and_the_end_hangs_up() -> None:
    run = Run(response('<Say>One</Say><Start><Recording/></Start><Pause length="2"/><Stop><Stream/></Stop>'))
    assert run.verbs == ["Say"]
    run.take(Heard())
    assert run.verbs == ["Start", "Pause"]
    run.take(Heard())
    assert run.verbs == ["Stop"]
    assert run.last == End("over")
    assert run.machine.is_over


def test_what_nobody_knows_is_passed_over_and_noted() -> None:
    run = Run(response("<say>x</say><Sms>y</Sms><Leave/><Pay/><Say>Here</Say>"))
    assert run.verbs == ["Say"]
    assert [note.partition(",")[0] for note in run.notes] == [
        "ignored: <say>",
        "ignored: <Sms>",
        "ignored: <Leave>",
        "skipped: <Pay>",
    ]


@pytest.mark.parametrize(
    "verb",
    [
        "<Gather numdigits='1'/>",
        "<say>x</say>",
        "<Leave/>",
        "<Pay/>",
        "<Dial><Conference>a</Conference><Queue>b</Queue></Dial>",
        "<Enqueue>support</Enqueue>text",
        "words<Enqueue>support</Enqueue>",
    ],
)
def test_strict_ends_the_call_where_something_would_be_passed_over(verb: str) -> None:
    run = Run(response(verb), strict=True)
    assert isinstance(run.last, End)
    assert (run.last.how, run.last.reason.partition(":")[0]) == ("error", "strict")
    assert Run(response(verb)).notes


def test_what_stands_on_the_root_is_noted() -> None:
    source = '<Response version="1"><Pause/></Response>'
    assert Run(source).notes == ["ignored: version of <Response>, which it does not have"]
    assert Run(source, strict=True).machine.is_over


def test_digits_go_to_the_action_by_the_applications_method() -> None:
    run = Run(response(MENU), {"sales": response("<Say>Sales</Say>")}, method="GET")
    run.take(Pressed("1"))
    (fetch,) = run.fetches
    assert fetch == Fetch("https://pbx.example/sales", "GET", {"Digits": "1"}, "Gather")
    assert run.verbs == ["Say"]


@pytest.mark.parametrize(
    ("attributes", "keys", "digits"),
    [
        ("", "12#", "12"),
        ("", "12", None),
        ('finishOnKey="*"', "1#2*", "1#2"),
        ('finishOnKey="" maxDigits="3"', "1#2", "1#2"),
        ('numDigits="2"', "123", "12"),
        ('maxDigits="2"', "123", "12"),
        ('validDigits="12"', "12#", "12"),
        ('validDigits="12"', "13#", None),
        ('minDigits="3"', "12#", None),
        ('numDigits="3"', "12#", None),
        ("", "#", None),
    ],
)
def test_digits_are_judged(attributes: str, keys: str, digits: str | None) -> None:
    run = Run(response(f'<Gather action="a" {attributes}/>'), {"a": response("<Record/>")})
    run.take(*(Pressed(key) for key in keys))
    assert [fetch.fields for fetch in run.fetches] == ([{"Digits": digits}] if digits else [])


def test_digits_may_be_fewer_when_the_time_is_over() -> None:
    run = Run(response('<Gather action="a"/>'), {"a": response("<Record/>")})
    run.take(Pressed("12"), Silent())
    assert run.fetches[0].fields == {"Digits": "12"}


def test_invalid_digits_have_an_address_of_their_own() -> None:
    run = Run(response('<Gather action="a" validDigits="1" invalidDigitsAction="b"/>'), {"b": response("<Record/>")})
    run.take(Pressed("9#"))
    assert [fetch.url for fetch in run.fetches] == ["https://pbx.example/b"]


def test_without_input_the_next_verb_runs() -> None:
    run = Run(response(f"{MENU}<Say>Nobody there</Say>"))
    run.take(Silent())
    assert run.verbs == ["Say"]


def test_without_an_action_input_is_lost_and_the_next_verb_runs() -> None:
    run = Run(response('<Gather numDigits="1"/><Record/>'))
    run.take(Pressed("1"))
    assert run.verbs == ["Record"]
    assert run.notes == ["lost: what was entered, since the <Gather> has no action"]


def test_speech_is_taken_where_it_is_listened_for() -> None:
    run = Run(response('<Gather action="a" input="speech"/>'), {"a": response("<Record/>")})
    run.take(Pressed("1"))
    assert run.notes == ["ignored: dtmf, for which the <Gather> does not listen"]
    run.take(Spoken("sales", 0.5))
    assert run.fetches[0].fields == {"SpeechResult": "sales", "Confidence": "0.5"}


@pytest.mark.parametrize(
    "verb",
    [
        '<Dial action="a">+13125550100</Dial>',
        '<Record action="a"/>',
        '<Refer action="a"><Sip>sip:a@b</Sip></Refer>',
        '<Connect action="a"><AIAssistant id="1"/></Connect>',
        '<Enqueue action="a">support</Enqueue>',
    ],
)
def test_an_action_takes_over_and_without_one_the_next_verb_runs(verb: str) -> None:
    run = Run(response(f"{verb}<Pause/>"), {"a": response("<Say>After</Say>")})
    run.take(Over({"Field": "1"}))
    assert run.fetches[0].fields == {"Field": "1"}
    assert run.verbs == ["Say"]
    run = Run(response(f"{verb}<Pause/>".replace('action="a"', "")))
    run.take(Over())
    assert run.verbs == ["Pause"]


def test_the_action_of_a_stream_is_not_asked() -> None:
    run = Run(response('<Connect action="a"><Stream url="wss://x.example"/></Connect><Pause/>'))
    run.take(Over())
    assert run.verbs == ["Pause"]


@pytest.mark.parametrize(
    ("verb", "how"), [("Hangup", "hangup"), ("Reject", "rejected"), ('Reject reason="busy"', "busy")]
)
def test_a_call_is_ended(verb: str, how: str) -> None:
    assert Run(response(f"<{verb}/><Say>never</Say>")).last == End(how)


def test_one_conference_or_queue_is_left_of_a_dial() -> None:
    run = Run(response("<Dial><Number>+13125550100</Number><Conference>a</Conference><Queue>b</Queue></Dial>"))
    assert isinstance(run.last, Verb)
    assert [child.text for child in run.last.children] == ["a"]
    assert len(run.notes) == 2


# queues


def test_who_waits_hears_a_document_again_and_again_until_they_are_taken() -> None:
    run = Run(
        response('<Enqueue waitUrl="wait">support</Enqueue><Say>After</Say>'), {"wait": response("<Say>Wait</Say>")}
    )
    assert run.verbs == ["Enqueue", "Say"]
    assert [(fetch.why, fetch.role) for fetch in run.fetches] == [("waitUrl", "wait")]
    run.take(Heard())
    assert run.verbs == ["Say"]
    assert len(run.fetches) == 2
    assert run.take(Taken()) == []
    assert run.take(Heard()) == []
    run.take(Over({"QueueResult": "bridged"}))
    assert [step.text for step in run.steps if isinstance(step, Verb)] == ["After"]


def test_who_waits_may_leave_or_press_a_key() -> None:
    documents = {
        "wait": response('<Gather action="key" numDigits="1"/>'),
        "key": response("<Leave/>"),
        "out": response("<Record/>"),
    }
    run = Run(response('<Enqueue waitUrl="wait" action="out">support</Enqueue>'), documents)
    run.take(Pressed("1"))
    assert run.verbs == ["Leave", "Record"]
    assert run.fetches[-1].fields == {"QueueResult": "leave", "QueueSid": "support"}


def test_who_waits_and_presses_what_is_not_valid_waits_on() -> None:
    gather = '<Gather action="key" numDigits="1" validDigits="1" invalidDigitsAction="again"/>'
    documents = {"wait": response(gather), "again": response("<Say>Again</Say><Leave/>")}
    run = Run(response('<Enqueue waitUrl="wait">support</Enqueue><Record/>'), documents)
    run.take(Pressed("9"))
    assert [(fetch.url.rpartition("/")[2], fetch.role) for fetch in run.fetches] == [
        ("wait", "wait"),
        ("again", "wait"),
    ]
    assert run.verbs == ["Say"]
    run.take(Heard())
    assert run.verbs == ["Leave", "Record"]


def test_verbs_that_do_not_belong_into_a_queue_are_passed_over() -> None:
    run = Run(
        response('<Enqueue waitUrl="wait">support</Enqueue>'),
        {"wait": response("<Dial>+13125550100</Dial><Say>x</Say>")},
    )
    assert run.verbs == ["Enqueue", "Say"]
    assert len(run.notes) == 1


@pytest.mark.parametrize("source", [response(""), response("<Leave x=''/>").replace("Leave", "leave"), None])
def test_who_waits_with_nothing_to_hear_waits_in_silence(source: str | None) -> None:
    run = Run(response('<Enqueue waitUrl="wait">support</Enqueue><Pause/>'), {"wait": source} if source else {})
    assert run.machine.waits == "queue"
    assert len(run.fetches) <= MOST_UNHEARD
    run.take(Over())
    assert run.verbs == ["Pause"]


def test_who_waits_for_a_conference_hears_a_document_until_it_begins() -> None:
    run = Run(
        response('<Dial action="a"><Conference waitUrl="wait">r</Conference></Dial>'),
        {"wait": response("<Say>Early</Say><Leave/>"), "a": response("<Say>After</Say>")},
    )
    assert run.fetches == []
    run.take(Waits())
    assert (run.verbs, run.fetches[0].url) == (["Say"], "https://pbx.example/wait")
    run.take(Heard())
    assert (run.verbs, len(run.fetches), len(run.notes)) == (["Say"], 2, 1)
    assert run.take(Taken()) == []
    assert run.take(Heard()) == []
    run.take(Over())
    assert run.fetches[-1].why == "Dial"


@pytest.mark.parametrize("verb", ["<Dial><Conference>r</Conference></Dial>", "<Record/>", "<Say>x</Say>"])
def test_where_nothing_is_heard_meanwhile_waiting_changes_nothing(verb: str) -> None:
    run = Run(response(verb))
    assert run.take(Waits()) == []


# what is not played


@pytest.mark.parametrize(
    ("verb", "notes"),
    [
        ('<Dial answerOnBridge="true" recordMaxLength="5">+13125550100</Dial>', ["answerOnBridge", "recordMaxLength"]),
        ('<Dial answerOnBridge="false">+13125550100</Dial>', []),
        (
            '<Dial><Number sendDigits="1" deepfakeDetection="Enable">+1312555010</Number></Dial>',
            ["deepfakeDetection", "sendDigits"],
        ),
        (
            '<Dial><Number statusCallback="/a" statusCallbackEvent="dtmf answered">+1312555010</Number></Dial>',
            ["dtmf in statusCallbackEvent"],
        ),
        (
            '<Dial><Conference statusCallback="/a" statusCallbackEvent="speaker">r</Conference></Dial>',
            ["speaker in statusCallbackEvent"],
        ),
        ('<Start><Transcription transcriptionCallback="/a"/></Start><Pause/>', ["transcriptionCallback"]),
    ],
)
def test_what_is_not_played_here_is_noted_and_refused_strictly(verb: str, notes: list[str]) -> None:
    assert [note.split(" of ")[0] for note in Run(response(verb)).notes] == [f"skipped: {name}" for name in notes]
    is_refused = Run(response(verb), strict=True).machine.is_over
    assert is_refused == bool(notes)


def test_half_of_what_is_said_is_told_first() -> None:
    ask = '<Gather input="speech" partialResultCallback="part" partialResultCallbackMethod="GET"/><Pause/>'
    run = Run(response(ask))
    run.take(Spoken("one two three"))
    assert run.steps[0] == Tell("https://pbx.example/part", "GET", {"SpeechResult": "one two"}, "Partial")
    assert run.notes == []
    assert run.verbs == ["Pause"]


# what goes wrong


@pytest.mark.parametrize("source", ["", "no xml", "{}", "<html/>", "<Response>", "<!DOCTYPE x><Response/>"])
def test_a_document_that_is_none_is_asked_for_at_the_fallback(source: str) -> None:
    run = Run(source, {"other": response("<Say>Sorry</Say>")}, fallback="https://pbx.example/other")
    assert [fetch.is_fallback for fetch in run.fetches] == [True]
    assert run.verbs == ["Say"]


def test_without_a_fallback_the_caller_hears_an_apology_and_the_call_ends() -> None:
    run = Run("no xml")
    assert isinstance(run.last, Verb)
    assert run.last.text == APOLOGY
    assert run.take(Heard()) == [End("over")]


def test_a_fallback_is_asked_once() -> None:
    run = Run("no xml", fallback="https://pbx.example/nowhere")
    assert len(run.fetches) == 1
    assert run.verbs == ["Say"]


def test_documents_that_lead_in_a_circle_end_the_call() -> None:
    run = Run(response("<Redirect>home</Redirect>"))
    assert run.last == End("error", "documents in a circle")
    assert len(run.fetches) == MOST_UNHEARD - 1


def test_a_call_has_a_limit_of_documents() -> None:
    run = Run(response("<Pause/><Redirect>home</Redirect>"))
    for _ in range(MOST_DOCUMENTS + 1):
        run.take(Heard())
    assert run.machine.is_over


def test_an_update_replaces_what_is_under_way() -> None:
    run = Run(response('<Enqueue waitUrl="wait">support</Enqueue>'), {"wait": response("<Say>Wait</Say>")})
    assert run.machine.replace("https://pbx.example/new", "GET") == [Fetch("https://pbx.example/new", "GET")]
    assert run.take(Over()) == []


def test_a_document_for_the_called_party_is_over_without_ending_more() -> None:
    run = Run(response("<Gather/><Dial>+13125550100</Dial>"), role="whisper")
    assert run.verbs == ["Gather"]
    run.take(Silent())
    assert run.last == End("over")
    assert run.notes


def test_nothing_makes_it_raise() -> None:
    """Any elements in any order, and anything that may come back at any time."""
    chosen = random.Random(13)
    outcomes: list[Outcome] = [Heard(), Pressed("1"), Spoken("x"), Silent(), Over(), Taken(), Waits(), HungUp()]
    for _ in range(300):
        run = Run(any_document(chosen), {"a": any_document(chosen), "b": any_document(chosen)})
        for _ in range(20):
            run.take(chosen.choice(outcomes[:7] if chosen.random() < 0.97 else outcomes))
            assert run.machine.is_over or run.machine.waits in ("heard", "input", "over", "queue")


def test_addresses_are_resolved_against_their_own_document() -> None:
    run = Run(response("<Redirect>/a/b</Redirect>"), {"b": response("<Pause/><Redirect>c</Redirect>")})
    run.take(Heard())
    assert [fetch.url for fetch in run.fetches] == [f"{HOME.removesuffix('home')}a/{name}" for name in "bc"]
