"""Run once, as a program: makes the database that all others are copied from, and prints what is in it as JSON.

``python -m tests.faults.prepare LINES BASE_URL PUBLIC_KEY SANDBOX_KEY API_KEY``. Printed are the lines (account,
application, flow), a REST token, and the commands of ``manage.py start``.
"""

import json
import sys

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402

from applications.editing.service import create_application  # noqa: E402
from applications.kinds import kind_of  # noqa: E402
from applications.models import CallControlApplication  # noqa: E402
from portal.actors import PORTAL  # noqa: E402
from portal.management.commands import start  # noqa: E402
from portal.models import ApiToken, TelnyxAccount  # noqa: E402
from voice.flows.service import save_flow  # noqa: E402
from voice.models import Flow  # noqa: E402

NOWHERE = "http://127.0.0.1:9/"  # the sandbox's own webhooks end here: a test's client posts its own
_VOICE = {"voice": "female", "language": "en-US"}
RULES = [
    {"event_type": "call.initiated", "do": [{"action": "answer"}], "step": "answered"},
    {
        "event_type": "call.answered",
        "do": [{"action": "gather_using_speak", "parameters": {"payload": "Press 1.", **_VOICE}}],
        "step": "menu",
    },
    {
        "event_type": "call.gather.ended",
        "when": [{"field": "event.payload.digits", "op": "eq", "value": "1"}],
        "do": [{"action": "speak", "parameters": {"payload": "Thank you.", **_VOICE}}],
        "step": "thanked",
    },
]


def line(number: int, base_url: str, public_key: str, sandbox_key: str, api_key: str) -> dict[str, str]:
    """An account whose webhooks the suite's client signs (the sandbox may, too), its application and its flow."""
    account = TelnyxAccount(name=f"line-{number}", base_url=base_url, public_key=public_key)
    account.previous_public_key, account.api_key = sandbox_key, f"{api_key}-{number}"
    account.save()
    values = {"application_name": account.name, "webhook_event_url": NOWHERE}
    application, _ = create_application(kind_of(CallControlApplication()), account, values, PORTAL)
    save_flow(Flow(account=account, name=account.name, connection_id=application.telnyx_id), RULES, PORTAL)
    return {
        "name": account.name,
        "account": str(account.pk),
        "token": account.webhook_token,
        "connection_id": application.telnyx_id,
    }


def main(count: str, base_url: str, public_key: str, sandbox_key: str, api_key: str) -> None:
    call_command("migrate", verbosity=0)
    lines = [line(at, base_url, public_key, sandbox_key, api_key) for at in range(int(count))]
    _, token = ApiToken.make(User.objects.create_superuser("admin", password="not used"), "faults", [])
    # as with a broker, of which there is none yet; without the host's own worker, which a test hires: else the broker,
    # whose faults these are, would carry next to nothing
    web = next(process for process in start._processes(with_sandbox=False) if process.name == "web")
    others = [process for process in start._processes_of_many() if process.name != "worker"]
    children = {process.name: process.command for process in [web, *others]}
    json.dump({"lines": lines, "token": token, "children": children}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
