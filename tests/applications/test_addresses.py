from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from applications.addresses import problem, unreachable
from applications.notices import warnings_for
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.applications import CALL_CONTROL, TEXML
from tests.support.sandbox_ledger import requests

KINDS = [CALL_CONTROL, TEXML]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a.example/", "http://"),
        ("a.example/x", "http://"),
        ("https:///x", "with a host"),
        ("https://a.example:99999/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://a.example/" + "x" * 2000, "2018 characters"),
        ("https://ada:secret@a.example/", "user name"),
        ("https://ada@a.example/", "user name"),
        ("https://a.example/a b", "no spaces"),
        ("https://a.example/\n", "no spaces"),
        ("javascript:alert(1)", "http://"),
    ],
)
def test_an_address_that_telnyx_cannot_take_is_told_why(url: str, words: str) -> None:
    assert words in problem(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000/x/", "https://a.example", "https://a.example/" + "x" * 1982])
def test_a_usable_address_passes(url: str) -> None:
    assert problem(url) == ""


_PRIVATE = (
    "localhost 127.0.0.1 [::1] 10.1.2.3 192.168.0.1 172.16.9.9 169.254.1.1 [fd00::1] "
    "pbx pbx.local a.internal 100.64.0.1 0.0.0.0"
)


@pytest.mark.parametrize("host", _PRIVATE.split())
def test_a_private_host_is_known_by_its_looks(host: str) -> None:
    assert unreachable(f"https://{host}/x")


@pytest.mark.parametrize("host", ["a.example", "8.8.8.8", "[2606:4700::1]", "1.2.3.4.example"])
def test_a_public_host_is_not(host: str) -> None:
    assert unreachable(f"https://{host}/x") == ""


@pytest.mark.usefixtures("only_account")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_every_address_is_judged_at_both_doors_before_telnyx_is_asked(
    browser: Client, api: APIClient, mirrored: Any, sandbox: Sandbox, kind: Any
) -> None:
    row = mirrored(kind)
    names = [name for name in kind.settable_flat() if name.endswith("_url") or name == "status_callback"]
    assert kind.model.url_field in names
    bad = dict.fromkeys(names, "https://ada:pw@a.example/")
    before = len(requests(sandbox))
    named = {kind.model.name_field: "x"}
    for answer in (
        api.patch(f"/api/v1/{kind.slug}/{row.telnyx_id}/", bad, format="json"),
        api.post(f"/api/v1/{kind.slug}/", bad | named, format="json"),
    ):
        assert (answer.status_code, set(answer.json()["errors"])) == (400, set(names))
    url = reverse(f"admin:applications_{row._meta.model_name}_change", args=[row.pk])
    drawn = {name: row.remote.get(name) or "" for name in named} | {"base_digest": row.remote_digest}
    errors = browser.post(url, drawn | bad).context["adminform"].form.errors
    assert set(names) <= set(errors)
    assert len(requests(sandbox)) == before


@pytest.mark.usefixtures("only_account")
def test_an_odd_address_that_telnyx_has_already_stays_untouched(
    api: APIClient, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    odd = mirrored().remote | {"webhook_event_failover_url": "sip:odd"}
    sandbox.store.save_application("call_control_applications", odd)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    body = {"webhook_event_failover_url": "sip:odd", "active": False}
    answer = api.patch(f"/api/v1/call-control-applications/{odd['id']}/", body, format="json")
    assert (answer.status_code, answer.json()["active"]) == (200, False)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_a_private_host_is_a_warning_at_live_accounts_only(mirrored: Any, kind: Any) -> None:
    row = mirrored(kind, **{kind.model.url_field: "https://10.0.0.1/x"})
    assert not any("private address" in said for said in warnings_for(row))
    row.account = TelnyxAccount(name="live", base_url="https://api.telnyx.com/v2")
    assert f"Telnyx cannot reach {kind.model.url_field}: 10.0.0.1 is a private address." in warnings_for(row)
