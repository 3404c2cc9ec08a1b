"""What hangs on a call's page, in a real browser: recordings that play, quality, notes; for everybody, at any width."""

import re
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.browser.everybody import axe
from tests.browser.overflow import sticks_out
from tests.support.call_pages import page
from tests.support.factories import make_call, make_event, run_owed
from tests.support.recordings import recorded
from tests.support.rows import Call
from tests.support.webhooks import post_webhook
from voice.models import Contact, Recording

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
QUALITY = {
    "inbound": {"mos": "3.41", "jitter_max_variance": "31.2", "packet_count": "1840", "skip_packet_count": "55"},
    "outbound": {"packet_count": "1822", "skip_packet_count": "0"},
}
COST = {
    "status": "success",
    "total_cost": "0.0055",
    "billed_duration_secs": 60,
    "cost_parts": [
        {"call_part": "sip-trunking", "cost": "0.0035", "rate": "0.0035", "currency": "USD", "billed_duration_secs": 60}
    ],
}


def told(account: TelnyxAccount) -> Call:
    """A call with everything told of it."""
    saved = {
        "recording_id": "867ab9ea-049e-5ad8-a254-c2fc1dbbb3b2",
        "channels": "dual",
        "format": "wav",
        "recording_started_at": make_event("x", -27)["data"]["occurred_at"],
        "recording_ended_at": make_event("x", -1)["data"]["occurred_at"],
    }
    events = [
        make_event("call.initiated", -30, shaken_stir_attestation="B", shaken_stir_validated=True),
        make_event("call.answered", -28),
        make_event("call.transcription", -20, transcription_data={"transcript": "My order is lost", "is_final": True}),
        make_event("call.hangup", -1, call_quality_stats=QUALITY),
        make_event("call.recording.saved", 0, **saved),
        make_event("call.cost", 0, **COST),
    ]
    for event in events:
        assert post_webhook(Client(), account, event).status_code == 200
    run_owed()
    return Call.objects.get(call_control_id="v3:a-leg")


@pytest.mark.looks
def test_the_sections_are_for_everybody(opened: Any, account: TelnyxAccount, operator: Any) -> None:
    call = told(account)
    make_call(account, "before", call_session_id="another", state="ended", ended_at=call.started_at)
    recording = f"/admin/voice/recording/{Recording.objects.get().pk}"
    addresses = [page(call), page(call, "number"), *_lists(), f"{recording}/change/", f"{recording}/remove/"]
    found: dict[str, Any] = {}
    with opened() as window:
        axe.bring(window)
        window.enter(operator)
        for address in addresses:
            window.open(address)
            found[address] = axe.faults(window)
            found[address] += [wide] if (wide := sticks_out(window)) else []
        assert window.wrongs == []
    assert not any(found.values()), found


def _lists() -> list[str]:
    return [f"/admin/voice/{name}/" for name in ("recording", "followup", "contact", "contact/import")]


def test_what_support_adds_to_a_call_is_there_at_once(opened: Any, account: TelnyxAccount, user_with: Any) -> None:
    call = told(account)
    with opened() as window:
        window.enter(user_with("Support"))
        window.open(page(call))
        window.page.get_by_label("Tag", exact=True).fill("Lost Order")
        window.page.get_by_role("button", name="Add tag").click()
        expect(window.page.get_by_role("button", name="Take away the tag lost-order")).to_be_visible()
        window.page.get_by_label("Note", exact=True).fill("Call back on +1 312 555 0199")
        window.page.get_by_role("button", name="Write note").click()
        expect(window.page.locator("article")).to_contain_text("Call back on +1312•••0199")
        window.page.get_by_role("button", name="Follow up").click()
        expect(window.page.get_by_text("whoever comes first")).to_be_visible()
        window.page.get_by_text("Name this number").click()
        window.page.get_by_label("Name", exact=True).fill("Ada Fitzroy")
        window.page.get_by_role("button", name="Save").click()
        expect(window.page.get_by_role("heading", name="Ada Fitzroy")).to_be_visible()
        assert call.from_number not in window.page.content()
        assert window.wrongs == []
    assert Contact.objects.get().number == call.from_number


def test_a_recording_plays_and_its_loudness_is_drawn(
    opened: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, operator: Any
) -> None:
    call = recorded(sandbox, sandbox_account)
    recording = Recording.objects.get()
    with opened() as window:
        window.enter(operator)
        window.open(page(call))
        window.page.get_by_role("button", name=re.compile("^Play")).click()
        player = window.page.locator("audio")
        expect(player).to_be_visible()
        window.page.wait_for_function("document.querySelector('audio').duration > 0")
        expect(window.page.locator(".portal-peaks")).to_have_count(2)
        expect(window.page.get_by_role("button", name="+5 s")).to_be_visible()
        media = sandbox.base_url.removesuffix("/v2")
        assert [wrong for wrong in window.wrongs if media not in wrong] == []
    recording.refresh_from_db()
    assert len(recording.peaks) == 2
