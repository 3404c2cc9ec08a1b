"""The page that answers "why does nothing arrive?": requests through the door, then the page's words."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from nacl.signing import SigningKey

from applications.models import CallControlApplication, TexmlApplication
from portal.models import TelnyxAccount
from portal.sandbox import records
from portal.sandbox.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_event, run_owed
from tests.support.signing import key_pair, signed
from tests.support.webhooks import post_webhook
from voice.models import CallEvent, RejectionCount

pytestmark = pytest.mark.django_db

SEE = ("voice.view_rejectedrequest", "voice.view_callevent")


def words(client: Client, address: str = "") -> str:
    """The page's text, blanks evened out."""
    answer = client.get(address or reverse("admin:voice_inbox"))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def make_application(account: TelnyxAccount, telnyx_id: str = CONNECTION, **columns: Any) -> CallControlApplication:
    """One that points here, in the new format."""
    told = {"application_name": "router", "webhook_event_url": account.webhook_url, "webhook_api_version": "2"}
    return CallControlApplication.objects.create(account=account, telnyx_id=telnyx_id, **(told | columns))


def stored(account: TelnyxAccount, minutes: float, **columns: Any) -> CallEvent:
    """An event that came so long ago."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    told = {"status": "processed", "source": "webhook", "body": b"{}", "connection_id": CONNECTION}
    key = f"{minutes} {columns}"[:100]
    return CallEvent.objects.create(account=account, dedupe_key=key, received_at=at, **(told | columns))


# --- The sentence at the top -----------------------------------------------------------------------------------------


def test_it_says_that_webhooks_arrive_and_how_many(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    for event in (make_event(), make_event("call.answered", 1)):
        post_webhook(Client(), account, event)
    post_webhook(Client(), account, b"{")
    run_owed()
    stored(account, 90)
    stored(account, 25 * 60)
    text = words(browser)
    assert "Webhooks arrive: the last one came" in text
    assert "1 could not be used" in text
    assert "processed</span></a></td> <td>2</td> <td>3</td>" in text
    assert "quarantined</span></a></td> <td>1</td> <td>1</td>" in text


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, "no signature headers: is a proxy stripping them?"),
        ({"X-Telnyx-Signature": "x"}, "webhook API version 1. Set it to 2"),
        ({"Telnyx-Timestamp": "soon", "Telnyx-Signature-Ed25519": "x"}, "not a Unix time of ten digits"),
    ],
)
def test_it_says_why_all_is_refused(
    browser: Client, account: TelnyxAccount, headers: dict[str, str], said: str
) -> None:
    url = f"/webhooks/{account.webhook_token}/call-control/"
    Client().post(url, b"{}", content_type="application/json", headers=headers)
    text = words(browser)
    assert "Requests arrive but are refused:" in text
    assert said in text


def test_a_clock_that_is_off_is_told_with_its_minutes(browser: Client, account: TelnyxAccount) -> None:
    post_webhook(Client(), account, make_event(), now=time.time() - 420)
    text = words(browser)
    assert "Requests arrive but are refused: the clock differs by 7 min" in text
    assert "run NTP" in text


def test_a_key_that_stopped_fitting_is_told_although_webhooks_came_before(
    browser: Client, account: TelnyxAccount
) -> None:
    stored(account, 10)
    key, public = key_pair()
    make_account("neighbour", public_key=public)
    post_webhook(Client(), account, make_event(), key=key)
    text = words(browser, reverse("admin:voice_inbox_account", args=[account.pk]))
    assert "Requests arrive but are refused: the signature is from another key" in text
    assert "Nothing got in since" in text
    assert "signed with the current key of the account neighbour" in text


def test_a_strangers_nonsense_beside_good_webhooks_is_no_alarm(browser: Client, account: TelnyxAccount) -> None:
    stored(account, 10)
    Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="text/plain")
    text = words(browser)
    assert "Webhooks arrive: the last one came 10 min ago. In the last 24 hours 1 request was refused." in text


@pytest.mark.parametrize("arrived_before", [True, False])
def test_a_flood_of_nonsense_does_not_hide_the_key_that_does_not_fit(
    browser: Client, account: TelnyxAccount, arrived_before: bool
) -> None:
    if arrived_before:
        stored(account, 10)
    post_webhook(Client(), account, make_event(), key=SigningKey.generate())
    for _ in range(20):
        Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="text/plain")
    assert "Requests arrive but are refused: the signature is from another key" in words(browser)


def test_our_own_probe_counts_as_no_refusal(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    Client().post(
        f"/webhooks/{account.webhook_token}/call-control/",
        b"{}",
        content_type="application/json",
        headers={"X-Portal-Probe": "a-nonce-of-the-portal"},
    )
    text = words(browser)
    assert "Nothing has ever arrived: there was no call yet" in text
    assert "1 ×" in text


def test_each_cause_of_silence_has_its_sentence(browser: Client, account: TelnyxAccount) -> None:
    assert "the portal knows no application of this account" in words(browser)
    application = make_application(account, webhook_event_url="https://elsewhere.example/hook")
    text = words(browser)
    assert "no application is set up to be heard here" in text
    assert "Telnyx sends its webhooks elsewhere: to elsewhere.example" in text
    CallControlApplication.objects.filter(pk=application.pk).update(webhook_event_url=account.webhook_url)
    assert "there was no call yet, or Telnyx cannot reach the address" in words(browser)
    TelnyxAccount.objects.update(base_url="https://api.telnyx.com/v2")
    assert "Telnyx cannot reach this portal, 127.0.0.1 is the machine itself" in words(browser)
    TelnyxAccount.objects.update(public_key="")
    assert "Nothing can be verified: the account has no public key" in words(browser)


def test_what_only_the_backfill_brought_did_not_arrive(browser: Client, account: TelnyxAccount) -> None:
    make_application(account)
    stored(account, 5, source="backfill")
    text = words(browser)
    assert "Nothing has ever arrived" in text
    assert "never heard" in text


def test_events_that_nobody_processes_are_told(browser: Client, account: TelnyxAccount) -> None:
    stored(account, 5, status="received")
    assert "Webhooks arrive, but they wait: the oldest since 5 min" in words(browser)


def test_an_old_last_webhook_is_told_as_such(browser: Client, account: TelnyxAccount) -> None:
    stored(account, 3 * 24 * 60)
    assert "Webhooks arrived: the last one came 3 days ago" in words(browser)


def test_an_address_of_nobody_has_a_card_of_its_own(browser: Client, account: TelnyxAccount) -> None:
    assert "Addresses that nobody has" not in words(browser)
    Client().post("/webhooks/an-old-token/call-control/", b"{}", content_type="application/json")
    text = words(browser)
    assert "Addresses that nobody has" in text
    assert "an-old-token" not in text


def test_the_counters_are_told_not_the_ring(browser: Client, account: TelnyxAccount) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    RejectionCount.objects.create(account=account, hour=hour, code="other_key", count=9_990)
    RejectionCount.objects.create(account=account, hour=hour - timedelta(hours=3), code="other_key", count=10)
    RejectionCount.objects.create(account=account, hour=hour - timedelta(hours=30), code="other_key", count=500)
    assert "10,000 ×" in words(browser)


def test_without_an_account_the_page_says_so(browser: Client, db: None) -> None:
    assert "There is no Telnyx account yet" in words(browser)


# --- Applications ----------------------------------------------------------------------------------------------------


def test_each_application_says_when_it_was_heard_and_where_it_points(browser: Client, account: TelnyxAccount) -> None:
    other, twin = make_account("other", public_key=key_pair()[1]), make_account("twin")
    make_application(account, "1", application_name="fine")
    make_application(account, "2", application_name="to-another", webhook_event_url=other.webhook_url)
    make_application(account, "11", application_name="to-its-twin", webhook_event_url=twin.webhook_url)
    make_application(account, "3", application_name="no-slash", webhook_event_url=account.webhook_url[:-1])
    make_application(account, "4", application_name="old", webhook_api_version="1")
    make_application(account, "5", application_name="no-address", webhook_event_url="")
    make_application(account, "6", application_name="off", active=False)
    make_application(
        account,
        "7",
        application_name="other-host",
        webhook_event_url=account.webhook_url.replace("127.0.0.1", "portal.example"),
    )
    make_application(account, "8", application_name="gone", missing_since=datetime.now(UTC))
    for telnyx_id, name, columns in (
        ("9", "ivr", {"voice_url": "https://x.example/"}),
        ("10", "told", {"status_callback": account.texml_url, "status_callback_method": "post"}),
        ("12", "by-get", {"status_callback": account.texml_url, "status_callback_method": "GET"}),
        ("13", "fetching", {"voice_url": account.texml_url, "status_callback": account.texml_url}),
    ):
        TexmlApplication.objects.create(account=account, telnyx_id=telnyx_id, friendly_name=name, **columns)
    stored(account, 3, connection_id="1")
    text = words(browser, reverse("admin:voice_inbox_account", args=[account.pk]))
    for said in (
        "the address of the account other, whose key does not fit",
        "the address of the account twin, which has its events",
        "not quite the account&#x27;s: copy it anew",
        "Its webhook API version is not 2",
        "they go nowhere",
        "switched off at Telnyx",
        "to the host portal.example:8000; PORTAL_PUBLIC_URL names another",
        "it is heard only if its documents ask for that",
        "comes by GET, which is refused here",
        "its calls would end there",
        "1 in 24 hours",
    ):
        assert said in text, said
    assert ">gone<" not in text
    assert text.index(">no-slash<") < text.index(">told<") < text.index(">fine<")
    assert text.count("portal-badge portal-warn portal-mark") == 10


def test_a_url_of_another_host_is_told_without_its_path(browser: Client, account: TelnyxAccount) -> None:
    make_application(account, webhook_event_url="https://user:secret@elsewhere.example/hook/CANARY")
    text = words(browser)
    assert "elsewhere.example" in text
    assert "CANARY" not in text
    assert "secret" not in text


def test_the_page_asks_as_much_of_the_database_for_sixty_applications_as_for_one(
    browser: Client, account: TelnyxAccount
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            words(browser)
        return len(asked)

    make_application(account, "0")
    post_webhook(Client(), account, make_event())
    before = queries()
    for at in range(1, 60):
        make_application(account, str(at), application_name=f"application {at}")
        stored(account, at, connection_id=str(at))
    for at in range(5):
        make_application(make_account(f"account-{at}"), "x", application_name="of another")
    Client().post(f"/webhooks/{account.webhook_token}/call-control/", b"x", content_type="text/plain")
    assert queries() == before
    assert "All 60 applications" in words(browser)
    page = words(browser, f"{reverse('admin:voice_inbox_account', args=[account.pk])}?page=2")
    assert "51–60 of 60" in page


def test_telnyxs_own_list_is_asked_on_a_click_for_the_whole_account(
    browser: Client, sandbox_account: TelnyxAccount, sandbox: Sandbox
) -> None:
    at = datetime.now(UTC).timestamp()
    event = {"id": "e", "event_type": "call.answered", "payload": {"connection_id": "1"}}
    records.keep(sandbox.store, event, [records.attempt("https://portal.example/hook", 404, at, at)])
    address = f"{reverse('admin:voice_callevent_undelivered')}?account={sandbox_account.pk}"
    assert address in words(browser)
    assert "HTTP 404" in words(browser, address)


# --- Who may what ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["voice_inbox", "voice_inbox_verify", "voice_inbox_account", "voice_inbox_probe"])
def test_each_page_takes_both_permissions(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User], page: str
) -> None:
    arguments = [account.pk] if page.endswith(("account", "probe")) else []
    address = reverse(f"admin:{page}", args=arguments)
    for at, permission in enumerate(SEE):
        client.force_login(user_with(permission, username=f"half-{at}"))
        assert client.get(address).status_code == 403
        assert client.post(address).status_code == 403
    client.force_login(user_with(*SEE, username="whole"))
    assert client.get(address).status_code == (403 if page.endswith("probe") else 200)


def test_the_address_is_for_those_who_may_see_the_account(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User]
) -> None:
    make_application(account, application_name="its name")
    client.force_login(user_with(*SEE))
    text = words(client)
    assert account.webhook_token not in text
    assert "its name" not in text
    seeing = user_with(*SEE, "portal.view_telnyxaccount", "applications.view_callcontrolapplication", username="more")
    client.force_login(seeing)
    text = words(client)
    assert f'data-copy="{account.webhook_url}"' in text
    assert "its name" in text


def test_the_sidebar_shows_the_inbox_to_those_who_may(
    client: Client, account: TelnyxAccount, user_with: Callable[..., User]
) -> None:
    client.force_login(user_with(*SEE))
    assert reverse("admin:voice_inbox") in words(client, "/admin/")
    client.force_login(user_with(SEE[0], username="half"))
    assert reverse("admin:voice_inbox") not in words(client, "/admin/")


def test_the_probe_tells_what_answers_and_takes_the_right_to_change(
    client: Client,
    account: TelnyxAccount,
    user_with: Callable[..., User],
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    settings.PORTAL_PUBLIC_URL = "http://127.0.0.1:9"
    address = reverse("admin:voice_inbox_probe", args=[account.pk])
    client.force_login(user_with(*SEE))
    assert client.post(address).status_code == 403
    client.force_login(user_with(*SEE, "applications.change_callcontrolapplication", username="more"))
    assert "No connection could be made" in client.post(address).content.decode()


# --- Verify a request ------------------------------------------------------------------------------------------------


def verify(client: Client, headers: Any, body: str, account: TelnyxAccount | None = None, moment: str = "now") -> str:
    told = {"headers": headers if isinstance(headers, str) else as_lines(headers), "body": body, "moment": moment}
    answer = client.post(reverse("admin:voice_inbox_verify"), told | {"account": account.pk if account else ""})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def as_lines(headers: dict[str, str]) -> str:
    return "\r\n".join(f"{name}: {value}" for name, value in headers.items())


def make_signed(key: SigningKey | None = None, age: float = 0, **how: Any) -> tuple[dict[str, str], str]:
    """Headers and body of a request as Telnyx would send it."""
    body = json.dumps(make_event(), **how)
    given = {"key": key} if key else {}
    return signed(body.encode(), now=time.time() - age, **given), body


def test_a_right_one_would_be_let_in_whichever_way_its_headers_are_pasted(
    browser: Client, account: TelnyxAccount
) -> None:
    headers, body = make_signed()
    timestamp, signature = headers["Telnyx-Timestamp"], headers["Telnyx-Signature-Ed25519"]
    for pasted in (
        as_lines(headers),
        f"POST /hook HTTP/1.1\nHost: x\ntelnyx-timestamp: {timestamp}\nTELNYX-SIGNATURE-ED25519:{signature}",
        f"> telnyx-timestamp: {timestamp}\n> telnyx-signature-ed25519: {signature}",
        json.dumps(headers, indent=2),
        json.dumps({name: [value] for name, value in headers.items()}),
        json.dumps([[name, value] for name, value in headers.items()]),
        f"curl -X POST -H 'telnyx-timestamp: {timestamp}' \\\r\n  --header \"telnyx-signature-ed25519: {signature}\" x",
    ):
        text = verify(browser, pasted, body, account)
        assert "It is Telnyx's, for the account main: the door would let it in." in text, pasted
        assert "Signed with the current key of the account main." in text
        assert "call.initiated, id" in text


def test_it_says_whether_it_is_already_stored_and_stores_nothing_itself(
    browser: Client, account: TelnyxAccount
) -> None:
    headers, body = make_signed()
    assert "No event of this portal has this id" in verify(browser, headers, body)
    assert not CallEvent.objects.exists()
    post_webhook(Client(), account, body.encode())
    event = CallEvent.objects.get()
    text = verify(browser, headers, body)
    assert "It came at" in text
    assert reverse("admin:voice_callevent_change", args=[event.pk]) in text


def test_one_of_another_accounts_key_names_that_account(browser: Client, account: TelnyxAccount) -> None:
    key, public = key_pair()
    make_account("neighbour", public_key=public)
    headers, body = make_signed(key)
    text = verify(browser, headers, body, account)
    assert "It would be refused. It is signed with the current key of the account neighbour, not main" in text
    assert "pasted into the wrong account" in text
    assert "It is Telnyx's, for the account neighbour" in verify(browser, headers, body)


def test_two_accounts_of_one_key_are_not_taken_for_each_other(browser: Client, account: TelnyxAccount) -> None:
    make_account("a-twin")
    text = verify(browser, *make_signed(), account)
    assert "for the account main: the door would let it in" in text


def test_the_previous_key_is_told_as_such(browser: Client, account: TelnyxAccount) -> None:
    TelnyxAccount.objects.update(previous_public_key=account.public_key, public_key=key_pair()[1])
    assert "Signed with the previous key of the account main." in verify(browser, *make_signed(), account)


def test_a_stale_one_is_refused_now_and_right_as_of_its_own_time(browser: Client, account: TelnyxAccount) -> None:
    headers, body = make_signed(age=3 * 86400)
    text = verify(browser, headers, body, account)
    assert "It would be refused. Sent at" in text
    assert "the clock differs by 3 days" in text
    assert "Signed with the current key of the account main." in text
    assert "the door would let it in" in verify(browser, headers, body, account, moment="own")


def test_a_changed_body_is_refused_with_what_may_have_changed_it(browser: Client, account: TelnyxAccount) -> None:
    headers, body = make_signed()
    changed = body.replace("incoming", "outgoing!")
    text = verify(browser, headers | {"Content-Length": str(len(body)), "Content-Encoding": "gzip"}, changed, account)
    assert "No key of this portal made the signature" in text
    assert f"Content-Length says {len(body)} bytes, and here are {len(changed)}" in text
    assert "Content-Encoding" in text


@pytest.mark.parametrize("lost", ["\n", "\r\n", ""])
def test_line_ends_that_a_browser_changed_are_changed_back(browser: Client, account: TelnyxAccount, lost: str) -> None:
    body = json.dumps(make_event(), indent=2) + lost
    headers = signed(body.encode())
    pasted = body.removesuffix(lost).replace("\n", "\r\n")
    text = verify(browser, headers, pasted, account)
    assert "the door would let it in" in text
    assert "with the line endings changed back" in text


def test_a_body_that_was_rewritten_as_other_json_is_refused_and_told(browser: Client, account: TelnyxAccount) -> None:
    event = make_event()
    headers = signed(json.dumps(event, separators=(",", ":")).encode())
    text = verify(browser, headers, json.dumps(event, indent=4), account)
    assert "It would be refused." in text
    assert "rewritten as other JSON of the same meaning" in text


def test_a_texml_callback_is_read_as_one(browser: Client, account: TelnyxAccount) -> None:
    body = "CallSid=v3%3Aa-leg&CallStatus=completed&CallbackSource=call-progress-events&From=%2B13125550101"
    text = verify(browser, signed(body.encode()), body, account)
    assert "the door would let it in" in text
    assert "texml.call.completed" in text
    assert "5550101" not in text.partition("<form")[0]


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ("nothing of use", "", "0 headers could be read: no signature headers"),
        ("{not json", "{}", "no signature headers"),
        ("-H 'never closed: x", "{}", "no signature headers"),
        ("HTTP_TELNYX_TIMESTAMP: 1\nHTTP_TELNYX_SIGNATURE_ED25519: x", "{}", "written with underscores"),
        ("Telnyx-Timestamp: soon\nTelnyx-Signature-Ed25519: x", "{}", "not a Unix time of ten digits"),
        ("Telnyx-Timestamp: 1790000000\nTelnyx-Signature-Ed25519: §", "{}", "not base64"),
        ("Telnyx-Timestamp: 1790000000\nTelnyx-Signature-Ed25519: AAAA", "{}", "has 3 bytes, not 64"),
        ("Webhook-Signature: v1,x", "\ud800", "Standard Webhooks"),
        ("x: y", "[" * 50_000, "nested deeper"),
        ("x: y", '{"event_type": "call_answered", "payload": {}}', "webhook API version 1"),
    ],
)
def test_garbage_gets_a_verdict_in_words(
    browser: Client, account: TelnyxAccount, headers: str, body: str, said: str
) -> None:
    text = verify(browser, headers, body.encode("utf-8", "replace").decode(), account)
    assert "It would be refused" in text
    assert said in text


def test_the_form_says_what_is_missing_or_too_large(browser: Client, account: TelnyxAccount) -> None:
    assert "This field is required" in verify(browser, "", "{}")
    assert "larger than 1 MiB" in verify(browser, "x: y", "a" * (1024 * 1024 + 1))
    assert "Null characters are not allowed" in verify(browser, "x: y\x00", "{}")


def test_the_form_takes_a_csrf_token(operator: User, account: TelnyxAccount) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(operator)
    assert strict.post(reverse("admin:voice_inbox_verify"), {"headers": "x: y"}).status_code == 403
