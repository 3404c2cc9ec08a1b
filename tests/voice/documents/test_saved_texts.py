"""A document's page tells its editor which text this person saved last: only what was not saved is offered again."""

import zlib
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.models import TelnyxAccount
from tests.support.documents import MENU, make_document, publish_anew
from tests.support.rows import TexmlDocument
from voice.documents.admin import documents

pytestmark = pytest.mark.django_db
ADD = "/admin/voice/texmldocument/add/"
MINE = "<Response>\n<Say>\u00e9</Say>\n</Response>\n"
SUM = zlib.crc32(MINE.encode())  # of the line ends that the editor has


def page(document: TexmlDocument) -> str:
    return reverse("admin:voice_texmldocument_change", args=[document.pk])


def save(browser: Client, document: TexmlDocument) -> None:
    """Save MINE as a browser posts it, whose lines end with CRLF."""
    sent = {"name": document.name, "draft": MINE.replace("\n", "\r\n"), "variables": "{}", "apology": "Sorry."}
    answer = browser.post(page(document), sent | {"signature": "auto", "seen_digest": document.digest})
    assert answer.status_code == 302, answer.context["errors"]


def told(browser: Client, url: str) -> str:
    text = browser.get(url).content.decode()
    return text.partition('data-saved="')[2].partition('"')[0]


def test_what_was_saved_is_told_whatever_somebody_else_saved_since(
    browser: Client, account: TelnyxAccount, signed_in: Any
) -> None:
    document = make_document(account, "<Response>\r\n</Response>\r\n")
    save(browser, document)
    document.refresh_from_db()
    assert document.draft == MINE.replace("\n", "\r\n")
    publish_anew(document, MENU)
    assert told(browser, page(document)) == str(SUM)
    somebody = signed_in("voice.view_texmldocument", "voice.change_texmldocument")
    assert told(somebody, page(document)) == ""
    assert told(browser, page(make_document(account, name="Other"))) == told(browser, ADD) == ""


def test_what_was_refused_was_not_saved(browser: Client, account: TelnyxAccount) -> None:
    document = make_document(account)
    sent = {"name": document.name, "draft": MINE, "seen_digest": "0" * 64}
    assert browser.post(page(document), sent).status_code == 200
    assert told(browser, page(document)) == ""


def test_of_many_documents_those_that_were_saved_last_are_told(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MOST_SAVED", 2)
    rows = [make_document(account, name=name) for name in ("First", "Second", "Third")]
    for row in (*rows[:2], rows[0], rows[2]):
        row.refresh_from_db()
        save(browser, row)
    assert [told(browser, page(row)) for row in rows] == [str(SUM), "", str(SUM)]
