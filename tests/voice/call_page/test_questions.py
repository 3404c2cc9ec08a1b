"""What support staff are asked, answered in a browser by the role Support: so many presses from the search box."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Locator, expect

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.browser.conftest import chromium, opened  # noqa: F401  fixtures
from tests.support.call_pages import LOG
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import make_call, make_event, run_owed
from tests.support.recordings import recorded
from tests.support.rows import Call, CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.explanations import judging

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST = 2
BROKEN = {"inbound": {"mos": "2.90", "packet_count": "1000", "skip_packet_count": "250"}}
# keeps what the button that copies says once it was pressed
_WATCH = """() => {
  const button = document.querySelector(".portal-copy[data-copy]");
  window.told = new Promise((done) => {
    new MutationObserver(() => done(button.textContent)).observe(button, { childList: true });
  });
}"""
_SEARCH, _ROWS = "#searchbar", ".log-row:not([hidden]) .log-time a"


class Staff:
    """Somebody of the role Support in front of the call log; counts what is pressed after the search."""

    def __init__(self, window: Any) -> None:
        self.window, self.page, self.presses = window, window.page, 0

    def search(self, text: str) -> None:
        self.window.open(LOG)
        self.page.fill(_SEARCH, text)
        self.page.press(_SEARCH, "Enter")
        self.page.wait_for_url("**q=**")
        self.presses = 0

    def press(self, what: Locator) -> None:
        what.click()
        self.presses += 1

    def open_first(self) -> None:
        self.press(self.page.locator(_ROWS).first)
        self.page.wait_for_url("**/change/**")

    def sees_mark(self, mark: str) -> None:
        """See it in the list, before anything is pressed."""
        assert self.presses == 0
        expect(self.page.locator(".log-row").first.get_by_role("img", name=mark)).to_be_visible()

    def reads(self, where: str, *words: str) -> None:
        for one in words:
            expect(self.page.locator(where)).to_contain_text(one)
        assert self.presses <= MOST


@pytest.fixture
def staff(opened: Callable[..., Any], user_with: Any) -> Iterator[Staff]:  # noqa: F811
    with opened(viewport={"width": 1440, "height": 900}, accept_downloads=True) as window:
        window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        window.enter(user_with("Support"))
        yield Staff(window)
        assert window.wrongs == []


def happened(account: TelnyxAccount, name: str) -> Call:
    first, *_ = store(account, BY_ID[name])
    judging.judge_due()
    return Call.objects.get(pk=first.pk)


def told(account: TelnyxAccount, leg: str = "a", quality: dict[str, Any] | None = None, **trust: Any) -> Call:
    """A call that the caller ended after half a minute, with what Telnyx measured and found of it."""
    session = {"call_session_id": f"session-{leg}"}
    heard = {"call_quality_stats": quality} if quality else {}
    events = [
        make_event("call.initiated", -60, leg, **session, **trust),
        make_event("call.answered", -57, leg, **session),
        make_event("call.hangup", -30, leg, **session, **heard),
    ]
    for event in events:
        assert post_webhook(Client(), account, event).status_code == 200
    run_owed()
    Call.objects.update(judge_at=ago(1))
    judging.judge_due()
    return Call.objects.get(call_control_id=f"v3:{leg}-leg")


def test_2_why_did_it_fail(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p26-in-answer-held-back")
    staff.search(call.from_number)
    staff.open_first()
    staff.reads("#call-verdict", "We could not answer", "our answer was held back", "Telnyx rejects the account's key")


def test_3_who_hung_up(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p04-in-menu-timeout-we-hung-up")
    staff.search(call.from_number)
    staff.open_first()
    staff.reads("#call-verdict", "rule 4 of flow Menu", "Us")


def test_4_was_it_a_machine(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p30-out-machine-we-hung-up")
    staff.search(call.to_number)
    staff.open_first()
    staff.reads("#call-facts", "A machine")


def test_5_is_there_a_recording(staff: Staff, sandbox: Sandbox, sandbox_account: TelnyxAccount, user_with: Any) -> None:
    call = recorded(sandbox, sandbox_account)
    Call.objects.filter(pk=call.pk).update(has_recording=True)
    listener = user_with("Support", "voice.listen_recording", username="listener")
    staff.search(call.from_number)
    staff.sees_mark("Recorded")
    staff.open_first()
    staff.reads("#recordings", "two channels", "To hear them takes the permission")
    staff.window.enter(listener)
    staff.search(call.from_number)
    staff.open_first()
    staff.press(staff.page.get_by_role("button", name="Play the recording"))
    expect(staff.page.locator("audio")).to_be_visible()
    assert staff.presses <= MOST
    media = sandbox.base_url.removesuffix("/v2")  # where the file lies
    staff.window.wrongs[:] = [wrong for wrong in staff.window.wrongs if media not in wrong]


def test_5_why_is_there_no_recording(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p03-in-caller-hung-up")
    staff.search(call.from_number)
    staff.open_first()
    staff.reads("#recordings", "No command of this portal asked for one.")


def test_6_why_did_our_system_hear_nothing(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p03-in-caller-hung-up")
    late = CallEvent.objects.filter(call=call, event_type="call.answered")
    late.update(received_at=late.get().received_at + timedelta(seconds=40), attempt=3)
    staff.search(call.from_number)
    staff.open_first()
    staff.press(staff.page.get_by_text("Delivery"))
    staff.reads("#call-delivery", "slowest after 40.0 s", "1 late or sent again")
    expect(staff.page.get_by_role("region", name="Webhooks").get_by_role("link", name="Answered")).to_be_visible()


def test_7_completed_and_yet_broken(staff: Staff, account: TelnyxAccount) -> None:
    call = told(account, quality=BROKEN)
    staff.search(call.from_number)
    staff.sees_mark("Poor sound")
    expect(staff.page.locator(".log-row").first).to_contain_text("The caller hung up")
    staff.open_first()
    staff.reads("#call-verdict", "Bad sound (MOS 2.90)")
    staff.press(staff.page.locator("#call-facts").get_by_role("link", name="25 % lost"))
    staff.reads("#quality", "2.90", "towards us 25.0 %")
    expect(staff.page.locator("#quality-title")).to_be_in_viewport()


def test_8_what_was_pressed_or_said(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p04-in-menu-timeout-we-hung-up")
    staff.search(call.from_number)
    staff.open_first()
    staff.reads("#call-said", "Press 1", "answered nothing", "no answer in time")


def test_9_what_did_it_cost(staff: Staff, account: TelnyxAccount) -> None:
    told = {"ending": "hung_up", "ending_category": "completed", "cost": "0.0125", "from_number": "+13125550177"}
    call = make_call(account, state="ended", **told)
    Call.objects.filter(pk=call.pk).update(ended_at=call.started_at + timedelta(seconds=60))
    staff.search(call.from_number)
    staff.open_first()
    staff.reads("#call-facts", "0.0125")


def test_10_is_it_spam_and_can_the_caller_be_trusted(staff: Staff, account: TelnyxAccount) -> None:
    for leg in ("before", "last"):
        call = told(account, leg, call_screening_result="spam_likely", shaken_stir_attestation="C")
    staff.search(call.from_number)
    staff.sees_mark("Marked likely spam")
    staff.open_first()
    staff.reads("#call-facts", "C", "spam likely")
    staff.press(staff.page.get_by_role("link", name="All calls of this number"))
    staff.page.wait_for_url("**/number/")
    staff.reads("main", "in its last 2 calls to us", "C: 2", "spam likely: 2")


def test_11_who_was_put_through_to_whom(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p05-transferred-target-left-first")
    staff.search(call.from_number)
    staff.open_first()
    staff.reads("#call-picture desc", "Leg B, put through +1312•••0001")
    staff.reads("#call-verdict", "The party put through to (+1312•••0001) hung up")


def test_12_is_it_only_this_caller(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p07-out-busy")
    for place in range(2):
        alike = {
            name: getattr(call, name) for name in ("ending", "ending_category", "ended_by", "connection_id", "state")
        }
        make_call(account, str(place), started_at=call.started_at + timedelta(minutes=place), **alike)
    staff.search(call.to_number)
    staff.open_first()
    staff.press(staff.page.get_by_role("link", name="3 calls"))
    staff.page.wait_for_url("**/voice/call/?**")
    assert staff.presses <= MOST
    expect(staff.page.locator(_ROWS)).to_have_count(3)


def test_13_what_do_i_tell_them(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p26-in-answer-held-back")
    staff.search(call.from_number)
    staff.open_first()
    staff.page.evaluate(_WATCH)  # the word stands there for two seconds
    staff.press(staff.page.get_by_role("button", name="Copy summary"))
    assert staff.page.evaluate("told") == "Copied"
    told = staff.page.evaluate("navigator.clipboard.readText()")
    assert told.startswith("On 20 November 2026 at 14:03:07 UTC +1312•••0177 called +1312•••0100")
    assert staff.presses <= MOST


def test_13_what_do_i_tell_telnyx(staff: Staff, account: TelnyxAccount) -> None:
    call = happened(account, "p26-in-answer-held-back")
    staff.search(call.from_number)
    staff.open_first()
    with staff.page.expect_download() as download:
        staff.press(staff.page.get_by_role("link", name="Bundle for a ticket"))
    assert download.value.suggested_filename == f"call-{call.pk}.zip"
    assert staff.presses <= MOST
