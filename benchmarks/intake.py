"""P1, in one process: a webhook (verify, record, answer) against Ed25519 + JSON + one INSERT."""

import base64
import io
import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection
from nacl.signing import SigningKey, VerifyKey

from portal import signatures
from portal.models import TelnyxAccount
from tests.factories import make_event

ROUNDS, REQUESTS = 5, 300


def run() -> Iterator[str]:
    """Lines to print."""
    call_command("migrate", verbosity=0)
    key = SigningKey.generate()
    account = TelnyxAccount.objects.create(name="bench", public_key=base64.b64encode(bytes(key.verify_key)).decode())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_floor (id varchar(40) PRIMARY KEY, body text NOT NULL)")
    portal, floor = _portal(account, key), _floor(key)
    _rate(portal, key), _rate(floor, key)  # warm
    rounds = [(_rate(floor, key), _rate(portal, key)) for _ in range(ROUNDS)]  # interleaved
    ratios = [ours / bare for bare, ours in rounds]
    bare, ours = (statistics.median(values) for values in zip(*rounds, strict=True))
    ratio = statistics.median(ratios)
    yield f"{connection.vendor}: floor {bare:.0f}/s, portal {ours:.0f}/s, ratio {ratio:.2f} (goal 0.60 over HTTP)"


def _rate(take: Callable[[bytes, dict[str, str]], None], key: SigningKey) -> float:
    bodies = [json.dumps(make_event(leg=uuid.uuid4().hex)).encode() for _ in range(REQUESTS)]
    signed = [(body, signatures.sign(body, key, time.time())) for body in bodies]
    begin = time.perf_counter()
    for body, headers in signed:
        take(body, headers)
    return REQUESTS / (time.perf_counter() - begin)


def _portal(account: TelnyxAccount, key: SigningKey) -> Callable[[bytes, dict[str, str]], None]:
    application = get_wsgi_application()

    def take(body: bytes, headers: dict[str, str]) -> None:
        statuses: list[str] = []
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/webhooks/{account.webhook_token}/call-control/",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/json",
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        answer = application(environ, lambda status, *_: statuses.append(status))
        b"".join(answer)
        assert statuses == ["200 OK"], statuses

    return take


def _floor(key: SigningKey) -> Callable[[bytes, dict[str, str]], None]:
    verifier = VerifyKey(bytes(key.verify_key))

    def take(body: bytes, headers: dict[str, str]) -> None:
        timestamp, signature = headers[signatures.TIMESTAMP_HEADER], headers[signatures.SIGNATURE_HEADER]
        verifier.verify(timestamp.encode() + b"|" + body, base64.b64decode(signature))
        document = json.loads(body)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_floor VALUES (%s, %s)", [document["data"]["id"], body.decode()])

    return take
