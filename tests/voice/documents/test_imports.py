"""TwiML that becomes a draft in the browser: of what was shown, and of nothing else."""

import re

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.rows import TexmlDocument

pytestmark = pytest.mark.django_db
IMPORT = "/admin/voice/texmldocument/import/"
CHANGED = "The TwiML was changed since you looked at it"


def test_twiml_that_was_changed_after_its_changes_were_told_is_told_again_before_a_draft_is_made(
    browser: Client, account: TelnyxAccount
) -> None:
    def shown(**typed: str) -> tuple[bool, bool, dict[str, str]]:
        """Whether the page says that it was changed and that something is left out, and what its button sends."""
        answer = browser.post(IMPORT, values | typed)
        page = answer.content.decode()
        button = re.search(r'name="make" value="(\w+)"', page)
        assert (answer.status_code, bool(button), TexmlDocument.objects.exists()) == (200, True, False)
        left_out = any(one.what == "left out" for one in answer.context["imported"].changes)
        return CHANGED in page, left_out, {"make": button[1] if button else ""}

    values = {"name": "Taken over", "account": str(account.pk), "twiml": "<Response><Hangup/></Response>"}
    *told, pressed = shown()
    assert told == [False, False]
    values["twiml"] = "<Response><Sms>Hi</Sms><Reject/></Response>"
    *told, pressed_again = shown(**pressed)
    assert told == [True, True]
    assert shown(make="")[0]  # as a page sends it that was drawn by an older version
    assert browser.post(IMPORT, values | pressed_again | {"name": "Renamed"}).status_code == 302
    assert [(one.name, "Reject" in one.draft) for one in TexmlDocument.objects.all()] == [("Renamed", True)]


def test_an_empty_first_line_that_a_browser_leaves_out_is_no_change(browser: Client, account: TelnyxAccount) -> None:
    values = {"name": "Taken over", "account": str(account.pk), "twiml": "\r\n<Response><Hangup/></Response>"}
    button = re.search(r'name="make" value="(\w+)"', browser.post(IMPORT, values).content.decode())
    assert button
    values["twiml"] = values["twiml"].lstrip()  # as a browser reads the text area that was drawn
    assert browser.post(IMPORT, values | {"make": button[1]}).status_code == 302
