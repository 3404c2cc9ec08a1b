"""The portal asks its own public address whether it answers there."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.test import Client

from applications import probe
from portal.models import TelnyxAccount
from tests.support.application_pages import row_url
from tests.support.applications import CALL_CONTROL, TEXML

KINDS = [CALL_CONTROL, TEXML]


@pytest.mark.django_db(transaction=True)
def test_our_own_door_gives_the_nonce_back(live_server: Any, settings: Any, account: TelnyxAccount) -> None:
    settings.PORTAL_PUBLIC_URL = live_server.url
    assert probe.reachable(account) == probe.Finding(
        True, "This portal answers at its public address and refuses what is not signed, as it should."
    )
    TelnyxAccount.objects.update(public_key="")
    assert "has no public key" in probe.reachable(account).words
    account.webhook_token = "of nobody"
    assert "HTTP 404" in probe.reachable(account).words


class _Elsewhere(BaseHTTPRequestHandler):
    """Something that is not the portal: redirects, or repeats whatever it is sent."""

    protocol_version = "HTTP/1.1"
    asked: list[str] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        redirects = self.server.answer == "redirect"  # type: ignore[attr-defined]
        body = b"{}" if redirects else b'{"probe": "another"}'
        self.send_response(307 if redirects else 400)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def elsewhere() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Elsewhere)
    _Elsewhere.asked = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("answer", "words"), [("redirect", "redirect (HTTP 307)"), ("echo", "it is not this portal")])
def test_what_is_not_this_portal_is_found_out_and_no_redirect_followed(
    elsewhere: Any, settings: Any, account: TelnyxAccount, answer: str, words: str
) -> None:
    elsewhere.answer = answer
    settings.PORTAL_PUBLIC_URL = f"http://127.0.0.1:{elsewhere.server_address[1]}"
    finding = probe.reachable(account)
    assert not finding.ok
    assert words in finding.words
    assert _Elsewhere.asked == [f"/webhooks/{account.webhook_token}/call-control/"]


def test_silence_and_a_closed_port_are_told_in_words(
    settings: Any, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.PORTAL_PUBLIC_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "Nothing answered" in probe.reachable(account).words
    assert "No connection" in probe.reachable(account).words


def test_an_answer_that_drips_is_cut_off_as_well(
    settings: Any, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "SECONDS", 0.3)
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            for letter in itertools.cycle(b"x"):
                connection.sendall(bytes([letter]))
                if over.wait(0.05):
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.PORTAL_PUBLIC_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        dripping = threading.Thread(target=drip, args=[server])
        dripping.start()
        killer = threading.Timer(60, over.set)  # without a deadline it would never end
        killer.start()
        finding = probe.reachable(account)
        ended_by_itself = not over.is_set()
        over.set()
        killer.cancel()
        dripping.join()
    assert ended_by_itself
    assert "Nothing answered" in finding.words


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_the_button_asks_only_our_own_public_address(
    browser: Client, client: Client, user_with: Any, mirrored: Any, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    row = mirrored(kind, **{kind.model.url_field: "https://elsewhere.example/hook"})
    asked: list[str] = []
    monkeypatch.setattr(probe, "_ask", lambda url, nonce: asked.append(url) or (404, b""))
    assert "Webhook reachable?" in browser.get(row_url("change", row)).content.decode()
    page = browser.post(row_url("probe", row), {"url": "https://evil.example/"}, headers={"HX-Request": "true"})
    assert "does not prove that Telnyx reaches" in page.content.decode()
    plain = browser.post(row_url("probe", row), follow=True)
    assert "does not prove that Telnyx reaches" in str(next(iter(plain.context["messages"])))
    assert asked == [row.account.webhook_url] * 2
    assert browser.get(row_url("probe", row)).status_code == 403
    client.force_login(user_with(kind.permission("view")))
    assert client.post(row_url("probe", row)).status_code == 403
    assert "Webhook reachable?" not in client.get(row_url("change", row)).content.decode()
    assert len(asked) == 2
    client.force_login(user_with(kind.permission("change"), username="changer"))
    assert client.post(row_url("probe", row)).status_code == 302
    assert asked == [row.account.webhook_url] * 3
    shown = row.account.webhook_url.replace(row.account.webhook_token, "•••")  # to who may not see the accounts
    assert f'title="{shown}"' in client.get(row_url("change", row)).content.decode()
