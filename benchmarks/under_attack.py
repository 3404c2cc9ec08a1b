"""Must hold: the longest answer to a webhook beside 40 silent connections, half heads, wrong sign-ins and a regex."""

import http.client
import socket
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import quote, urlencode

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.utils import timezone

from benchmarks import stage
from portal.models import TelnyxAccount
from voice.models import Call

ROUNDS, SILENT, HALF, SIGN_INS, WEBHOOKS = 3, 40, 8, 16, 400
REGEX = "^v3:([A-Za-z0-9_-]|[A-Za-z0-9_-]){36}!"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={'a' * 32}"}


def run() -> Iterator[str]:
    """Lines to print."""
    account = stage.make_account("bench-attacked")
    user = get_user_model().objects.create_superuser("bench-attacked", password="a password of the benchmark")
    called = {"call_control_id": f"v3:{'a' * 40}", "call_leg_id": "bench-attacked", "started_at": timezone.now()}
    Call.objects.create(account=account, **called)
    # its own settings: those of the tests hash passwords in no time
    earnest = {"CELERY_BROKER_URL": "", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    with stage.web("portal.wsgi", earnest) as (port, _):
        _longest(port, account)  # warm
        session, rounds = _session_of(user), []
        for _ in range(ROUNDS):
            quiet = _longest(port, account)
            with _attack(port, session) as answered:
                rounds.append((quiet, _longest(port, account)))
    told = ", ".join(f"{quiet:.0f} → {attacked:.0f}" for quiet, attacked in rounds)
    middle = statistics.median(attacked for _, attacked in rounds)
    yield f"{connection.vendor}: {told} ms; in the middle {middle:.0f} ms (goal below 1000 ms)"
    yield f"the last sign-ins were answered {sorted(answered)}"


def _longest(port: int, account: TelnyxAccount) -> float:
    return max(stage.fire(port, [stage.webhook(stage.path_of(account)) for _ in range(WEBHOOKS)], 4)) * 1000


@contextmanager
def _attack(port: int, session: str) -> Iterator[list[int]]:
    answered: list[int] = []

    def sign_in() -> None:
        # a name of its own, or the limit would spare the portal the hash
        told = {"username": uuid.uuid4().hex, "password": "wrong", "csrfmiddlewaretoken": "a" * 32}
        answered.append(_ask(port, "POST", "/admin/login/", urlencode(told), _FORM))

    def look() -> None:
        _ask(port, "GET", f"/admin/voice/call/?call_control_id__regex={quote(REGEX)}", None, {"Cookie": session})

    with ExitStack() as stack:
        for at in range(SILENT + HALF):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            if at >= SILENT:
                line.sendall(b"POST /webhooks/ HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        threads = [threading.Thread(target=work, daemon=True) for work in (look, *[sign_in] * SIGN_INS)]
        for thread in threads:
            thread.start()
        yield answered
        deadline = time.monotonic() + 60
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))


def _ask(port: int, method: str, path: str, body: str | None, headers: dict[str, str]) -> int:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request(method, path, body, headers)
        return line.getresponse().status
    finally:
        line.close()


def _session_of(user: object) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)  # type: ignore[attr-defined]
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()  # type: ignore[attr-defined]
    session.create()
    return f"sessionid={session.session_key}"
