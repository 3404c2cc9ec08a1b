"""What people add to a call from its page: by whom it may be added, what becomes of it, what is told of it."""

import re
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.call_pages import page
from tests.support.factories import FROM, make_call
from tests.support.rows import Call
from voice.models import CallNote, CallTag, Contact, FollowUp
from voice.notes import contacts, notes, tags

pytestmark = pytest.mark.django_db
_WORDS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "note": ({"text": "Called back."}, ("voice.add_callnote",)),
    "remove-note": ({"note": "?"}, ("voice.delete_callnote",)),
    "tag": ({"name": "lost-order"}, ("voice.add_calltag",)),
    "untag": ({"tag": "1"}, ("voice.delete_calltag",)),
    "follow-up": ({"assignee": ""}, ("voice.add_followup",)),
    "followed-up": ({}, ("voice.change_followup",)),
    "name": ({"name": "Ada"}, ("voice.add_contact", "voice.change_contact")),
}


@pytest.fixture
def call(account: TelnyxAccount) -> Call:
    return make_call(account)


def section(client: Client, call: Call) -> str:
    text = client.get(page(call)).content.decode()
    return text[text.index('id="notes"') :]


@pytest.mark.parametrize("word", _WORDS)
def test_each_takes_its_permission_and_a_post(signed_in: Any, call: Call, word: str) -> None:
    values, wanted = _WORDS[word]
    lacking = signed_in("voice.view_call", *wanted[:-1], username="lacking")
    assert lacking.post(page(call, word), values).status_code == 403
    blind = signed_in(*wanted, username="blind")
    assert blind.post(page(call, word), values).status_code == 403
    client = signed_in("voice.view_call", *wanted)
    assert client.get(page(call, word)).status_code == 405
    assert client.post(page(call, word), values).status_code == (404 if word == "remove-note" else 302)


def test_the_role_support_may_add_and_nobody_takes_back_a_note(user_with: Any, call: Call) -> None:
    client = Client()
    client.force_login(user_with("Support"))
    for word, (values, _) in _WORDS.items():
        sent = {"tag": str(CallTag.objects.get().pk)} if word == "untag" else values
        expected = 403 if word == "remove-note" else 302
        assert client.post(page(call, word), sent).status_code == expected, word
    assert (CallNote.objects.get().text, CallNote.objects.get().written_by) == ("Called back.", "person")
    assert not CallTag.objects.exists()
    assert FollowUp.objects.get().done_by == "person"
    assert (Contact.objects.get().number, Contact.objects.get().name) == (FROM, "Ada")
    told = set(AuditEvent.objects.filter(object_type__startswith="voice.").values_list("action", flat=True))
    assert {"call.note", "call.tag", "call.untag", "call.follow_up", "call.followed_up", "contact.add"} <= told


@pytest.mark.parametrize(
    ("word", "values", "said"),
    [
        ("note", {"text": "  \n "}, "the note is empty"),
        ("note", {"text": "x" * 4001}, "at most 4000 characters"),
        ("note", {"text": "a\0b"}, "NUL"),
        ("tag", {"name": "a/b"}, "A tag is a word"),
        ("tag", {"name": ""}, "A tag is a word"),
        ("tag", {"name": "x" * 41}, "A tag is a word"),
        ("tag", {"name": "13125550199"}, "no phone numbers in it"),
        ("tag", {"name": "312-555-0199"}, "no phone numbers in it"),
        ("tag", {"name": "call 312.555.0199"}, "no phone numbers in it"),
        ("follow-up", {"assignee": "nobody-here"}, "Nobody of that name"),
        ("name", {"name": " "}, "name: it is empty"),
        ("name", {"name": "x" * 101}, "at most 100 characters"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_stored(
    browser: Client, call: Call, word: str, values: dict[str, str], said: str
) -> None:
    assert said in browser.post(page(call, word), values, follow=True).content.decode()
    assert not any(model.objects.exists() for model in (CallNote, CallTag, FollowUp, Contact))


def test_a_tag_is_one_however_it_is_written_and_a_call_has_a_few(browser: Client, call: Call) -> None:
    for name in ("Lost Order", "#lost-order", "LOST-ORDER"):
        browser.post(page(call, "tag"), {"name": name})
    assert [tag.name for tag in CallTag.objects.all()] == ["lost-order"]
    for at in range(25):
        browser.post(page(call, "tag"), {"name": f"t{at}"})
    assert CallTag.objects.count() == 20


def test_a_note_s_numbers_are_masked_for_who_may_not_see_them(browser: Client, signed_in: Any, call: Call) -> None:
    browser.post(page(call, "note"), {"text": "Back on +1 312 555 0177, <b>soon</b>"})
    assert "+1 312 555 0177, &lt;b&gt;soon" in section(browser, call)
    masked = section(signed_in("voice.view_call", "voice.view_callnote"), call)
    assert "0177" in masked
    assert "555 0177" not in masked
    assert "soon" not in section(signed_in("voice.view_call", username="second"), call)


def test_a_note_of_another_account_s_call_is_not_deleted_from_here(
    browser: Client, call: Call, neighbour: TelnyxAccount
) -> None:
    other = make_call(neighbour, "other")
    browser.post(page(other, "note"), {"text": "theirs"})
    note = CallNote.objects.get()
    assert browser.post(page(call, "remove-note"), {"note": str(note.pk)}).status_code == 404
    assert browser.post(page(other, "remove-note"), {"note": str(note.pk)}).status_code == 302
    assert not CallNote.objects.exists()


def test_what_two_take_away_at_once_is_noted_once(call: Call) -> None:
    note = notes.write(call, "Called back.", PORTAL)
    contact = contacts.save(FROM, "Ada", None, PORTAL)
    for row in (note, CallNote.objects.get()):
        notes.remove(row, PORTAL)
    for one in (contact, Contact.objects.get(pk=contact.pk)):
        contacts.remove(one, PORTAL)
    noted = AuditEvent.objects.filter(action__in=("call.note_removed", "contact.delete"))
    told = {(str(call.pk), "call.note_removed"), (str(contact.pk), "contact.delete")}
    assert (set(noted.values_list("object_id", "action")), noted.count()) == (told, 2)


def test_a_note_that_is_refused_stands_in_the_form_once_more(
    browser: Client, account: TelnyxAccount, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_call(account, "other")
    monkeypatch.setattr("voice.notes.notes.MOST", 0)
    answer = browser.post(page(call, "note"), {"text": "\nCalled <back>.\n"}, follow=True)
    assert "A call has at most 0 notes." in answer.content.decode()
    assert 'What did the customer say, what was done?">\n\nCalled &lt;back&gt;.\n</textarea>' in answer.content.decode()
    assert "Called" not in section(browser, call)
    browser.post(page(call, "note"), {"text": "Called back."})
    assert "Called back" not in section(browser, other)
    assert "Called back" in section(browser, call)


def test_a_tag_that_somebody_takes_away_meanwhile_was_taken_away_by_nobody_else(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, first = tags.tag(call, "lost-order", PORTAL), QuerySet.first

    def meanwhile(rows: Any) -> Any:
        row = first(rows)
        rows.delete()
        return row

    monkeypatch.setattr(QuerySet, "first", meanwhile)
    tags.untag(call, found.pk, PORTAL)
    assert not AuditEvent.objects.filter(action="call.untag").exists()


def test_notes_of_every_leg_of_the_session_are_shown(browser: Client, account: TelnyxAccount, call: Call) -> None:
    other = make_call(account, "b")
    browser.post(page(other, "note"), {"text": "on the other leg"})
    assert "on the other leg" in section(browser, call)


def test_follow_ups_are_listed_until_they_are_done(browser: Client, user_with: Any, call: Call) -> None:
    ada = user_with("Support", username="ada")
    browser.post(page(call, "follow-up"), {"assignee": "ada"})
    hers = Client()
    hers.force_login(ada)
    listed = "/admin/voice/followup/?state=open&for=me"
    assert "ada" in hers.get(listed).content.decode()
    assert hers.get(f"/admin/voice/followup/{call.pk}/change/")["Location"] == page(call)
    hers.post(page(call, "followed-up"))
    assert not hers.get(listed).context["cl"].result_list
    assert "Followed up by ada" in section(browser, call)
    browser.post(page(call, "follow-up"), {"assignee": ""})
    assert FollowUp.objects.get().done_at is None


def test_what_somebody_else_has_been_asked_meanwhile_stays_with_them(
    browser: Client, user_with: Any, call: Call
) -> None:
    ada, bob = (user_with("Support", username=name) for name in ("ada", "bob"))
    hers = Client()
    hers.force_login(ada)
    notes.ask_for_follow_up(call, ada, PORTAL)
    for assignee in ("", f"pk:{bob.pk}"):
        answer = browser.post(page(call, "follow-up"), {"assignee": assignee}, follow=True)
        assert "Somebody else has been asked meanwhile: ada." in answer.content.decode()
        assert FollowUp.objects.get().assignee == ada
    browser.post(page(call, "follow-up"), {"assignee": f"pk:{ada.pk}"})
    assert FollowUp.objects.get().asked_by == "operator"
    hers.post(page(call, "follow-up"), {"assignee": f"pk:{bob.pk}"})  # what is hers she hands on
    assert FollowUp.objects.get().assignee == bob


def test_the_list_of_follow_ups_leads_to_calls_those_alone_who_may_see_them(
    browser: Client, signed_in: Any, call: Call
) -> None:
    browser.post(page(call, "follow-up"), {"assignee": ""})
    for rights in ((), ("voice.view_call",)):
        client = signed_in("voice.view_followup", *rights, username=f"person{len(rights)}")
        listed = client.get("/admin/voice/followup/")
        assert len(listed.context["cl"].result_list) == 1
        assert (f"/admin/voice/followup/{call.pk}/" in listed.content.decode()) == bool(rights)


def test_people_too_many_to_choose_from_are_told(
    browser: Client, user_with: Any, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.notes.notes.MOST_PEOPLE", 1)
    many = ("/admin/voice/call/many/", {"scope": "picked", "call": [str(call.pk)]})
    for is_cut in (False, True):
        for html in (section(browser, call), browser.post(*many).content.decode()):
            assert ("others: by REST" in html, "whoever comes first" in html) == (is_cut, True)
        if not is_cut:
            user_with(username="zoe")


def test_a_number_that_somebody_signs_in_with_is_masked_in_the_list_of_follow_ups(
    browser: Client, user_with: Any, call: Call
) -> None:
    user_with("Support", username="+13125550001")
    browser.post(page(call, "follow-up"), {"assignee": "+13125550001"})
    listed = "/admin/voice/followup/"
    assert "+13125550001" in browser.get(listed).content.decode()
    browser.force_login(user_with("Support"))
    html = browser.get(listed).content.decode()
    assert ("+1312•••0001" in html, "+13125550001" in html) == (True, False)


def test_a_number_that_somebody_signs_in_with_is_in_no_form_of_who_may_not_see_it(user_with: Any, call: Call) -> None:
    ada, support = user_with("Support", username="+13125550001"), user_with("Support")
    client = Client()
    client.force_login(support)
    html = section(client, call)
    assert (f'<option value="pk:{ada.pk}">+1312•••0001</option>' in html, "+13125550001" in html) == (True, False)
    client.post(page(call, "follow-up"), {"assignee": f"pk:{ada.pk}"})
    assert FollowUp.objects.get().assignee == ada
    client.post(page(call, "follow-up"), {"assignee": f"pk:{ada.pk + 1_000_000}"})
    assert FollowUp.objects.get().assignee == ada


def test_a_number_in_a_name_is_in_no_form_of_who_may_not_see_it(browser: Client, user_with: Any, call: Call) -> None:
    told = {"name": "Ada +13125550001", "name_folded": "ada +13125550001"}
    Contact.objects.create(number=call.from_number, **told)
    assert "+13125550001" in browser.get(page(call)).content.decode()
    browser.force_login(user_with("Support"))
    assert "+13125550001" not in browser.get(page(call)).content.decode()


# --- A page that was opened a while ago -------------------------------------------------------------------------------


def naming(html: str, call: Call) -> dict[str, str]:
    """What the browser sends of the form for the number's name, as it was drawn."""
    form = html.partition(f'action="{page(call, "name")}"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input[^>]* name="((?:initial-)?(?:name|company))"[^>]* value="([^"]*)"', form))


def named() -> tuple[str, str]:
    contact = Contact.objects.get()
    return contact.name, contact.company


def test_who_names_a_number_takes_away_nothing_that_somebody_else_has_told_meanwhile(
    browser: Client, call: Call
) -> None:
    fields = naming(section(browser, call), call)
    assert fields == dict.fromkeys(("initial-name", "initial-company", "name", "company"), "")
    contacts.save(FROM, "Ada", "Fitzroy Ltd", PORTAL)
    refused = browser.post(page(call, "name"), fields | {"name": "Ada F."}, follow=True).content.decode()
    assert "name: Somebody else has changed this meanwhile, to “Ada”. Save again to have yours." in refused
    assert named() == ("Ada", "Fitzroy Ltd")
    fields = naming(refused, call)
    assert fields == {
        "initial-name": "Ada",
        "initial-company": "Fitzroy Ltd",
        "name": "Ada F.",
        "company": "Fitzroy Ltd",
    }
    assert naming(section(browser, call), call)["name"] == "Ada"
    browser.post(page(call, "name"), fields)
    assert named() == ("Ada F.", "Fitzroy Ltd")


def test_what_was_left_alone_in_the_form_of_a_name_stays_as_somebody_else_has_made_it(
    browser: Client, call: Call
) -> None:
    contacts.save(FROM, "Ada", "Fitzroy Ltd", PORTAL)
    fields = naming(section(browser, call), call)
    contacts.save(FROM, "Ada Fitzroy", "", PORTAL)
    browser.post(page(call, "name"), fields | {"name": "Ada  Fitzroy"})  # both made the same of it
    assert named() == ("Ada Fitzroy", "")
    contacts.save(FROM, "Ada", "Fitzroy Ltd", PORTAL)
    browser.post(page(call, "name"), fields | {"company": ""})
    assert named() == ("Ada", "")
    contacts.remove(Contact.objects.get(), PORTAL)
    answer = browser.post(page(call, "name"), fields | {"company": "Cab Ltd"}, follow=True)
    assert "Somebody else has emptied this meanwhile." in answer.content.decode()
    assert not Contact.objects.exists()
