"""Names of numbers: found by their beginning, imported whole or not at all, masked where numbers are."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import FROM, make_call
from voice.models import Contact
from voice.notes import contacts

pytestmark = pytest.mark.django_db
LIST = "/admin/voice/contact/"
GOOD = "number,name,company\n+13125550001,Ada Fitzroy,Fitzroy Ltd\n+1 312-555-0002,Bob,\n"


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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name\nAda\n", "It lacks number."),
        ("", "empty"),
        ("number,name\n", "no line but the first"),
        (f"{GOOD}0312,Carl,\n", "Line 4: number: Add the country code."),
        (f"{GOOD}+13125550001,Again,\n", "Line 4: number: it is the same as in line 2."),
        (f"{GOOD}+13125550009,,\n", "Line 4: name: it is empty."),
        (f"{GOOD}+13125550009,{'x' * 101},\n", "Line 4: name: at most 100 characters."),
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


def test_an_import_takes_permissions(signed_in: Any) -> None:
    client = signed_in("voice.view_contact", "voice.add_contact")
    assert client.get(f"{LIST}import/").status_code == 403
    assert "Import CSV" not in client.get(LIST).content.decode()


@pytest.mark.alone("the same number calls another account, too")
def test_calls_are_found_by_the_beginning_of_a_name_or_a_company(account: TelnyxAccount) -> None:
    call = make_call(account)
    contacts.save(FROM, "Ada Fitzroy", "Ümlaut Ltd", PORTAL)
    for text in ("ada", "ADA FITZ", "ümlaut", "Ümlaut"):
        assert list(contacts.calls_of_contact(text)) == [call], text
    for text in ("fitzroy", "bob", "", "  ", "%"):
        assert not contacts.calls_of_contact(text), text


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
