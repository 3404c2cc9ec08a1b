"""What the editor asks: who may, by which method, and what comes of nonsense. Nothing of it is stored."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from tests.support.documents import MENU, make_document
from tests.support.rows import TexmlDocument

NAMES = ("check", "conversation")


@pytest.fixture
def document(account: TelnyxAccount) -> TexmlDocument:
    return make_document(account)


def address(name: str, document: TexmlDocument | None = None) -> str:
    return reverse(f"admin:voice_texmldocument_{name}", args=[document.pk] if document else [])


def test_only_who_may_see_documents_asks(document, browser, user_with):
    stranger = Client()
    stranger.force_login(user_with("voice.view_call", username="stranger"))
    viewer = Client()
    viewer.force_login(user_with("voice.view_texmldocument", username="viewer"))
    for name in NAMES:
        for url in (address(name), address(name, document)):
            assert Client().post(url).status_code == 302
            assert stranger.post(url, {"source": MENU}).status_code == 403
            assert viewer.post(url, {"source": MENU}).status_code == 200
            assert browser.get(url).status_code == 405
    missing = reverse("admin:voice_texmldocument_check", args=["00000000-0000-4000-8000-000000000000"])
    assert browser.post(missing, {"source": MENU}).status_code == 404


def test_who_may_only_add_documents_asks_of_a_new_one_alone(document, user_with):
    adder = Client()
    adder.force_login(user_with("voice.add_texmldocument", username="adder"))
    assert adder.get(reverse("admin:voice_texmldocument_add")).status_code == 200
    for name in NAMES:
        assert adder.post(address(name), {"source": MENU}).status_code == 200
        assert adder.post(address(name, document), {"source": MENU}).status_code == 403


def test_a_request_without_the_csrf_token_is_refused(document, operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    for name in NAMES:
        assert client.post(address(name, document), {"source": MENU}).status_code == 403


def test_a_draft_is_judged_as_it_stands_and_nothing_is_stored(document, browser):
    before = document.digest
    sent = {"source": "<Response><Say Voice='man'>{{ Own }}</Say></Response>", "variables": '{"Own": "mine"}'}
    told = browser.post(address("check", document), sent).json()
    assert [one["rule"] for one in told["findings"]] == ["A02"]
    assert set(told["findings"][0]) == {"line", "column", "rule", "level", "message"}
    assert "mine" in told["preview"]
    assert "T07" in str(browser.post(address("check"), {**sent, "variables": "{"}).json()["findings"])
    document.refresh_from_db()
    assert document.digest == before


def test_what_leads_to_another_document_is_judged_as_well(document, account, browser):
    other = make_document(account, name="Other")
    draft = f"<Response><Redirect>{other.url}</Redirect></Response>"
    told = browser.post(address("check", document), {"source": draft}).json()
    assert "F10" in [one["rule"] for one in told["findings"]]


def test_of_a_masked_text_that_was_left_alone_what_is_stored_is_judged(account: TelnyxAccount, user_with: Any) -> None:
    draft = "<Response>\r\n<Say>{{ Desk }}</Say>\r\n<Dial>+13125550199</Dial>\r\n</Response>"
    document = make_document(account, draft, variables={"Desk": "+13125550198"})
    editor = Client()
    editor.force_login(user_with("voice.view_texmldocument", "voice.change_texmldocument", username="editor"))
    drawn = editor.get(reverse("admin:voice_texmldocument_change", args=[document.pk])).context
    form = drawn["adminform"].form
    sent = {name: form[name].value().replace("\r\n", "\n") for name in ("draft", "variables")}
    assert "•••" in sent["draft"]
    told = editor.post(address("check", document), sent | {"source": sent["draft"]}).json()["findings"]
    assert told == drawn["findings"]
    told = editor.post(address("check", document), sent | {"source": sent["draft"] + " "}).json()["findings"]
    assert "V08" in [one["rule"] for one in told]  # it could not be saved


def test_markup_of_a_draft_or_caller_is_never_markup_of_the_page(document, browser):
    script = "<script>alert(1)</script>"
    sent = {"source": f"<Response><Say><![CDATA[{script}]]>{{{{ CallerId }}}}</Say></Response>"}
    told = browser.post(address("check", document), {**sent, "caller": f"CallerId={script}"}).json()
    assert "<script" not in told["preview"]
    page = browser.post(address("check", document), {"draft": f"{script}<Response>"}).content.decode()
    assert script not in page
    assert "X01" in page


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        ("Digits=2\n\n", ""),
        ("From: +4930123\nDigits=2", "from line 1: write a value as Digits=2."),
        ("From: +4930123\n\n=2", "from lines 1, 3: write a value as Digits=2."),
        ("\n".join(f"V{at}=x" for at in range(51)), "only the first 50 lines were read."),
    ],
)
def test_what_of_an_own_caller_is_no_value_is_told_and_no_test_case_is_made_of_it(document, browser, caller, words):
    sent = {"source": MENU, "apology": "Sorry.", "steps": "[]", "case": "new", "caller": caller}
    tried = browser.post(address("conversation", document), sent).json()
    assert (tried["problem"].startswith("Of your own caller"), words in tried["problem"]) == (bool(words), True)
    preview = browser.post(address("check", document), sent).json()["preview"]
    assert ("Of your own caller" in preview, words in preview) == (bool(words), True)
    kept = browser.post(address("cases_keep", document), sent).json()["problem"]
    assert (words in kept, document.cases.exists()) == (True, not words)


@pytest.mark.parametrize("steps", ["{", '{"a": 1}', "[1]", "[" * 100_000, '"press 1"'])
def test_steps_that_are_none_are_refused_in_words(document, browser, steps: str):
    answer = browser.post(address("conversation", document), {"source": MENU, "steps": steps})
    assert (answer.status_code, answer.json()) == (400, {"problem": "steps must be a list of texts."})


def test_whoever_may_not_see_accounts_or_numbers_sees_none_of_them_here(document, user_with):
    viewer = Client()
    viewer.force_login(user_with("voice.view_texmldocument", username="viewer"))
    draft = "<Response><Dial>+13125550177</Dial></Response>"
    told = viewer.post(address("conversation", document), {"source": draft}).content.decode()
    assert document.token not in told
    assert "+13125550177" not in told
    assert "Calls" in told


def test_a_document_of_any_size_and_of_any_bytes_is_answered(document, browser):
    for text in ("<" * 70_000, "\x00", "<Response>" * 5_000, '<!DOCTYPE a [<!ENTITY b "c">]><Response>&b;</Response>'):
        for name in NAMES:
            answer = browser.post(address(name, document), {"source": text, "apology": "Sorry", "steps": "[]"})
            assert answer.status_code == 200
            assert json.loads(answer.content)
