"""Makes the sample of a first start at the sandbox, so that there are calls to look at.

An application with a flow, and a TeXML application with a menu of two documents.
"""

import sqlite3
from argparse import ArgumentParser
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from applications.editing.service import create_application
from applications.kinds import kind_of
from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL
from portal.checks import OWN_CHECKS
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxError
from voice.documents import service
from voice.flows.service import save_flow
from voice.models import Flow, TexmlDocument

_MENU = {
    "payload": "Welcome. Press 1 to speak with someone.",
    "voice": "female",
    "language": "en-US",
    "maximum_digits": 1,
}
_RULES = [
    {"event_type": "call.initiated", "do": [{"action": "answer"}], "step": "answered"},
    {
        "event_type": "call.answered",
        "do": [
            {
                "action": "gather_using_speak",
                "parameters": _MENU | {"valid_digits": "0123456789", "timeout_millis": 5000},
            }
        ],
        "step": "menu",
    },
    {
        "event_type": "call.gather.ended",
        "when": [
            {"field": "call.step", "op": "eq", "value": "menu"},
            {"field": "event.payload.digits", "op": "eq", "value": "1"},
        ],
        "do": [{"action": "transfer", "parameters": {"to": "+13125550001"}}],
        "step": "transferred",
    },
    {
        "event_type": "call.gather.ended",
        "when": [{"field": "call.step", "op": "eq", "value": "menu"}],
        "do": [{"action": "hangup"}],
        "step": "goodbye",
    },
]
_MENU_DOCUMENT = """<Response>
  <Gather action="{url}" numDigits="1">
    <Say>Welcome. Press 1 to speak with someone.</Say>
  </Gather>
  <Say>Goodbye.</Say>
</Response>
"""
_PUT_THROUGH = """<Response>
  <Say>You pressed {{ Digits }}. One moment please.</Say>
  <Dial>+13125550001</Dial>
</Response>
"""


class Command(BaseCommand):
    """Does nothing when the sandbox account ever had an application, and nothing at any other account."""

    requires_system_checks = OWN_CHECKS
    help = "Create the sample applications, flow and documents at the sandbox, on its first start."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--with-sandbox", action="store_true", help="Run the sandbox meanwhile: none does yet.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = TelnyxAccount.objects.filter(name="sandbox").first()
        if account is None or account.is_live or CallControlApplication.objects.filter(account=account).exists():
            return
        try:
            with _sandbox() if options["with_sandbox"] else nullcontext():
                self._make_flow(account)
                self._make_documents(account)
        except (TelnyxError, OSError, OverflowError, sqlite3.Error, ValueError) as error:
            raise CommandError(f"The sandbox did not take the sample application: {error}") from None

    def _make_flow(self, account: TelnyxAccount) -> None:
        values = {"application_name": "Sample: press 1", "webhook_event_url": account.webhook_url}
        application, _ = create_application(kind_of(CallControlApplication()), account, values, PORTAL)
        flow = Flow(account=account, name="Sample: press 1", connection_id=application.telnyx_id)
        save_flow(flow, _RULES, PORTAL)

    def _make_documents(self, account: TelnyxAccount) -> None:
        """Make the documents first: whoever calls the application hears them."""
        put_through = _published(account, "Sample: put through", _PUT_THROUGH)
        menu = _published(account, "Sample: menu", _MENU_DOCUMENT.format(url=put_through.url))
        values = {
            "friendly_name": "Sample: menu in TeXML",
            "voice_url": menu.url,
            "voice_fallback_url": menu.fallback_url,
            "status_callback": account.texml_url,
        }
        create_application(kind_of(TexmlApplication()), account, values, PORTAL)


def _sandbox() -> AbstractContextManager[object]:
    return Sandbox(settings.VAR_DIR / "sandbox.sqlite3", settings.SANDBOX_PORT)


def _published(account: TelnyxAccount, name: str, draft: str) -> TexmlDocument:
    document = service.save_document(TexmlDocument(account=account, name=name, draft=draft), PORTAL)
    # on a first start the portal's own address is http, of which the linter warns
    service.publish(document, PORTAL, confirmed=True)
    return document
