"""A call to a TeXML application runs its documents, and its addresses hear what came of them."""

import random
from pathlib import Path
from typing import Any

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from portal.texml.interpreter import APOLOGY
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, at, forms, make_texml_application, ran, wait_form
from tests.support.texml_runs import any_document, response
from tests.support.webhook_receiver import Receiver

MENU = response('<Gather action="/sales" numDigits="1"><Say>Press 1 for sales.</Say></Gather><Say>Goodbye.</Say>')


def statuses(receiver: Receiver, sid: str) -> list[str]:
    return [form["CallStatus"] for form in at(receiver, "/status") if form["CallSid"] == sid]


def test_a_menu_of_two_documents_answers_and_ends_with_its_digits(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": MENU, "/sales": response("<Say>Sales here.</Say>")}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    (gathered,) = at(receiver, "/sales")
    assert (gathered["CallSid"], gathered["Digits"]) == (sid, "1")
    assert [hook.path for hook in receiver.hooks] == ["/status", "/voice", "/status", "/sales", "/status"]
    assert statuses(receiver, sid) == ["initiated", "in-progress", "completed"]
    assert ran(account, sid) == [
        f"Asks {receiver.origin}/voice",
        'Caller hears: "Press 1 for sales."',
        "Waits for keys: 1, for 5 s",
        f"Asks {receiver.origin}/sales with Digits=1",
        'Caller hears: "Sales here."',
        "The document is over: the call ends.",
    ]
    ended = wait_form(receiver, CallSid=sid, CallStatus="completed")
    assert (ended["HangupCause"], ended["HangupSource"]) == ("normal_clearing", "callee")


def test_who_presses_nothing_hears_the_next_verb(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": MENU}
    sid = account.ring("texml_menu", digits="")
    account.http.end(sid)
    assert ran(account, sid)[-2:] == ['Caller hears: "Goodbye."', "The document is over: the call ends."]


@pytest.mark.parametrize(("reason", "status"), [("", "failed"), (' reason="busy"', "busy")])
def test_a_call_is_rejected_before_it_is_answered(
    account: Account, receiver: Receiver, reason: str, status: str
) -> None:
    receiver.documents = {"/voice": response(f"<Reject{reason}/>")}
    sid = account.ring("answered")
    account.http.end(sid)
    assert statuses(receiver, sid) == ["initiated", status]


def test_a_rejection_that_is_not_first_only_hangs_up(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response("<Say>Hello</Say><Reject/>")}
    sid = account.ring("transferred")
    account.http.end(sid)
    assert statuses(receiver, sid) == ["initiated", "in-progress", "completed"]


@pytest.mark.parametrize("body", ["no xml", "<html/>", '{"a": 1}', "<Response>"])
def test_a_document_that_is_none_is_asked_for_at_the_fallback(
    sdk: telnyx.Telnyx, http: Http, receiver: Receiver, body: str
) -> None:
    account = Account(http, make_texml_application(sdk, receiver, voice_fallback_url=f"{receiver.origin}/other"))
    receiver.documents = {"/voice": body, "/other": response("<Say>Sorry.</Say>")}
    sid = account.ring("transferred")
    http.end(sid)
    assert len(at(receiver, "/voice")) == len(at(receiver, "/other")) == 1
    assert 'Caller hears: "Sorry."' in ran(account, sid)


@pytest.mark.parametrize("fault", ["drop", None])
def test_without_a_document_and_a_fallback_the_caller_hears_an_apology(
    account: Account, receiver: Receiver, fault: str | None
) -> None:
    if fault:
        account.http.fault(fault, path="texml.call.fetch")
    else:
        receiver.react = lambda hook: receiver.statuses.append(500 if hook.path == "/voice" else 200)
    sid = account.ring("transferred")
    account.http.end(sid)
    assert ran(account, sid)[-2:] == [f'Caller hears: "{APOLOGY}"', "The document is over: the call ends."]
    assert statuses(receiver, sid)[-1] == "completed"
    assert len(at(receiver, "/voice")) == (0 if fault else 1)


def test_a_scenario_stands_in_where_nobody_has_a_document(account: Account, receiver: Receiver) -> None:
    account.http.fault("drop", path="texml.call.fetch")
    sid = account.ring("texml_record")
    account.http.end(sid)
    assert forms(receiver, CallSid=sid, RecordingStatus="completed")
    assert ran(account, sid) == [f"Asks {receiver.origin}/voice"]


def test_an_action_that_fails_ends_the_call_after_an_apology(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": MENU, "/sales": "no xml"}
    sid = account.ring("texml_menu")
    account.http.end(sid)
    assert f'Caller hears: "{APOLOGY}"' in ran(account, sid)


def test_an_empty_answer_is_no_document_at_first_and_ends_the_call_later(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response("")}
    sid = account.ring("answered")
    assert account.http.end(sid)["hangup_source"] == "caller"
    receiver.documents = {"/voice": MENU, "/sales": response("")}
    sid = account.ring("texml_menu")
    assert account.http.end(sid)["hangup_source"] == "callee"


def test_instructions_may_come_with_the_dial(account: Account, receiver: Receiver) -> None:
    sid = account.dial(Texml=response(f"<Say>Hello</Say><Redirect>{receiver.origin}/next</Redirect>"))
    receiver.documents = {"/next": response("<Pause/>")}
    account.http.end(sid)
    (form,) = at(receiver, "/next")
    assert (form["CallSid"], form["Direction"], form["CallStatus"]) == (sid, "outbound", "in-progress")
    assert "Silence for 1 s" in ran(account, sid)


def test_an_update_replaces_the_document_under_way(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response('<Say loop="0">Wait</Say>'), "/new": response("<Say>New</Say>")}
    sid = account.dial()
    wait_form(receiver, CallSid=sid, ApiVersion="2010-04-01")
    account("POST", f"Calls/{sid}", {"Url": f"{receiver.origin}/new"})
    account.http.end(sid)
    assert 'Caller hears: "New"' in ran(account, sid)


def test_documents_that_lead_in_a_circle_end_the_call(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response("<Redirect>/voice</Redirect>")}
    sid = account.ring("transferred")
    account.http.end(sid)
    assert ran(account, sid)[-1] == "The call ends. (documents in a circle)"
    assert len(at(receiver, "/voice")) == 10


def test_what_telnyx_passes_over_is_in_the_ledger_and_ends_a_strict_call(account: Account, receiver: Receiver) -> None:
    receiver.documents = {"/voice": response("<say>x</say><Say>Hello</Say>")}
    sid = account.ring("transferred")
    account.http.end(sid)
    assert "Ignored: <say>, which nobody knows (did you mean <Say>?) (line 1)" in ran(account, sid)
    assert 'Caller hears: "Hello"' in ran(account, sid)
    assert account.http("POST", "/sandbox/documents", {"strict": True}) == (200, {"strict": True})
    sid = account.ring("transferred")
    account.http.end(sid)
    assert 'Caller hears: "Hello"' not in ran(account, sid)


def test_a_document_goes_on_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    receiver.documents = {"/voice": MENU, "/sales": response("<Say>Sales here.</Say>")}
    state = tmp_path / "state.sqlite3"
    # at the pace of a real call: the caller has not lost patience when the second one starts
    with Sandbox(state) as first, telnyx.Telnyx(api_key="KEY", base_url=first.base_url) as sdk:
        account = Account(Http(first.port), make_texml_application(sdk, receiver))
        account.http.fault("delay", path="texml.call.fetch", value=60)
        sid = account.ring("texml_menu")
        eventually(lambda: not account.http("GET", "/sandbox/faults")[1]["faults"], "the delay", first.exchange)
    with Sandbox(state, pace=0.02):
        wait_form(receiver, CallSid=sid, Digits="1")
        wait_form(receiver, CallSid=sid, CallStatus="completed")


def test_whatever_the_document_the_call_ends(
    account: Account, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = random.Random(7)
    for scenario in ("texml_menu", "texml_voicemail", "texml_conference", "texml_queue", "texml_dial", "answered"):
        receiver.documents = {path: any_document(chosen, receiver.origin) for path in ("/voice", "/a", "/b")}
        account.http.end(account.ring(scenario, says="hello"))
    assert "A timer of the sandbox failed" not in caplog.text


def test_every_answer_of_rest_still_fits_the_sdk(account: Account, sdk: telnyx.Telnyx, receiver: Receiver) -> None:
    verbs = '<Start><Recording/></Start><Dial><Conference record="record-from-start">r</Conference></Dial>'
    receiver.documents = {"/voice": response(verbs)}
    account.http.end(account.ring("texml_conference"))
    accounts: Any = sdk.texml.accounts
    (room,) = accounts.conferences.retrieve_conferences(account_sid=account.sid).conferences
    assert room.friendly_name == "r"
    assert len(accounts.retrieve_recordings_json(account_sid=account.sid).recordings) == 2
    assert len(accounts.calls.retrieve_calls(account_sid=account.sid).calls) == 1
    assert forms(receiver)
