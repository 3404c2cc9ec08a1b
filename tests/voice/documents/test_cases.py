"""Test cases of documents, over REST and in the browser: kept from a try, gone through by each publication."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.documents import make_document, publish_anew, published
from tests.support.html_forms import hidden_fields
from tests.support.rest import api_for, problem
from tests.support.rows import TexmlCase, TexmlDocument
from voice.documents import cases, service

pytestmark = [pytest.mark.django_db, pytest.mark.alone]
URL = "/api/v1/texml/documents/"
ASK = '<Response><Gather action="{}" numDigits="1"><Say>Press 1.</Say></Gather><Hangup/></Response>'


def keep(api: APIClient, document: TexmlDocument, **asked: Any) -> Any:
    return api.post(f"{URL}{document.pk}/cases/", {"name": "sales", "steps": ["press 1"]} | asked, format="json")


@pytest.fixture
def sales(account: TelnyxAccount) -> TexmlDocument:
    return published(account, "<Response><Say>Sales, {{ From }}.</Say><Hangup/></Response>", name="Sales")


@pytest.fixture
def menu(account: TelnyxAccount, sales: TexmlDocument) -> TexmlDocument:
    return make_document(account, ASK.format(sales.url))


def test_a_try_is_kept_and_every_publication_goes_through_it(
    api: APIClient, menu: TexmlDocument, sales: TexmlDocument
) -> None:
    made = keep(api, menu, caller={"From": "+13125550155"})
    assert made.status_code == 201, made.content
    steps = made.json()["steps"]
    assert [step["do"] for step in steps] == ["call", "press 1"]
    assert 'Caller hears: "Sales, +13125550155."' in steps[1]["lines"]
    url = f"{URL}{menu.pk}/"
    assert api.post(f"{url}publish/", {"confirmed": True}, format="json").status_code == 201

    publish_anew(sales, "<Response><Say>Nobody is here.</Say><Hangup/></Response>")
    run = api.get(f"{url}cases/run/").json()
    (difference,) = run[0]["differences"]
    assert (run[0]["name"], difference["at"], difference["do"]) == ("sales", 1, "press 1")
    assert 'Caller hears: "Nobody is here."' in difference["found"]
    refused = api.post(f"{url}publish/", {"confirmed": True}, format="json")
    (words,) = problem(refused, 400)["errors"]["cases"]
    assert words.startswith("Not published: this test case expects something else: “sales” (step 1).")
    menu.refresh_from_db()
    assert menu.published == 1

    one = f"{url}cases/{made.json()['id']}/"
    assert 'Caller hears: "Nobody is here."' in api.post(f"{one}record/").json()["steps"][1]["lines"]
    assert api.post(f"{url}publish/", {"confirmed": True}, format="json").status_code == 201
    assert api.get(one).json()["name"] == "sales"
    assert [row["id"] for row in api.get(f"{url}cases/").json()["results"]] == [made.json()["id"]]
    assert api.delete(one).status_code == 204
    problem(api.get(one), 404, "not_found")
    done = AuditEvent.objects.filter(action__startswith="document.case").values_list("action", flat=True)
    assert sorted(done) == ["document.case", "document.case", "document.case_delete"]


def test_what_two_delete_at_once_is_noted_once(api: APIClient, menu: TexmlDocument) -> None:
    assert keep(api, menu).status_code == 201
    for case in (TexmlCase.objects.get(), TexmlCase.objects.get()):
        cases.delete(case, PORTAL)
    for document in (TexmlDocument.objects.get(pk=menu.pk), menu):
        service.delete_document(document, PORTAL)
    noted = AuditEvent.objects.filter(action__in=("document.case_delete", "document.delete"))
    assert sorted(noted.values_list("action", flat=True)) == ["document.case_delete", "document.delete"]


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"steps": ["press 1", "press 2"]}, "steps", "Step 2: The call is over."),
        ({"steps": ["answer"]}, "steps", "Step 1: 'answer' is not possible now"),
        ({"steps": ["wait"] * 200}, "steps", "199"),
        ({"steps": "press 1"}, "steps", "list"),
        ({"name": ""}, "name", "blank"),
        ({"name": "n" * 101}, "name", "100"),
        ({"caller": {"From": "+1312•••0001"}}, "caller", "hidden"),
        ({"caller": {f"V{at}": "x" for at in range(51)}}, "caller", "50"),
        ({"caller": [1]}, "caller", "dictionary"),
        ({"more": 1}, "more", ""),
    ],
)
def test_what_cannot_be_kept_is_told_at_the_field(
    api: APIClient, menu: TexmlDocument, asked: dict[str, Any], field: str, words: str
) -> None:
    answer = keep(api, menu, **asked)
    assert words in str(problem(answer, 400)["errors"][field])
    assert not TexmlCase.objects.exists()


def test_a_name_is_taken_once_and_there_are_not_too_many(
    api: APIClient, menu: TexmlDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert keep(api, menu).status_code == 201
    assert "another test case" in json.dumps(problem(keep(api, menu), 400)["errors"])
    monkeypatch.setattr(cases, "MOST", 1)
    assert "at most 1" in problem(keep(api, menu, name="other"), 400)["errors"]["name"][0]


def test_a_step_that_is_not_possible_any_more_is_told(api: APIClient, menu: TexmlDocument) -> None:
    case = keep(api, menu).json()["id"]
    menu.draft = "<Response><Say>Hello.</Say><Hangup/></Response>"
    service.save_document(menu, PORTAL)
    (run,) = api.get(f"{URL}{menu.pk}/cases/run/").json()
    assert run["differences"][-1]["found"] == ["The call is over."]
    answer = api.post(f"{URL}{menu.pk}/cases/{case}/record/")
    assert "not possible any more" in problem(answer, 400)["errors"]["steps"][0]


@pytest.mark.parametrize("gone", ["document", "case"])
def test_what_was_deleted_while_it_was_tried_is_told_and_keeps_nothing(
    api: APIClient, menu: TexmlDocument, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    case, again = keep(api, menu).json()["id"], cases.talk

    def meanwhile(*tried: Any) -> Any:
        told = again(*tried)
        TexmlCase.objects.all().delete()
        if gone == "document":
            TexmlDocument.objects.filter(pk=menu.pk).delete()
        return told

    monkeypatch.setattr(cases, "talk", meanwhile)
    answer = api.post(f"{URL}{menu.pk}/cases/{case}/record/") if gone == "case" else keep(api, menu, name="other")
    assert "deleted it meanwhile" in problem(answer, 400)["errors"][gone][0]
    assert not TexmlCase.objects.exists()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each case that was gone through begins with; every one takes five seconds."""
    begun: list[str] = []
    again = cases.talk_again

    def slowly(draft: Any, steps: Any, caller: Any) -> Any:
        begun.append(steps[0]["do"])
        return again(draft, steps, caller)

    monkeypatch.setattr(cases, "talk_again", slowly)
    monkeypatch.setattr(cases, "uptime", lambda: 5.0 * len(begun), raising=False)
    return begun


def test_what_there_is_no_time_for_is_told_and_never_passes(
    browser: Client, api: APIClient, menu: TexmlDocument, ran: list[str]
) -> None:
    for name in ("a", "b", "c"):
        assert keep(api, menu, name=name).status_code == 201
    *first, last = api.get(f"{URL}{menu.pk}/cases/run/").json()
    assert [(run["name"], run["differences"], run["not_run"]) for run in first] == [("a", [], ""), ("b", [], "")]
    assert last["name"] == "c"
    assert "8 seconds" in last["not_run"]
    (nothing,) = last["differences"]  # whoever reads these alone takes it for one that fails
    assert (nothing["at"], nothing["found"]) == (0, [])
    refused = api.post(f"{URL}{menu.pk}/publish/", {"confirmed": True}, format="json")
    (words,) = problem(refused, 400)["errors"]["cases"]
    assert "no time" in words
    assert words.count("“") == 1

    page = f"/admin/voice/texmldocument/{menu.pk}/"
    shown = browser.get(f"{page}cases/").content.decode()
    assert "1 of 3 was not run" in shown
    assert (shown.count(">passed<"), shown.count(">not run<"), shown.count(">failed<")) == (2, 1, 0)
    assert "What it says now is right" not in shown  # nobody saw what it says now
    assert "was not run" in browser.get(f"{page}publish/").content.decode()
    ran.clear()
    answer = browser.post(f"{page}publish/", {"digest": menu.digest, "confirmed": "on"})
    assert "was not run" in answer.content.decode()
    assert len(ran) == 2  # once: there is no time to do all of it again for the page
    menu.refresh_from_db()
    assert menu.published is None


def test_numbers_are_masked_and_rights_are_asked(api: APIClient, menu: TexmlDocument, user_with: Any) -> None:
    case = keep(api, menu, caller={"From": "+13125550155"}).json()["id"]
    support = user_with("voice.view_texmldocument")
    theirs, url = api_for(support), f"{URL}{menu.pk}/cases/"
    for answer in (theirs.get(url), theirs.get(f"{url}{case}/"), theirs.get(f"{url}run/")):
        assert answer.status_code == 200
        assert "5550155" not in answer.content.decode()
    for answer in (
        keep(theirs, menu, name="mine"),
        theirs.delete(f"{url}{case}/"),
        theirs.post(f"{url}{case}/record/"),
    ):
        problem(answer, 403)
    page = Client()
    page.force_login(support)
    shown = page.get(f"/admin/voice/texmldocument/{menu.pk}/cases/")
    assert shown.status_code == 200
    assert "5550155" not in shown.content.decode()
    assert page.post(f"/admin/voice/texmldocument/{menu.pk}/cases/{case}/", {"delete": ""}).status_code == 403
    assert page.post(f"/admin/voice/texmldocument/editor/{menu.pk}/case/", {"case": "x"}).status_code == 403
    assert TexmlCase.objects.count() == 1


def test_the_name_of_a_case_is_masked_and_its_place_in_the_list_tells_nothing(
    api: APIClient, menu: TexmlDocument, user_with: Any
) -> None:
    for name in ("+13125550155", "+13125550144", "+13125550166"):
        keep(api, menu, name=name)
    editor = user_with(*(f"voice.{name}_texmldocument" for name in ("view", "change", "publish")))
    window, url = Client(), f"/admin/voice/texmldocument/{menu.pk}/cases/"
    window.force_login(editor)
    by_id = [str(case.pk) for case in menu.cases.order_by("id")]
    assert [run["case"] for run in api_for(editor).get(f"{URL}{menu.pk}/cases/run/").json()] == by_id
    assert [str(row["case"].pk) for row in window.get(url).context["rows"]] == by_id
    by_name = [run["name"] for run in api.get(f"{URL}{menu.pk}/cases/run/").json()]
    assert by_name == ["+13125550144", "+13125550155", "+13125550166"]
    for case, asked in zip(by_id, ({"record": ""}, {"delete": ""}), strict=False):
        told = window.post(f"{url}{case}/", asked, follow=True).content.decode()
        assert "•••" in told
        assert "312555" not in told
    menu.draft = "<Response><Hangup/></Response>"
    service.save_document(menu, PORTAL)
    refused = window.post(f"/admin/voice/texmldocument/{menu.pk}/publish/", {"digest": menu.digest, "confirmed": "on"})
    assert "these test cases expect" in str(refused.context["form"].errors)
    assert "312555" not in refused.content.decode()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"steps": '["say \\u0000"]'}, "list of texts"),
        ({"steps": '["say \\ud800"]'}, "list of texts"),
        ({"caller": "From=\x00"}, "NUL"),
        ({"case": "a\x00"}, "NUL"),
    ],
)
def test_what_no_row_can_hold_is_refused_where_a_try_is_kept(
    browser: Client, menu: TexmlDocument, asked: dict[str, str], words: str
) -> None:
    speech = menu.draft.replace("numDigits", 'input="speech dtmf" numDigits')
    sent = {
        "source": speech,
        "apology": "Sorry.",
        "variables": "{}",
        "case": "new",
        "steps": "[]",
        "caller": "",
    } | asked
    answer = browser.post(f"/admin/voice/texmldocument/editor/{menu.pk}/case/", sent)
    assert answer.status_code in {200, 400}
    assert words in answer.json()["problem"]
    assert not TexmlCase.objects.exists()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"case": " "}, "Name of the test case: This field cannot be blank."),
        ({"case": "n" * 101}, "Name of the test case: Ensure this value has at most 100 characters"),
        ({"caller": "From=+1312•••0001"}, "A caller of your own: It has a number that was hidden"),
        ({"apology": "Call +1312•••0001."}, "The draft: It has a number that was hidden"),
        ({"steps": '["answer"]'}, "Step 1: 'answer' is not possible now"),
    ],
)
def test_the_panel_that_keeps_a_try_says_of_which_of_its_parts_something_is_wrong(
    browser: Client, menu: TexmlDocument, asked: dict[str, str], words: str
) -> None:
    sent = {"source": menu.draft, "apology": "Sorry.", "variables": "{}", "case": "new", "steps": "[]", "caller": ""}
    answer = browser.post(f"/admin/voice/texmldocument/editor/{menu.pk}/case/", sent | asked)
    assert answer.json()["problem"].startswith(words)
    assert not TexmlCase.objects.exists()


def test_what_nobody_saw_is_not_recorded_as_right(browser: Client, api: APIClient, menu: TexmlDocument) -> None:
    case, ask, url = keep(api, menu).json()["id"], menu.draft, f"/admin/voice/texmldocument/{menu.pk}/cases/"
    kept, one = menu.cases.get().steps, f"{url}{case}/"
    menu.draft = ask.replace("Press 1.", "Press one.")
    service.save_document(menu, PORTAL)
    drawn = hidden_fields(browser.get(url).content.decode(), one)
    etag = api.get(f"{URL}{menu.pk}/")["ETag"]
    menu.draft = ask.replace("Press 1.", "Press two.")
    service.save_document(menu, PORTAL)
    answer = browser.post(one, drawn | {"record": ""}, follow=True).content.decode()
    assert "The draft was changed since: look again." in answer
    problem(api.post(f"{URL}{menu.pk}/cases/{case}/record/", headers={"If-Match": etag}), 412, "changed")
    assert menu.cases.get().steps == kept
    assert "Press two." in answer
    browser.post(one, hidden_fields(answer, one) | {"record": ""})
    assert 'Caller hears: "Press two."' in menu.cases.get().steps[0]["lines"]


@pytest.mark.parametrize("who", ["operator", "editor"])
def test_a_try_is_kept_only_as_it_was_shown(
    browser: Client, signed_in: Any, menu: TexmlDocument, sales: TexmlDocument, who: str
) -> None:
    editor = signed_in("voice.view_texmldocument", "voice.change_texmldocument") if who == "editor" else browser
    at, steps = "/admin/voice/texmldocument/editor/", json.dumps(["press 1"])
    sent = {"source": menu.draft, "apology": "Sorry.", "variables": "{}", "steps": steps, "caller": "From=+13125550155"}

    def heard() -> str:
        told = editor.post(f"{at}{menu.pk}/conversation/", sent).json()
        assert (str(told["steps"]).count("+13125550155") > 0) == (who == "operator")
        return str(told["heard"])

    def keep_it(heard: str, **changed: str) -> Any:
        return editor.post(f"{at}{menu.pk}/case/", sent | changed | {"case": "sales", "heard": heard}).json()

    first = heard()
    words = "The text says something else now: call again, then keep it."
    typed = menu.draft.replace("Press 1.", "Press one.")
    assert keep_it(first, source=typed) == {"problem": words}
    publish_anew(sales, "<Response><Say>Nobody is here, {{ From }}.</Say><Hangup/></Response>")
    assert keep_it(first) == {"problem": words}
    assert not TexmlCase.objects.exists()
    assert keep_it(heard(), source=f"{menu.draft}\n")["problem"] == ""  # which says the same
    assert 'Caller hears: "Nobody is here, +13125550155."' in TexmlCase.objects.get().steps[1]["lines"]


def test_the_pages_show_what_differs_and_take_it_as_right(
    browser: Client, api: APIClient, menu: TexmlDocument, sales: TexmlDocument
) -> None:
    page = f"/admin/voice/texmldocument/{menu.pk}/"
    assert "There are none yet" in browser.get(f"{page}cases/").content.decode()
    case = keep(api, menu).json()["id"]
    assert "passed" in browser.get(f"{page}cases/").content.decode()
    publish_anew(sales, "<Response><Say>Nobody is here.</Say><Hangup/></Response>")
    shown = browser.get(f"{page}cases/").content.decode()
    assert "1 of 1 expects something else" in shown
    assert "Nobody is here." in shown
    publish = browser.get(f"{page}publish/").content.decode()
    assert "This test case expects something else: sales." in publish
    answer = browser.post(f"{page}publish/", {"digest": menu.digest, "confirmed": "on"})
    assert answer.status_code == 200
    menu.refresh_from_db()
    assert menu.published is None
    assert browser.post(f"{page}cases/{case}/", {"record": ""}, follow=True).status_code == 200
    answer = browser.post(f"{page}publish/", {"digest": menu.digest, "confirmed": "on"})
    assert answer.status_code == 302
    assert browser.post(f"{page}cases/{case}/", {"delete": ""}).status_code == 302
    assert browser.post(f"{page}cases/{case}/", {"delete": ""}).status_code == 404
