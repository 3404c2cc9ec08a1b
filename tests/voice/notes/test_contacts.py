"""Names of numbers: found by their beginning, imported whole or not at all, masked where numbers are."""

import base64
import re
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from portal import csv_lines
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.call_pages import page
from tests.support.factories import FROM, make_call
from tests.support.open_pages import OpenPage
from tests.support.rest import api_for, problem, send
from tests.support.rows import Call
from voice.models import Contact
from voice.notes import contacts
from voice.notes.contact_admin import ContactAdmin, ContactForm
from voice.notes.contact_api import ContactViewSet

pytestmark = pytest.mark.django_db
LIST, REST = "/admin/voice/contact/", "/api/v1/contacts/"
GOOD = "number,name,company\n+13125550001,Ada Fitzroy,Fitzroy Ltd\n+1 312-555-0002,Bob,\n"
LONGER = "it has more cells than the first line"


def sent(client: Client, content: str | bytes) -> Any:
    raw = content if isinstance(content, bytes) else content.encode()
    return client.post(f"{LIST}import/", {"file": SimpleUploadedFile("names.csv", raw)}, follow=True)


def test_a_file_names_many_and_once_more_names_them_anew(browser: Client) -> None:
    assert "2 new, 0 named anew." in sent(browser, GOOD).content.decode()
    excel = "\ufeffNumber;Name\r\n+13125550002;Robert\r\n+4930901820;Front desk\r\n"
    assert "1 new, 1 named anew." in sent(browser, excel).content.decode()
    assert dict(Contact.objects.values_list("number", "name")) == {
        "+13125550001": "Ada Fitzroy",
        "+13125550002": "Robert",
        "+4930901820": "Front desk",
    }
    assert AuditEvent.objects.filter(action="contact.import").count() == 2


def test_a_number_of_a_file_that_the_portal_wrote_for_spreadsheets_is_read(browser: Client) -> None:
    told = csv_lines.line(["number", "name"]) + csv_lines.line(["+13125550001", "Ada"])
    assert "'+13125550001" in told
    assert "1 new, 0 named anew." in sent(browser, told).content.decode()
    assert Contact.objects.get().number == "+13125550001"


def test_a_line_that_ends_before_its_empty_cells_is_as_one_that_has_them(browser: Client) -> None:
    sent(browser, GOOD)
    sent(browser, "number,name,company\n+13125550001,Ada,New Ltd,, \n+13125550002,Bob\n")
    assert dict(Contact.objects.values_list("number", "company")) == {"+13125550001": "New Ltd", "+13125550002": ""}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name\nAda\n", "It lacks number."),
        ("", "empty"),
        ("number,name\n", "no line but the first"),
        ("number,name,Name\n+13125550009,Carl,Fitzroy\n", "names a column twice: name."),
        (f"{GOOD}+13125550009,Carl,Acme, Inc.\n", f"Line 4: {LONGER}: quote what has a comma in it."),
        ("number;name;\n+13125550009;Carl;Jr.\n", f"Line 2: {LONGER}: quote what has a semicolon in it."),
        (f"{GOOD}0312,Carl,\n", "Line 4: number: Add the country code."),
        (f"{GOOD}+13125550001,Again,\n", "Line 4: number: it is the same as in line 2."),
        (f"{GOOD}+13125550009,,\n", "Line 4: name: it is empty."),
        (f"{GOOD}+13125550009,{'x' * 101},\n", "Line 4: name: at most 100 characters."),
        (f"{GOOD}sip:{'x' * 128}@{'y' * 123},Carl,\n", "Line 4: number: at most 255 characters."),
        (f"{GOOD}anonymous,Carl,\n", "Line 4: number: nobody’s number cannot have a name."),
        (b"number,name\n+13125550001,\xff\xfe\n", "not in UTF-8"),
        (b"number,name\n+13125550001,a\x00b\n", "NUL"),
        (b"number,name\n" + b"x" * (2 * 1024 * 1024), "larger than 2 MB"),
        (
            "number,name\n" + "".join(f"+1312555{at:04},n\n" for at in range(10_000)) + "+13135550000,n\n",
            "more than 10,000",
        ),
    ],
)
def test_a_file_with_anything_wrong_is_told_by_line_and_not_taken(
    browser: Client, content: str | bytes, said: str
) -> None:
    assert said in sent(browser, content).content.decode()
    assert not Contact.objects.exists()


def test_a_page_that_was_open_takes_no_name_back(browser: Client) -> None:
    contact = contacts.save(FROM, "Ada", "Fitzroy Ltd", PORTAL)
    page = OpenPage(browser, f"{LIST}{contact.pk}/change/")
    contacts.save(FROM, "Ada Fitzroy", "Fitzroy Ltd", PORTAL)
    assert page.save(company="Fitzroy Inc").status_code == 302
    contact.refresh_from_db()
    assert (contact.name, contact.company) == ("Ada Fitzroy", "Fitzroy Inc")


def test_an_import_takes_permissions(signed_in: Any) -> None:
    client = signed_in("voice.view_contact", "voice.add_contact")
    assert client.get(f"{LIST}import/").status_code == 403
    assert "Import CSV" not in client.get(LIST).content.decode()


@pytest.mark.alone("the same number calls another account, too")
def test_calls_are_found_by_the_beginning_of_a_name_or_a_company(account: TelnyxAccount) -> None:
    call = make_call(account)
    contacts.save(FROM, "Ada Fitzroy", "Ümlaut Ltd", PORTAL)
    for text in ("ada", "ADA FITZ", "ümlaut", "Ümlaut"):
        assert list(contacts.calls_of_contact(text).calls) == [call], text
    for text in ("fitzroy", "bob", "", "  ", "%"):
        assert not contacts.calls_of_contact(text).calls, text


def test_numbers_are_masked_and_not_editable_for_who_may_not_see_them(browser: Client, signed_in: Any) -> None:
    contact = contacts.save("+13125550142", "Ada", "", PORTAL)
    masked = signed_in("voice.view_contact", "voice.add_contact", "voice.change_contact", "voice.delete_contact")
    for address in (LIST, f"{LIST}{contact.pk}/change/", f"{LIST}{contact.pk}/delete/", f"{LIST}{contact.pk}/history/"):
        text = masked.get(address).content.decode()
        assert "5550142" not in text.replace("-", ""), address
    assert masked.post(f"{LIST}{contact.pk}/change/", {"number": "+13125550143", "name": "x"}).status_code == 403
    assert masked.get(f"{LIST}?q=%2B13125550142").context["cl"].result_list == []
    assert len(browser.get(f"{LIST}?q=%2B13125550142").context["cl"].result_list) == 1
    assert len(masked.get(f"{LIST}?q=ad").context["cl"].result_list) == 1


@pytest.mark.alone("it walks all contacts there are")
def test_neither_order_nor_address_tells_a_name_that_may_hold_a_number(
    browser: Client, signed_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at, name in enumerate(("+13125550142", "Zoe", "Ada", "+13125550107")):
        contacts.save(f"+1312555020{at}", name, "", PORTAL)
    monkeypatch.setattr(ContactAdmin, "list_per_page", 1)
    masked = signed_in("voice.view_contact")

    def walked(client: Client, **asked: str) -> tuple[list[str], str]:
        """The names in the order of their pages, and what the addresses of these tell."""
        names, told, address = list[str](), "", f"{LIST}?{urlencode(asked)}"
        while address:
            listed = client.get(address).context["cl"]
            names += [row.name for row in listed.result_list]
            address = f"{LIST}{listed.next_url}" if listed.next_url else ""
            told += base64.b64decode(parse_qs(address.partition("?")[2])["p"][0]).decode() if address else ""
        return names, told

    newest = ["+13125550107", "Ada", "Zoe", "+13125550142"]
    for asked in ({}, {"o": "1"}, {"o": "-1"}):
        names, told = walked(masked, **asked)
        assert names == newest if not asked else sorted(names) == sorted(newest)
        assert not any(name.casefold() in told for name in newest)
    assert walked(browser)[0] == sorted(newest)
    place = walked(browser)[1].partition("]")[0] + "]"
    of_names = base64.urlsafe_b64encode(place.encode()).decode()
    assert "none of this list" in masked.get(f"{LIST}?p={of_names}").content.decode()


def test_the_form_takes_a_number_as_people_write_it_and_refuses_a_second_name(browser: Client) -> None:
    values = {"number": "+1 (312) 555-0142", "name": "Ada", "company": ""}
    assert browser.post(f"{LIST}add/", values).status_code == 302
    contact = Contact.objects.get()
    assert (contact.number, contact.changed_by, contact.name_folded) == ("+13125550142", "operator", "ada")
    assert "already exists" in browser.post(f"{LIST}add/", values).content.decode()
    assert "country code" in browser.post(f"{LIST}add/", values | {"number": "312"}).content.decode()
    assert set(AuditEvent.objects.filter(action__startswith="contact.").values_list("action", flat=True)) == {
        "contact.add"
    }


# --- two at once ------------------------------------------------------------------------------------------------------


def test_who_names_a_number_that_was_named_just_now_names_it_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    find, seen = contacts._of_number, list[str]()

    def too_early(number: str) -> Contact:
        """Look for it, and be told of none that comes the moment after."""
        seen.append(number)
        if len(seen) > 1:
            return find(number)
        found = find(number)
        Contact.objects.create(number=number, name="Bob")
        return found

    monkeypatch.setattr(contacts, "_of_number", too_early)
    assert contacts.save(FROM, " Ada  Fitzroy ", "", PORTAL).name == "Ada Fitzroy"
    assert [row.name for row in Contact.objects.all()] == ["Ada Fitzroy"]


def test_a_form_whose_number_is_named_while_it_is_stored_says_so(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looked = ContactForm.validate_unique, list[str]()

    def too_early(form: ContactForm) -> None:
        """Look whether the number has a name, the first time a moment before it gets one."""
        if looked:
            look(form)
        looked.append("once")

    Contact.objects.create(number=FROM, name="Bob")
    monkeypatch.setattr(ContactForm, "validate_unique", too_early)
    answer = browser.post(f"{LIST}add/", {"number": FROM, "name": "Ada", "company": ""})
    assert (len(looked), "already exists" in answer.content.decode()) == (2, True)
    assert [row.name for row in Contact.objects.all()] == ["Bob"]


def test_page_rest_and_file_fold_white_space_alike(browser: Client, api: APIClient) -> None:
    browser.post(f"{LIST}add/", {"number": "+13125550001", "name": " Ada   Fitzroy ", "company": "Fitzroy \t Ltd"})
    send(api, REST, {"number": "+13125550002", "name": " Ada   Fitzroy ", "company": "Fitzroy \t Ltd"})
    sent(browser, "number,name,company\n+13125550003, Ada   Fitzroy ,Fitzroy \t Ltd\n")
    assert set(Contact.objects.values_list("name", "company")) == {("Ada Fitzroy", "Fitzroy Ltd")}
    assert Contact.objects.count() == 3


# --- over REST --------------------------------------------------------------------------------------------------------


def test_a_contact_is_made_found_changed_and_forgotten(api: APIClient) -> None:
    made = send(api, REST, {"number": "+1 (312) 555-0142", "name": "Ada", "company": "Fitzroy Ltd"})
    told = {"number": "+13125550142", "name": "Ada", "company": "Fitzroy Ltd", "changed_by": "token: tests"}
    assert (made.status_code, made["Location"]) == (201, f"{REST}{made.json()['id']}/")
    assert made.json() | told == made.json() == api.get(made["Location"]).json()
    for asked in ({}, {"name": "ad"}, {"name": "FITZ"}, {"number": "+1 312 555 0142"}):
        assert [one["id"] for one in api.get(REST, asked).json()["results"]] == [made.json()["id"]], asked
    assert api.get(REST, {"name": "bob"}).json()["results"] == []
    changed = api.patch(made["Location"], {"company": ""}, format="json").json()
    assert (changed["name"], changed["company"]) == ("Ada", "")
    other = send(api, REST, {"number": "+13125550143", "name": "Bob"})
    for answer in (
        send(api, REST, {"number": "+13125550142", "name": "Eve"}),
        api.patch(other["Location"], {"number": "+13125550142"}, format="json"),
    ):
        assert "already exists" in problem(answer, 400)["errors"]["number"][0]
    assert api.delete(made["Location"]).status_code == 204
    problem(api.get(made["Location"]), 404)
    actions = AuditEvent.objects.filter(action__startswith="contact.").values_list("action", flat=True)
    assert sorted(actions) == ["contact.add", "contact.add", "contact.change", "contact.delete"]


def test_what_is_not_told_over_rest_stays_as_somebody_else_has_just_made_it(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact, find = contacts.save(FROM, "Ada", "Fitzroy Ltd", PORTAL), ContactViewSet.get_object

    def too_early(view: ContactViewSet) -> Any:
        """Read the contact a moment before somebody else writes it."""
        found = find(view)
        contacts.save(FROM, "Ada Fitzroy", "Fitzroy Ltd", PORTAL)
        return found

    monkeypatch.setattr(ContactViewSet, "get_object", too_early)
    changed = api.patch(f"{REST}{contact.pk}/", {"company": "Fitzroy Inc"}, format="json").json()
    assert (changed["name"], changed["company"]) == ("Ada Fitzroy", "Fitzroy Inc")
    assert Contact.objects.get().name == "Ada Fitzroy"


def test_what_is_no_contact_is_told_by_field(api: APIClient) -> None:
    said = problem(send(api, REST, {"number": "312", "name": " ", "company": "x" * 101}), 400)["errors"]
    assert set(said) == {"name"}  # an empty text is none of a name
    said = problem(send(api, REST, {"number": "312", "name": "Ada", "company": "x" * 101}), 400)["errors"]
    assert set(said) == {"number", "company"}
    assert "nobody’s number" in str(problem(send(api, REST, {"number": "anonymous", "name": "Ada"}), 400)["errors"])
    problem(api.get(REST, {"number": "12"}), 400)
    of_one = send(api, f"{REST}?account=main", {"number": "+13125550143", "name": "Ada"})
    assert set(problem(of_one, 400)["errors"]) == {"account"}  # it would be named for every account


def test_an_address_that_no_call_has_so_long_gets_no_name(browser: Client, api: APIClient) -> None:
    longest = f"sip:{'x' * 128}@{'y' * 122}"
    named = send(api, REST, {"number": longest, "name": "Ada"})
    assert named.status_code == 201
    too_long = {"number": f"{longest}y", "name": "Bob"}
    for answer in (send(api, REST, too_long), api.patch(named["Location"], too_long, format="json")):
        assert problem(answer, 400)["errors"] == {"number": ["at most 255 characters."]}
    wrong = send(api, f"{REST}import/", {"csv": f"number,name\n+13125550001,Eve\n{too_long['number']},Bob\n"})
    assert problem(wrong, 400)["errors"]["csv"] == ["Line 3: number: at most 255 characters."]
    assert "at most 255 characters" in browser.post(f"{LIST}add/", too_long).content.decode()
    assert list(Contact.objects.values_list("number", flat=True)) == [longest]


def test_a_file_is_imported_over_rest_whole_or_not_at_all(api: APIClient) -> None:
    assert send(api, f"{REST}import/", {"csv": GOOD}).json() == {"new": 2, "changed": 0}
    assert send(api, f"{REST}import/", {"csv": GOOD}).json() == {"new": 0, "changed": 2}
    wrong = problem(send(api, f"{REST}import/", {"csv": f"{GOOD}0312,Carl,\n+13125550009,,\n"}), 400)
    assert [line[:6] for line in wrong["errors"]["csv"]] == ["Line 4", "Line 5"]
    longer = problem(send(api, f"{REST}import/", {"csv": f"{GOOD}+13125550009,Carl,Acme, Inc.\n"}), 400)
    assert longer["errors"]["csv"] == [f"Line 4: {LONGER}: quote what has a comma in it."]
    problem(send(api, f"{REST}import/", {}), 400)


def test_who_sees_numbers_masked_imports_a_file_and_is_told_of_no_other_number(user_with: Any) -> None:
    contacts.save("+13125550001", "Front desk", "", PORTAL)
    contacts.save("+13125550188", "Bob", "", PORTAL)
    blind = api_for(user_with(*contacts.TO_NAME))
    told = send(blind, f"{REST}import/", {"csv": GOOD})
    assert (told.status_code, told.json()) == (200, {"new": 1, "changed": 1})
    wrong = problem(send(blind, f"{REST}import/", {"csv": f"{GOOD}+13125550188,,\n"}), 400)
    assert wrong["errors"]["csv"] == ["Line 4: name: it is empty."]
    assert set(Contact.objects.values_list("name", flat=True)) >= {"Ada Fitzroy", "Bob"}


def test_over_rest_each_takes_its_permission_and_names_are_written_by_who_sees_numbers(user_with: Any) -> None:
    contact = contacts.save("+13125550142", "Ada", "", PORTAL)
    masked = api_for(user_with("Support"))
    assert masked.get(f"{REST}{contact.pk}/").json()["number"] == "+1312•••0142"
    problem(send(masked, REST, {"number": "+13125550143", "name": "Bob"}), 403)
    problem(masked.patch(f"{REST}{contact.pk}/", {"name": "Bob"}, format="json"), 403)
    problem(masked.get(REST, {"number": "+13125550142"}), 403)
    adds = api_for(user_with("voice.view_contact", "voice.add_contact", "voice.view_full_number", username="adds"))
    problem(send(adds, f"{REST}import/", {"csv": GOOD}), 403)
    problem(adds.patch(f"{REST}{contact.pk}/", {"name": "Bob"}, format="json"), 403)
    problem(adds.delete(f"{REST}{contact.pk}/"), 403)
    assert Contact.objects.get().name == "Ada"


# --- A company that nobody took away ----------------------------------------------------------------------------------

COMPANY = "Fitzroy Ltd"
SUPPORT = ("Support",)


def field(client: Client, call: Call, name: str) -> str:
    """What the form on the call's page has in a field."""
    (found,) = re.findall(
        rf'<input[^>]* name="{name}" maxlength="100"[^>]* value="([^"]*)"', client.get(page(call)).content.decode()
    )
    return str(found)


def test_who_sees_numbers_masked_changes_the_name_and_keeps_the_company(signed_in: Any, account: TelnyxAccount) -> None:
    call = make_call(account)
    contacts.save(FROM, "Ada", COMPANY, PORTAL)
    support = signed_in(*SUPPORT)
    assert (field(support, call, "name"), field(support, call, "company")) == ("Ada", COMPANY)
    support.post(page(call, "name"), {"name": "Ada Fitzroy", "company": field(support, call, "company")})
    contact = Contact.objects.get()
    assert (contact.name, contact.company, contact.company_folded) == ("Ada Fitzroy", COMPANY, "fitzroy ltd")
    support.post(page(call, "name"), {"name": "Ada Fitzroy", "company": ""})  # it was shown, and is taken away
    assert Contact.objects.get().company == ""


def test_a_company_that_the_form_cannot_show_is_kept_when_it_is_left_empty(
    signed_in: Any, account: TelnyxAccount
) -> None:
    call, hidden = make_call(account), "Taxi +1 312 555 0177"
    contacts.save(FROM, "Ada", hidden, PORTAL)
    support = signed_in(*SUPPORT)
    assert field(support, call, "company") == ""
    support.post(page(call, "name"), {"name": "Ada Fitzroy", "company": " "})
    assert (Contact.objects.get().name, Contact.objects.get().company) == ("Ada Fitzroy", hidden)
    blind = signed_in("voice.view_call", *contacts.TO_NAME, username="blind")
    blind.post(page(call, "name"), {"name": "Bob", "company": ""})
    assert (Contact.objects.get().name, Contact.objects.get().company) == ("Bob", hidden)
    support.post(page(call, "name"), {"name": "Ada", "company": "Cab Ltd"})
    assert Contact.objects.get().company == "Cab Ltd"


def test_a_company_that_rest_is_not_told_is_kept(api: APIClient, account: TelnyxAccount) -> None:
    url = f"/api/v1/calls/{make_call(account).call_control_id}/contact/?account={account.name}"
    contacts.save(FROM, "Ada", COMPANY, PORTAL)
    assert api.put(url, {"name": "Ada Fitzroy"}, format="json").json()["company"] == COMPANY
    assert api.put(url, {"name": "Ada Fitzroy", "company": ""}, format="json").json()["company"] == ""


def test_a_file_without_the_column_keeps_companies(browser: Client) -> None:
    sent(browser, GOOD)
    sent(browser, "number,name\n+13125550001,Ada\n")
    assert Contact.objects.filter(number="+13125550001").values_list("name", "company").get() == ("Ada", COMPANY)
    sent(browser, "number,name,company\n+13125550001,Ada,\n")
    assert Contact.objects.filter(number="+13125550001").values_list("name", "company").get() == ("Ada", "")


def test_the_audit_trail_tells_what_it_was_before(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    contacts.save(FROM, "Ada", COMPANY, PORTAL)
    browser.post(page(call, "name"), {"name": "Ada 312 555 0177", "company": ""})
    event = AuditEvent.objects.get(action="contact.change")
    assert event.details["was"] == {"name": "Ada", "company": COMPANY}
    assert (event.details["now"]["company"], "555 0177" in str(event.details)) == ("", False)


def test_files_of_the_same_numbers_lock_them_in_the_same_order(browser: Client) -> None:
    """Two imports at once would wait for each other for good, were each in the order of its file."""
    with CaptureQueriesContext(connection) as captured:
        sent(browser, "number,name\n+13125550002,Bob\n+13125550001,Ada\n+13125550003,Eve\n")
    (stored,) = [one["sql"] for one in captured if "INSERT" in one["sql"] and "+13125550001" in one["sql"]]
    assert re.findall(r"\+1312555000\d", stored) == ["+13125550001", "+13125550002", "+13125550003"]
