"""Deletion that tells what it leaves behind, and "Webhook reachable?"."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from applications import probe
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.factories import make_call, make_flow
from tests.support.sandbox_ledger import requests

KINDS = [CALL_CONTROL, TEXML]


def _url(name: str, row: Any) -> str:
    return reverse(f"admin:applications_{row._meta.model_name}_{name}", args=[row.pk])


# deletion


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_deletion_asks_for_the_name_then_is_done_at_telnyx_and_the_row_stays(
    browser: Client, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    row = mirrored(kind)
    page = browser.get(_url("delete", row)).content.decode()
    assert f"Delete router ({row.telnyx_id}) at Telnyx?" in page
    assert "Nothing that is known here." in page
    for typed in ({}, {"confirmed_name": ""}, {"confirmed_name": "Router"}):
        answer = browser.post(_url("delete", row), {"post": "yes", **typed})
        assert "This is not its name" in answer.context["error"]
    assert not requests(sandbox, "DELETE")
    assert browser.post(_url("delete", row), {"confirmed_name": " router "}).status_code == 302
    row.refresh_from_db()
    assert row.missing_since
    assert sandbox.store.applications(kind.resource) == []
    assert LogEntry.objects.get().is_deletion()


def test_a_failed_deletion_is_said(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.faults.add({"method": "DELETE", "path": "/call_control_applications", "fault": "status", "value": 422})
    answer = browser.post(_url("delete", row), {"confirmed_name": "router"})
    assert "router was not deleted." in answer.context["error"]
    row.refresh_from_db()
    assert row.missing_since is None
    assert not LogEntry.objects.exists()


def test_the_page_says_which_flow_and_live_calls_hang_on_it(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    make_flow(row.account, connection_id=row.telnyx_id, name="greeting")
    make_call(row.account, connection_id=row.telnyx_id)
    make_call(row.account, leg="b", connection_id=row.telnyx_id, state="ended")
    told = browser.get(_url("delete", row)).context["dependents"]
    assert any("“greeting”" in sentence for sentence in told)
    assert any(sentence.startswith("1 call is live") for sentence in told)


# webhook reachable?


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
    thread = threading.Thread(target=server.serve_forever)
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
        killer = threading.Timer(10, over.set)  # without a deadline it would never end
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
    assert "Webhook reachable?" in browser.get(_url("change", row)).content.decode()
    page = browser.post(_url("probe", row), {"url": "https://evil.example/"}, headers={"HX-Request": "true"})
    assert "does not prove that Telnyx reaches" in page.content.decode()
    plain = browser.post(_url("probe", row), follow=True)
    assert "does not prove that Telnyx reaches" in str(next(iter(plain.context["messages"])))
    assert asked == [row.account.webhook_url] * 2
    assert browser.get(_url("probe", row)).status_code == 403
    client.force_login(user_with(kind.permission("view")))
    assert client.post(_url("probe", row)).status_code == 403
    assert "Webhook reachable?" not in client.get(_url("change", row)).content.decode()
