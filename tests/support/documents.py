"""Hosted TeXML documents: made, published, and fetched as Telnyx does."""

from typing import Any
from urllib.parse import urlencode

from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.rows import TexmlDocument
from tests.support.signing import signed
from tests.support.texml import SID
from voice.documents import fetch_log, service

MENU = (
    '<Response><Gather action="/next" numDigits="1"><Say>Hello {{ From | spell }}, press 1.</Say></Gather>'
    "<Hangup/></Response>"
)
FETCH = {"CallSid": SID, "From": "+13125550143", "To": "+13125550100", "CallingPartyType": "pstn"}


class WriterAtOnce(fetch_log.Writer):
    """Writes the log in the request itself: another thread would not see a test's transaction, nor be seen by it."""

    def start(self) -> None:
        self.flush()


def make_document(account: TelnyxAccount, draft: str = MENU, *, name: str = "Menu", **fields: Any) -> TexmlDocument:
    return service.save_document(TexmlDocument(account=account, name=name, draft=draft, **fields), PORTAL)


def published(account: TelnyxAccount, draft: str = MENU, **fields: Any) -> TexmlDocument:
    """A document whose draft is published, whatever the linter warns of."""
    document = make_document(account, draft, **fields)
    service.publish(document, PORTAL, confirmed=True)
    return document


def publish_anew(document: TexmlDocument, draft: str) -> int:
    document.draft = draft
    service.save_document(document, PORTAL)
    return service.publish(document, PORTAL, confirmed=True).number


def fetch(client: Client, document: TexmlDocument, sign: bool = True, **fields: str) -> Any:
    """Ask for it as Telnyx does: by POST, signed."""
    body = urlencode(FETCH | fields).encode()
    headers = signed(body) if sign else {}
    url = document.url.partition("/texml/")[2]
    return client.post(f"/texml/{url}", body, content_type="application/x-www-form-urlencoded", headers=headers)
