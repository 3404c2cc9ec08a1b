"""Must hold: fetches of a hosted document at 50/s, with the database and without, against a bare view of Django."""

import statistics
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import connection

from benchmarks import stage
from portal.actors import PORTAL
from voice.documents import service, serving
from voice.models import TexmlDocument

ROUNDS, FETCHES, A_SECOND = 3, 250, 50
NOWHERE = "postgres://nobody@127.0.0.1:9/away"  # nothing listens there
MENU = (
    '<Response><Gather action="/next?from={{ From | url }}" numDigits="1"><Say>Hello {{ CallerId }}, press 1 for '
    "sales, 2 for support.</Say></Gather><Say>{{#if Digits == 1}}Sales{{#else}}Goodbye{{/if}}</Say><Hangup/></Response>"
)
FORM = {
    "AccountSid": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "CallSidLegacy": "v3:of-the-benchmark",
    "CallerId": "+13125550143",
    "CallingPartyType": "pstn",
    "ConnectionId": "1293384261075731499",
    "From": "+13125550143",
    "FromSipUri": "sip:+13125550143@sip.telnyx.com",
    "To": "+13125550100",
    "ToSipUri": "sip:+13125550100@sip.telnyx.com",
}


@dataclass(frozen=True)
class Round:
    """One side's: percentiles of the answers, and CPU of one fetch, all in ms."""

    p50: float
    p99: float
    cpu: float


def run() -> Iterator[str]:
    """Lines to print."""
    account = stage.make_account("bench-documents")
    document = service.save_document(TexmlDocument(account=account, name="Menu", draft=MENU), PORTAL)
    service.publish(document, PORTAL, confirmed=True)
    body = serving.answer_at(document.url, FORM) or ""
    bare_settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.bare_django", "BARE_DOCUMENT": body}
    dead_end = {"CELERY_BROKER_URL": ""}  # nobody reads what is woken here: the embedded queue costs little
    with (
        stage.web("benchmarks.bare_django", bare_settings) as bare,
        stage.web("portal.wsgi", dead_end) as ours,
        stage.web("portal.wsgi", dead_end | {"DATABASE_URL": NOWHERE}) as away,
    ):
        sides = (bare, ours, away)
        for side in sides:
            _round(*side, document)  # warm
        rounds = [[_round(*side, document) for side in sides] for _ in range(ROUNDS)]  # interleaved
    yield f"{connection.vendor}: {_compared(rounds, 1)} (goal p99 at most 100 ms)"
    yield f"the database away: {_compared(rounds, 2)} (goal p99 at most 100 ms)"


def _compared(rounds: list[list[Round]], at: int) -> str:
    told = []
    for name in ("p50", "p99", "cpu"):
        pairs = [(getattr(one[0], name), getattr(one[at], name)) for one in rounds]
        bare, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
        ratio = statistics.median(mine / max(floor, 1e-9) for floor, mine in pairs)
        told.append(f"{name.upper() if name == 'cpu' else name} {bare:.1f} → {ours:.1f} ms, ratio {ratio:.1f}")
    return "; ".join(told)


def _round(port: int, process: int, document: TexmlDocument) -> Round:
    requests = [_fetch(document) for _ in range(FETCHES)]
    spent = stage.cpu_seconds(process)
    answered = stage.fire(port, requests, every=1 / A_SECOND)
    cpu = (stage.cpu_seconds(process) - spent) * 1000 / FETCHES
    return Round(stage.at(answered, 0.5) * 1000, stage.at(answered, 0.99) * 1000, cpu)


def _fetch(document: TexmlDocument) -> bytes:
    """A signed fetch, of a call of its own."""
    body = urlencode(FORM | {"CallSid": f"v3:{uuid.uuid4().hex}"}).encode()
    path = document.url.partition("//")[2].partition("/")[2]
    return stage.request(f"/{path}", body, "application/x-www-form-urlencoded")
