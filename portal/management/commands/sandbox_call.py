"""Calls one of our applications in the running sandbox, as somebody outside would: ``manage.py sandbox_call``."""

import http.client
import json
import time
from argparse import ArgumentParser
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from portal.sandbox.calls.scenarios import SCENARIOS
from portal.sandbox.services import quality

WAIT_SECONDS = 60.0
QUIET_SECONDS = 2.0  # before progress is told
_TIMEOUT = 30.0  # the first call since the sandbox started waits until it has read the SDK


class Command(BaseCommand):
    """Plays a scenario, waits for the end of all its legs, prints the ``call_control_id`` as the last line."""

    help = "Let somebody call one of our applications in the running sandbox, and wait for the end of the call."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("scenario", nargs="?", help="what the caller does; --list names them")
        parser.add_argument("--connection-id", metavar="ID", help="the application called; needed if there are several")
        parser.add_argument("--from", dest="from_number", metavar="N", help="the caller's number")
        parser.add_argument("--to", dest="to_number", metavar="N", help="the number called")
        parser.add_argument("--dials", metavar="N", help="whom the document of texml_dial puts the caller through to")
        parser.add_argument("--digits", metavar="KEYS", help="what they press when a TeXML document asks: '1 42#'")
        parser.add_argument("--says", metavar="TEXT", help="what they say when a TeXML document listens")
        parser.add_argument("--stays", metavar="S", type=float, help="after how many seconds they hang up")
        parser.add_argument("--line", metavar="WORD", help=f"how it sounds: {', '.join(quality.LINES)}")
        parser.add_argument("--attestation", metavar="LEVEL", help="who vouches for the caller: A, B or C")
        parser.add_argument("--spam", action="store_const", const=True, help="the caller has a bad reputation")
        parser.add_argument("--list", action="store_true", help="name the scenarios")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            for name, scenario in SCENARIOS.items():
                self.stdout.write(f"{name:<17}{scenario.summary}")
            return
        if options["scenario"] not in SCENARIOS:
            asked = f"There is no scenario {options['scenario']!r}." if options["scenario"] else "Which scenario?"
            raise CommandError(f"{asked} There are: {', '.join(SCENARIOS)}.")
        call = _ask(_port(), "POST", "/sandbox/calls", _body(options))
        self._follow(call["call_control_id"])
        self.stdout.write(call["call_control_id"])

    def _follow(self, id: str) -> None:
        started, next_line = time.monotonic(), QUIET_SECONDS
        while (waited := time.monotonic() - started) < WAIT_SECONDS:
            call = _ask(_port(), "GET", f"/sandbox/calls/{quote(id)}")
            if call["session_ended"] and not call["owed"]:
                if call["telnyx_error"]:
                    self.stderr.write(f"Telnyx did not put it through: {call['telnyx_error']}.")
                return
            if waited >= next_line:
                next_line += 1.0
                self.stderr.write(f"{waited:3.0f} s  {_words(call)}")
            time.sleep(0.1)
        if not call["session_ended"]:
            raise CommandError(f"The call {id} has not ended within {WAIT_SECONDS:.0f} s.")
        self.stderr.write("The call has ended; some of its webhooks are still being delivered.")


def _body(options: dict[str, Any]) -> dict[str, Any]:
    names = {
        "scenario": "scenario",
        "connection_id": "connection_id",
        "from": "from_number",
        "to": "to_number",
        **{name: name for name in ("dials", "digits", "says", "stays", "line", "attestation", "spam")},
    }
    return {name: options[option] for name, option in names.items() if options[option] is not None}


def _words(call: dict[str, Any]) -> str:
    legs = [f"{leg['from']} to {leg['to']} {leg['state']}" for leg in call["legs"]]
    return "; ".join(legs)


def _port() -> int:
    try:
        return int(json.loads((settings.VAR_DIR / "sandbox.json").read_text())["port"])
    except (OSError, ValueError, KeyError):
        raise CommandError("No sandbox is running here. Start one: make run, or manage.py sandbox.") from None


def _ask(port: int, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request(method, path, json.dumps(body) if body else None)
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        raise CommandError(f"No sandbox answers on port {port}. Start one: make run, or manage.py sandbox.") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise CommandError(" ".join(error["detail"] for error in content["errors"]))
    return content
