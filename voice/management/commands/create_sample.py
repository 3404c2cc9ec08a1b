"""Makes the sample of a first start: an application and a flow at the sandbox, so that there is a call to look at."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from applications.editing.service import create_application
from applications.kinds import kind_of
from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError
from voice.flows.service import save_flow
from voice.models import Flow

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


class Command(BaseCommand):
    """Does nothing when the sandbox account ever had an application, and nothing at any other account."""

    help = "Create the sample application and flow at the sandbox, on its first start."

    def handle(self, *args: Any, **options: Any) -> None:
        account = TelnyxAccount.objects.filter(name="sandbox").first()
        if account is None or account.is_live or CallControlApplication.objects.filter(account=account).exists():
            return
        values = {"application_name": "Sample: press 1", "webhook_event_url": account.webhook_url}
        try:
            application, _ = create_application(kind_of(CallControlApplication()), account, values, PORTAL)
        except TelnyxError as error:
            raise CommandError(f"The sandbox did not take the sample application: {error}") from None
        flow = Flow(account=account, name="Sample: press 1", connection_id=application.telnyx_id)
        save_flow(flow, _RULES, PORTAL)
