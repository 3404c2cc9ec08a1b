"""Documents in the browser: written, published with confirmation, compared, rolled back, copied; their log."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from applications.models import TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.documents import FETCH, MENU, fetch, make_document, publish_anew, published
from tests.support.html_forms import hidden_fields
from tests.support.rows import TexmlDocument, TexmlFetch
from voice.documents import service, usage
from voice.documents.admin import publishing

pytestmark = pytest.mark.django_db
LIST = "/admin/voice/texmldocument/"
WARNED = '<Response><Gather action="/next"><Say>Press 1.</Say></Gather></Response>'  # silence ends the call


def page(document: TexmlDocument, name: str = "change") -> str:
    return f"{LIST}{document.pk}/{name}/"


def values(document: TexmlDocument, **changes: Any) -> dict[str, Any]:
    return {
        "name": document.name,
        "draft": document.draft,
        "variables": "{}",
        "apology": document.apology,
        "signature": document.signature,
        "seen_digest": document.digest,
    } | changes


def test_a_document_is_made_and_written(browser: Client, account: TelnyxAccount) -> None:
    blank = {
        "name": "Menu",
        "account": account.pk,
        "draft": MENU,
        "variables": "",
        "apology": "Sorry.",
        "signature": "auto",
    }
    answer = browser.post(f"{LIST}add/", blank)
    assert answer.status_code == 302, answer.context["errors"]
    document = TexmlDocument.objects.get()
    answer = browser.post(page(document), values(document, draft="<Response/>", variables='{"team": "sales"}'))
    assert answer.status_code == 302, answer.context["errors"]
    document.refresh_from_db()
    assert (document.draft, document.variables, document.published) == ("<Response/>", {"team": "sales"}, None)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"variables": "{"}, "variables", "not JSON"),
        ({"variables": '{"1": "a"}'}, "variables", "no name of a variable"),
        ({"draft": "a" * 70_000}, "draft", "65,536"),
        ({"draft": "<Dial>+1312•••0001</Dial>"}, "draft", "hidden"),
        ({"name": "Other"}, "__all__", "another document of this name"),
        ({"seen_digest": "0" * 64}, "__all__", "Somebody else"),
    ],
)
def test_what_cannot_be_saved_is_told_on_the_form(
    browser: Client, account: TelnyxAccount, changes: dict[str, str], field: str, words: str
) -> None:
    document = make_document(account)
    make_document(account, name="Other")
    answer = browser.post(page(document), values(document, **changes))
    assert answer.status_code == 200
    assert words in str(answer.context["adminform"].form.errors[field])
    assert TexmlDocument.objects.get(pk=document.pk).digest == document.digest


def test_the_page_of_a_draft_shows_address_findings_and_uses(browser: Client, account: TelnyxAccount) -> None:
    document = make_document(account, "<Response><say>x</say></Response>")
    TexmlApplication.objects.create(account=account, telnyx_id="1", friendly_name="front desk", voice_url=document.url)
    text = browser.get(page(document)).content.decode()
    for words in (document.url, document.fallback_url, "S03", "front desk", "voice_url", "Not published yet"):
        assert words in text


def test_publishing_asks_and_warns_first(browser: Client, account: TelnyxAccount) -> None:
    document = make_document(account, WARNED)
    shown = browser.get(page(document, "publish"))
    assert "F08" in shown.content.decode()
    form = {"digest": document.digest, "note": "first"}
    answer = browser.post(page(document, "publish"), form)
    assert "Confirm these warnings" in answer.content.decode()
    answer = browser.post(page(document, "publish"), form | {"confirmed": "on", "digest": "0" * 64})
    assert "Somebody else changed" in answer.content.decode()
    assert browser.post(page(document, "publish"), form | {"confirmed": "on"}).status_code == 302
    document.refresh_from_db()
    assert (document.published, document.versions.get().note) == (1, "first")
    document.draft = "<Response>\n<Hangup/>\n</Response>"
    document.save()
    assert "+&lt;Hangup/&gt;" in browser.get(page(document, "publish")).content.decode()


def test_errors_cannot_be_published(browser: Client, account: TelnyxAccount) -> None:
    document = make_document(account, "<Response><say>x</say></Response>")
    assert "Mend the draft" in browser.get(page(document, "publish")).content.decode()
    browser.post(page(document, "publish"), {"digest": document.digest, "confirmed": "on"})
    document.refresh_from_db()
    assert document.published is None


def test_versions_are_compared_and_published_again(browser: Client, account: TelnyxAccount) -> None:
    document = published(account, "<Response>\n<Say>one</Say>\n</Response>")
    publish_anew(document, "<Response>\n<Say>two</Say>\n</Response>")
    text = browser.get(page(document, "versions")).content.decode()
    assert f"{page(document, 'diff')}?from=1&amp;to=2" in text
    diff = browser.get(f"{page(document, 'diff')}?from=1&to=2").content.decode()
    assert "<del>-&lt;Say&gt;one&lt;/Say&gt;</del>" in diff
    assert browser.get(f"{page(document, 'diff')}?from=9").status_code == 404
    assert browser.get(f"{page(document, 'diff')}?from=x").status_code == 404
    assert browser.post(page(document, "roll-back"), {"version": "1"}).status_code == 302
    document.refresh_from_db()
    assert document.published == 3
    assert browser.get(page(document, "roll-back")).status_code == 404
    browser.post(page(document, "roll-back"), {"version": "77"})
    document.refresh_from_db()
    assert document.published == 3


def test_a_version_is_not_published_again_over_one_that_was_published_meanwhile(
    browser: Client, account: TelnyxAccount
) -> None:
    document = published(account, "<Response>\n<Say>one</Say>\n</Response>")
    publish_anew(document, "<Response>\n<Say>two</Say>\n</Response>")
    again = page(document, "roll-back")
    drawn = hidden_fields(browser.get(page(document, "versions")).content.decode(), again)
    publish_anew(document, "<Response>\n<Say>three</Say>\n</Response>")
    answer = browser.post(again, drawn, follow=True)
    assert "Somebody else changed this document" in answer.content.decode()
    document.refresh_from_db()
    assert (drawn["version"], document.published) == ("1", 3)
    browser.post(again, hidden_fields(answer.content.decode(), again))
    assert document.versions.get(number=4).copy_of == 2


def test_of_very_many_versions_the_last_ones_are_listed_and_it_says_so(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = published(account)
    publish_anew(document, "<Response>\n<Say>two</Say>\n</Response>")
    assert "Earlier versions are not listed" not in browser.get(page(document, "versions")).content.decode()
    monkeypatch.setattr(publishing, "MOST_VERSIONS", 1)
    answer = browser.get(page(document, "versions"))
    assert [(row["version"].number, row["before"]) for row in answer.context["rows"]] == [(2, 1)]
    assert "Earlier versions are not listed" in answer.content.decode()


def test_a_copy_and_a_deletion(browser: Client, account: TelnyxAccount) -> None:
    document = published(account)
    assert browser.post(page(document, "copy"), {"name": "Menu"}).status_code == 200
    assert browser.post(page(document, "copy"), {"name": "Second"}).status_code == 302
    application = TexmlApplication.objects.create(account=account, telnyx_id="1", voice_url=document.url)
    browser.post(page(document, "delete"), {"post": "yes"})
    assert TexmlDocument.objects.filter(pk=document.pk).exists()
    application.delete()
    browser.post(page(document, "delete"), {"post": "yes"})
    assert [one.name for one in TexmlDocument.objects.all()] == ["Second"]


def test_what_a_copy_is_refused_for_is_told_where_it_is_wrong(browser: Client, account: TelnyxAccount) -> None:
    document = make_document(account)
    taken = browser.post(page(document, "copy"), {"name": "Menu"}).context["form"]
    assert ("another document of this name" in str(taken.errors["name"]), len(taken.errors)) == (True, 1)
    TexmlDocument.objects.update(draft="<Response><Dial>+1312•••0001</Dial></Response>")
    hidden = browser.post(page(document, "copy"), {"name": "Second"}).context["form"]
    assert list(hidden.errors) == ["__all__"]
    assert hidden.non_field_errors()[0].startswith("draft: It has a number that was hidden")


def test_a_document_that_comes_into_use_while_it_is_deleted_stays_and_is_told_to_be_in_use(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, look = published(account), usage.used_by

    def meanwhile(of: TexmlDocument) -> usage.Uses:
        found = look(of)
        TexmlApplication.objects.get_or_create(account=account, telnyx_id="1", voice_url=document.url)
        return found

    monkeypatch.setattr(usage, "used_by", meanwhile)
    answer = browser.post(page(document, "delete"), {"post": "yes"}, follow=True)
    assert answer.redirect_chain == [(page(document), 302)]
    assert "Menu is in use" in answer.content.decode()
    assert TexmlDocument.objects.filter(pk=document.pk).exists()


def test_a_document_that_was_fetched_is_deleted_and_its_log_is_counted_only(
    browser: Client, account: TelnyxAccount
) -> None:
    document = published(account)
    for _ in range(3):
        fetch(Client(), document, Digits="4")
    with CaptureQueriesContext(connection) as asked:
        shown = browser.get(page(document, "delete"))
        answer = browser.post(page(document, "delete"), {"post": "yes"})
    assert "3" in str(dict(shown.context["model_count"])["TeXML fetches"])
    assert not [one["sql"] for one in asked if '"voice_texmlfetch"."body"' in one["sql"]]
    assert answer.status_code == 302
    assert not TexmlDocument.objects.exists()
    assert not TexmlFetch.objects.exists()


def test_a_name_that_somebody_takes_meanwhile_is_told_on_the_form(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, check, seen = make_document(account), service.check, list[str]()

    def meanwhile(checked: TexmlDocument) -> None:
        seen.append(checked.name)
        if len(seen) > 2:  # what went wrong took it back in this test, which has one connection
            TexmlDocument.objects.get_or_create(account=account, name="Taken")
        check(checked)
        if len(seen) == 2:  # the form was judged, and the service has judged it
            TexmlDocument.objects.create(account=account, name="Taken")

    monkeypatch.setattr(service, "check", meanwhile)
    answer = browser.post(page(document), values(document, name="Taken", apology="Typed."))
    assert "another document of this name" in str(answer.context["errors"])
    assert "Typed." in answer.content.decode()
    document.refresh_from_db()
    assert document.name == "Menu"


def test_each_page_takes_its_permission(account: TelnyxAccount, signed_in: Any) -> None:
    document = published(account)
    pages = {
        "view_texmldocument": ["change", "versions", "diff"],
        "publish_texmldocument": ["publish"],
        "add_texmldocument": ["copy"],
    }
    for has in pages:
        rights = {f"voice.{has}", "voice.view_texmldocument"}
        window = signed_in(*rights, username=has)
        for needed, names in pages.items():
            for name in names:
                status = window.get(page(document, name), {"from": "1"}).status_code
                assert (status == 200) == (f"voice.{needed}" in rights), (has, name, status)
        assert window.post(page(document), values(document)).status_code == 403
    assert signed_in("voice.publish_texmldocument", username="blind").get(page(document, "publish")).status_code == 403


def test_the_page_publishes_an_assistant_for_who_may_dial_alone(account: TelnyxAccount, signed_in: Any) -> None:
    document = make_document(account, '<Response><Connect><AIAssistant id="assistant-1"/></Connect></Response>')
    rights = ("voice.view_texmldocument", "voice.publish_texmldocument")
    sent = {"confirmed": "on", "digest": document.digest}
    refused = signed_in(*rights, username="attacker").post(page(document, "publish"), sent)
    assert "voice.dial" in str(refused.context["form"].non_field_errors())
    assert not document.versions.exists()
    assert signed_in(*rights, "voice.dial", username="ada").post(page(document, "publish"), sent).status_code == 302
    assert [version.author for version in document.versions.all()] == ["user: ada"]


def test_who_may_not_see_numbers_or_accounts_sees_a_masked_draft(account: TelnyxAccount, signed_in: Any) -> None:
    document = published(account, "<Response><Dial>+13125550199</Dial></Response>")
    viewer = signed_in("voice.view_texmldocument", username="viewer")
    editor = signed_in("voice.view_texmldocument", "voice.change_texmldocument", username="editor")
    for window in (viewer, editor):
        for name in ("change", "diff"):
            text = window.get(page(document, name), {"from": "1"}).content.decode()
            assert "+13125550199" not in text
            assert document.token not in text
    assert "+1312" in editor.get(page(document)).content.decode()


def as_drawn(answer: Any) -> dict[str, str]:
    """What a browser would send of a document's page that somebody has only looked at."""
    form = answer.context["adminform"].form
    return {field.html_name: str(field.value()).replace("\n", "\r\n") for field in form}


@pytest.fixture
def numbered(account: TelnyxAccount) -> TexmlDocument:
    """Has a number in each of its texts, and in its draft an address of the portal's own."""
    document = make_document(account, variables={"desk": "+13125550198"}, apology="Call +13125550197.")
    calls = f"<Dial>+13125550199</Dial>\n<Redirect>{document.url}</Redirect>"
    document.draft = f"<Response>\n{calls}\n</Response>\n"
    return service.save_document(document, PORTAL)


def test_who_sees_masked_texts_changes_the_name_and_the_texts_stay_whole(
    numbered: TexmlDocument, signed_in: Any
) -> None:
    editor = signed_in("voice.view_texmldocument", "voice.change_texmldocument")
    drawn = as_drawn(editor.get(page(numbered)))
    assert [drawn[name].count("•••") for name in ("draft", "variables", "apology")] == [2, 1, 1]
    answer = editor.post(page(numbered), drawn | {"name": "Renamed"})
    assert answer.status_code == 302, answer.context["errors"]
    saved = TexmlDocument.objects.get()
    assert (saved.name, saved.draft) == ("Renamed", numbered.draft)
    assert (saved.variables, saved.apology) == (numbered.variables, numbered.apology)


def test_a_masked_text_that_was_changed_is_refused_as_is_one_that_was_another_when_it_was_drawn(
    numbered: TexmlDocument, signed_in: Any
) -> None:
    editor = signed_in("voice.view_texmldocument", "voice.change_texmldocument")
    drawn = as_drawn(editor.get(page(numbered)))
    changed = {"draft": drawn["draft"].replace("Redirect", "Number"), "apology": f"Or {drawn['apology']}"}
    changed["variables"] = drawn["variables"].replace("desk", "office")
    errors = editor.post(page(numbered), drawn | changed).context["adminform"].form.errors
    assert [name for name, words in errors.items() if "hidden" in str(words)] == ["draft", "variables", "apology"]
    numbered.draft = numbered.draft.replace("+13125550199", "+13125660199")  # which is masked alike
    service.save_document(numbered, PORTAL)
    errors = editor.post(page(numbered), drawn | {"name": "Renamed"}).context["adminform"].form.errors
    assert "Somebody else" in str(errors["__all__"])
    assert TexmlDocument.objects.get().digest == numbered.digest


def test_the_log_shows_what_was_sent_and_answered(browser: Client, account: TelnyxAccount, signed_in: Any) -> None:
    document = published(account)
    fetch(Client(), document, Digits="4*1#")
    row = TexmlFetch.objects.get()
    url = "/admin/voice/texmlfetch/"
    assert f"{document.name}" in browser.get(f"{url}?document__id__exact={document.pk}").content.decode()
    text = browser.get(f"{url}{row.pk}/change/").content.decode()
    for words in ("press 1.", FETCH["From"], "4*1#", "signed by Telnyx"):
        assert words in text
    masked = signed_in("voice.view_texmlfetch").get(f"{url}{row.pk}/change/").content.decode()
    for words in ("press 1.", FETCH["From"], "4*1#"):
        assert words not in masked
    assert signed_in("voice.view_texmldocument", username="other").get(f"{url}{row.pk}/change/").status_code == 403


def test_twiml_becomes_a_draft_when_its_changes_were_seen(browser: Client, account: TelnyxAccount) -> None:
    twiml = '<Response><Say voice="Polly.Joanna">Hello</Say><Sms>Hi</Sms></Response>'
    assert f"{LIST}import/" in browser.get(LIST).content.decode()
    values = {"name": "Taken over", "account": account.pk, "twiml": twiml}
    shown = browser.post(f"{LIST}import/", values)
    assert {(one.line, one.what) for one in shown.context["imported"].changes} >= {(1, "left out")}
    assert not TexmlDocument.objects.exists()
    answer = browser.post(f"{LIST}import/", values | {"make": shown.context["checked"]})
    document = TexmlDocument.objects.get()
    assert answer["Location"].endswith(page(document))
    assert ("Sms" in document.draft, "Hello" in document.draft, document.published) == (False, True, None)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"twiml": ""}, "twiml", "required"),
        ({"twiml": "<Response>"}, "twiml", "Line 1"),
        ({"twiml": "x" * 70_000}, "twiml", "65,536"),
        ({"name": "Menu"}, "__all__", "another document of this name"),
        ({"twiml": "<Response><Dial>+1312•••0001</Dial></Response>"}, "twiml", "hidden"),
        ({"account": "0"}, "account", "valid"),
    ],
)
def test_twiml_that_cannot_be_taken_over_is_told_on_the_form(
    browser: Client, account: TelnyxAccount, changes: dict[str, Any], field: str, words: str
) -> None:
    make_document(account)
    values = {"name": "New", "account": account.pk, "twiml": "<Response><Hangup/></Response>"} | changes
    checked = browser.post(f"{LIST}import/", values).context["checked"]
    answer = browser.post(f"{LIST}import/", values | {"make": checked})
    assert answer.status_code == 200
    assert words in str(answer.context["form"].errors[field])
    assert TexmlDocument.objects.count() == 1


def test_who_may_not_add_documents_imports_none(signed_in: Any) -> None:
    assert signed_in("voice.view_texmldocument").get(f"{LIST}import/").status_code == 403


def test_who_may_add_documents_and_not_see_them_is_led_to_no_refusal(signed_in: Any, account: TelnyxAccount) -> None:
    adds = signed_in("voice.add_texmldocument")
    assert 'href="/admin/">Cancel<' in adds.get(f"{LIST}import/").content.decode()
    values = {"name": "Menu", "account": account.pk, "twiml": "<Response><Hangup/></Response>"}
    checked = adds.post(f"{LIST}import/", values).context["checked"]
    answer = adds.post(f"{LIST}import/", values | {"make": checked}, follow=True)
    assert answer.status_code == 200
    assert "Menu is made" in answer.content.decode()
