"""TeXML calls whose end did not come: ended as Telnyx tells, or closed as lost, and never on half an answer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import FROM, TO, make_call, run_owed
from tests.support.polling import eventually
from tests.support.recoveries import listed, looked, recover
from tests.support.rows import Call, CallCommand, CallEvent, Recovery
from tests.support.sandbox_http import Http
from tests.support.telnyx_answers import telnyx_says
from tests.support.texml import form
from tests.support.times import ago
from tests.support.webhooks import post_texml
from voice.calls import status
from voice.explanations import judging
from voice.recovery import backfill, texml_calls
from voice.texml import calls

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]

SID = "v3:a-leg"
OLD = {"is_texml": True, "started_at": ago(3600), "answered_at": ago(3500), "call_session_id": "", "call_leg_id": ""}
GONE = ("404 Not Found", {"errors": [{"detail": "Resource not found"}]})


@pytest.fixture
def account(account: TelnyxAccount) -> TelnyxAccount:
    """Its account SID is known."""
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="org-1")
    account.account_sid = "org-1"
    return account


def resource(status: str = "completed", ended: float | None = 600, sid: str = SID, **more: Any) -> dict[str, Any]:
    """A call as TeXML's REST tells it, ended so many seconds ago."""
    told = {"sid": sid, "status": status, "direction": "inbound", "from": FROM, "to": TO}
    told |= {"start_time": format_datetime(ago(3600)), "end_time": format_datetime(ago(ended)) if ended else None}
    return {name: value for name, value in (told | more).items() if value is not None}


def page(*rows: dict[str, Any]) -> Callable[[str], Any]:
    """Telnyx's list: these rows on the day of today, none on another."""

    def said(path: str) -> Any:
        (day,) = parse_qs(urlsplit(path).query)["StartTime"]
        return {"calls": list(rows) if day == timezone.now().date().isoformat() else []}

    return said


def just_over(path: str) -> Any:
    return resource("completed", 60)


def just_over_in_a_list(path: str) -> Any:
    return page(just_over(path))(path)


def asked(account: TelnyxAccount, one: Any, listed: Any = None) -> Any:
    """One run: ``one`` is what Telnyx answers of a single call, ``listed`` of its list."""
    return looked(account, **{"/Calls/": one, "/Calls": page() if listed is None else listed})


@pytest.mark.parametrize("by", ["resource", "list"])
@pytest.mark.parametrize(
    ("status", "cause"), [("completed", ""), ("busy", "busy"), ("no-answer", "no-answer"), ("failed", "failed")]
)
def test_an_end_that_telnyx_tells_is_the_calls_end(account: TelnyxAccount, by: str, status: str, cause: str) -> None:
    make_call(account, **OLD)
    told = resource(status, price="0.0042")
    record = asked(account, told) if by == "resource" else asked(account, GONE, page(told))
    call = Call.objects.get()
    assert (call.state, call.hangup_cause, call.cost) == ("ended", cause, "0.0042")
    assert call.ended_at == parsedate_to_datetime(told["end_time"])
    assert (record.calls_ended, record.calls_lost, record.problem) == (1, 0, "")


def test_the_callback_that_comes_after_all_tells_better(account: TelnyxAccount, client: Client) -> None:
    make_call(account, **OLD)
    asked(account, resource())
    late = {"CallStatus": "completed", "CallbackSource": "call-progress-events", "HangupCause": "normal_clearing"}
    ended = ago(590)
    late |= {"EndTime": ended.isoformat(), "Timestamp": ended.isoformat(), "SequenceNumber": "3"}
    assert post_texml(client, account, form(CallSid=SID, **late)).status_code == 200
    run_owed()
    call = Call.objects.get()
    assert (call.state, call.hangup_cause, call.ended_at) == ("ended", "normal_clearing", ended)


@pytest.mark.parametrize(("seconds", "state"), [(400, "answered"), (700, "lost")])
def test_a_call_that_telnyx_does_not_know_is_lost_after_ten_minutes(
    account: TelnyxAccount, seconds: float, state: str
) -> None:
    heard(account, make_call(account, **OLD), seconds)
    record = asked(account, GONE)
    assert (Call.objects.get().state, record.calls_lost) == (state, int(state == "lost"))


def test_a_lost_call_ends_when_telnyx_tells_it_later(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    asked(account, GONE)
    assert Call.objects.get().state == "lost"
    make_call(account, "b", **OLD)  # there is an open one to ask for
    asked(account, resource("in-progress", None), page(resource("busy")))
    assert set(Call.objects.values_list("state", "hangup_cause")) == {("ended", "busy"), ("answered", "")}


@pytest.mark.parametrize("name", ["start_time", "date_created"])
def test_what_the_list_tells_of_a_call_is_kept(account: TelnyxAccount, name: str) -> None:
    point(account, account.texml_url)
    told: dict[str, Any] = {"start_time": None, "parent_call_sid": "v3:parent", "price": "0.0011"}
    told[name] = format_datetime(ago(3600))
    asked(account, GONE, page(resource("in-progress", None, **told)))
    call = Call.objects.get()
    assert (call.parent_control_id, call.cost, call.direction) == ("v3:parent", "0.0011", "incoming")
    assert (ago(3600) - call.started_at).total_seconds() == pytest.approx(0, abs=60)


def test_a_lost_call_ended_when_telnyx_says_so_and_not_when_it_was_last_heard_of(account: TelnyxAccount) -> None:
    """Of its recording a callback may tell long after the end."""
    heard(account, make_call(account, **OLD), 700)
    asked(account, GONE)
    lost = Call.objects.get()
    assert (lost.state, (ago(700) - lost.ended_at).total_seconds()) == ("lost", pytest.approx(0, abs=60))
    make_call(account, "b", **OLD)  # there is an open one to ask for
    told = resource("completed", 900)
    asked(account, resource("in-progress", None), page(told))
    call = Call.objects.get(call_control_id=SID)
    assert (call.state, call.ended_at) == ("ended", parsedate_to_datetime(told["end_time"]))


def test_what_the_list_says_lives_is_not_lost(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    assert asked(account, GONE, page(resource("in-progress", None))).calls_lost == 0


def test_what_the_list_of_the_day_before_says_lives_is_not_lost_either(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    today = timezone.now().date().isoformat()

    def said(path: str) -> Any:
        is_today = parse_qs(urlsplit(path).query)["StartTime"] == [today]
        return {"calls": [] if is_today else [resource("in-progress", None)]}

    assert asked(account, GONE, said).calls_lost == 0


def test_a_call_whose_end_the_list_does_not_have_yet_is_ended(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    assert asked(account, resource(), page(resource("in-progress", None))).calls_ended == 1


def test_a_call_that_has_ended_is_not_ended_again_by_the_list(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    make_call(account, "b", **OLD)  # there is an open one to ask for
    alive = resource("in-progress", None, "v3:b-leg")
    assert [asked(account, alive, page(resource())).calls_ended for _ in range(2)] == [1, 0]


def test_an_end_without_a_time_is_lost(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    assert asked(account, resource("completed", None)).calls_lost == 1


@pytest.mark.parametrize(
    ("one", "listed", "well"),
    [
        (resource("in-progress", None), None, True),
        (resource("ringing", None), None, True),
        (resource("dozing"), None, True),
        ({}, None, True),
        ({"sid": SID, "status": 7}, None, True),
        # its callback may be on its way
        (just_over, None, True),
        (GONE, just_over_in_a_list, True),
        ("200 OK", None, True),
        ("500 Oops", None, False),
        ("429 Slow down", None, False),
        ("401 No", None, False),
        ("422 No", None, False),
        ("404 Not Found", None, False),  # with the code of a missing account
        (GONE, GONE, False),  # Telnyx knows no account of this SID: so it knows none of its calls
        (GONE, "422 No", False),
        (GONE, "500 Oops", False),
        (GONE, {"calls": None}, False),
    ],
)
def test_half_an_answer_loses_no_call(account: TelnyxAccount, one: Any, listed: Any, well: bool) -> None:
    make_call(account, **OLD)
    record = asked(account, one, listed)
    assert (record.state, bool(record.problem)) == ("done", not well)
    assert Call.objects.get().state == "answered"


def test_one_that_telnyx_will_not_tell_about_keeps_no_other_from_its_end(account: TelnyxAccount) -> None:
    make_call(account, "odd", **OLD)
    make_call(account, "b", **OLD)
    record = asked(account, lambda path: GONE if "b-leg" in path else "422 No")
    assert (record.calls_lost, Call.objects.get(state="lost").call_control_id) == (1, "v3:b-leg")


def test_a_list_that_cannot_be_read_keeps_no_call_of_call_control_from_its_end(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    make_call(account, "b", started_at=ago(3600), answered_at=ago(3500))
    record = looked(account, **{"/Calls": {"calls": None}, "/calls/": GONE})
    assert "no usable answer" in record.problem
    assert Call.objects.get(state="lost").call_control_id == "v3:b-leg"


def test_without_an_account_sid_nothing_is_lost_and_it_is_said(account: TelnyxAccount) -> None:
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid="")
    account.account_sid = ""
    make_call(account, **OLD)
    record = looked(account, whoami={"data": {}})
    assert (Call.objects.get().state, record.state) == ("answered", "done")
    assert "TELNYX_ACCOUNT_SID" in record.problem


def test_neither_the_list_nor_the_call_is_asked_for_by_call_controls_addresses(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    with telnyx_says(
        account, webhook_deliveries={"data": [], "meta": {}}, **{"/Calls/": GONE, "/Calls": page()}
    ) as telnyx:
        backfill.recover(account, PORTAL)
    paths = [request.split(b" ")[1] for request in telnyx.requests]
    assert [path for path in paths if b"active_calls" in path or path.startswith(b"/v2/calls")] == []


def test_a_dial_that_telnyx_accepted_and_does_not_know_says_so(account: TelnyxAccount) -> None:
    told = {"state": "initiated", "direction": "outgoing", "answered_at": None}
    call = make_call(account, **OLD | told)
    dial = calls.dial(account, {"From": FROM, "To": TO, "connection_id": "77"}, PORTAL)
    CallCommand.objects.update(status="ok", call=call)
    assert asked(account, GONE).calls_lost == 1
    dial.refresh_from_db()
    assert (dial.status, dial.settlement) == ("ok", "Telnyx accepted it, and does not know its call.")


def test_what_became_of_a_dial_is_told_though_a_recovery_is_killed_when_it_has_closed_the_call(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = make_call(account, **OLD | {"state": "initiated", "direction": "outgoing", "answered_at": None})
    dial = calls.dial(account, {"From": FROM, "To": TO, "connection_id": "77"}, PORTAL)
    CallCommand.objects.update(status="ok", call=call)
    close = status.close_as_lost

    def closes_and_dies(*about: Any) -> None:
        close(*about)
        raise SystemExit

    with monkeypatch.context() as killed:
        killed.setattr(status, "close_as_lost", closes_and_dies)
        with pytest.raises(SystemExit):
            asked(account, GONE)
    assert asked(account, GONE).calls_lost == 1
    dial.refresh_from_db()
    assert dial.settlement == "Telnyx accepted it, and does not know its call."


# --- Calls that nobody told of ----------------------------------------------------------------------------------------


def point(account: TelnyxAccount, url: str = "", telnyx_id: str = "77") -> None:
    told = {"telnyx_id": telnyx_id, "voice_url": "https://documents.example/", "status_callback": url}
    TexmlApplication.objects.create(account=account, friendly_name="menu", remote={}, **told)


def test_a_listed_call_that_nobody_told_of_gets_a_row(account: TelnyxAccount) -> None:
    point(account, account.texml_url)
    rows = [
        resource("in-progress", None, "v3:live"),
        resource("busy", 600, "v3:over", direction="outbound", price="0.0042"),
        resource("completed", 60, "v3:just-over"),
        resource("ringing", None, "v3:young", start_time=format_datetime(ago(30))),
        resource("dozing", 600, "v3:odd"),
        resource("completed", 600, "v3:" + "x" * 600),
        {"status": "completed"},
    ]
    record = asked(account, GONE, page(*rows))
    found = Call.objects.filter(account=account).order_by("call_control_id")
    told = list(found.values_list("call_control_id", "state", "direction", "hangup_cause", "cost", "is_texml"))
    assert told == [
        ("v3:live", "answered", "incoming", "", "", True),
        ("v3:over", "ended", "outgoing", "busy", "0.0042", True),
    ]
    assert (found[0].from_number, found[0].to_number, found[0].from_reversed) == (FROM, TO, FROM[::-1])
    assert (record.calls_found, record.problem) == (2, "")
    assert asked(account, resource("in-progress", None), page(*rows)).calls_found == 0
    judging.judge_due()
    told = found.values_list("call_control_id", "ending_category", "counted_as")
    assert list(told) == [("v3:live", "", ""), ("v3:over", "busy", "outgoing")]


def test_what_a_callback_tells_later_outweighs_the_list(account: TelnyxAccount, client: Client) -> None:
    point(account, account.texml_url)
    asked(account, GONE, page(resource("in-progress", None)))
    told = {"CallStatus": "ringing", "CallbackSource": "call-progress-events", "Timestamp": ago(3500).isoformat()}
    assert post_texml(client, account, form(CallSid=SID, From="+442071838750", **told)).status_code == 200
    run_owed()
    assert (Call.objects.get().state, Call.objects.get().from_number) == ("ringing", "+442071838750")


@pytest.mark.parametrize("elsewhere", [[""], ["https://elsewhere.example/"], []])
def test_calls_that_may_be_of_applications_of_others_are_left_alone(
    account: TelnyxAccount, elsewhere: list[str]
) -> None:
    for at, url in enumerate(elsewhere):
        point(account, account.texml_url, f"7{at}")
        point(account, url, f"8{at}")
    record = asked(account, GONE, page(resource("in-progress", None)))
    assert (record.calls_found, Call.objects.count(), record.problem) == (0, 0, "")


def test_a_list_that_is_too_long_is_taken_as_far_as_it_was_read(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texml_calls, "_MOST_PAGES", 2)
    point(account, account.texml_url)
    asked_for: list[str] = []

    def said(path: str) -> Any:
        asked_for.append(path)
        row = resource("in-progress", None, f"v3:call-{len(asked_for)}")
        return {"calls": [row], "next_page_uri": f"/Calls.json?Page={len(asked_for)}"}

    record = asked(account, resource("in-progress", None), said)
    assert record.calls_found == len(asked_for)  # two pages of each day
    assert len(asked_for) in {2, 4}
    assert "could not be read whole" in record.problem


@pytest.mark.parametrize(
    ("hour", "behind", "days"),
    [
        (12, None, ["2026-06-02", "2026-06-03"]),
        (12, timedelta(days=3), ["2026-06-02", "2026-06-03"]),
        (12, timedelta(hours=1), ["2026-06-03"]),
        (0, timedelta(hours=1), ["2026-06-02", "2026-06-03"]),
    ],
    ids=["never before", "three days ago", "an hour ago", "before midnight"],
)
def test_of_each_day_since_it_was_last_read_the_list_is_asked_for_but_of_none_before_yesterday(
    account: TelnyxAccount, hour: int, behind: timedelta | None, days: list[str]
) -> None:
    point(account, account.texml_url)
    now = datetime(2026, 6, 3, hour, 10, tzinfo=UTC)
    if behind is not None:
        told = {"account": account, "state": "done", "started_at": now - behind, "seen_alive_at": now - behind}
        Recovery.objects.create(until=now - behind, **told)
    asked_for: list[str] = []

    def said(path: str) -> dict[str, Any]:
        asked_for.extend(parse_qs(urlsplit(path).query)["StartTime"])
        return {"calls": []}

    with telnyx_says(account, webhook_deliveries=listed([]), **{"/Calls": said}):
        assert backfill.recover(account, PORTAL, now=now).state == "done"
    assert asked_for == days


# --- The sandbox ------------------------------------------------------------------------------------------------------


def test_a_call_that_ended_unheard_is_found_at_the_sandbox(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, http: Http
) -> None:
    told = {"friendly_name": "menu", "voice_url": "http://127.0.0.1:9/"}
    _, application = http("POST", "/v2/texml_applications", told)
    point(sandbox_account, sandbox_account.texml_url, application["data"]["id"])
    sid = http.ring("answered", connection_id=application["data"]["id"])
    eventually(lambda: not sandbox.store.call(sid).alive, "the end", sandbox.exchange)  # type: ignore[union-attr]
    record = recover(sandbox_account, now=timezone.now() + timedelta(minutes=9))
    assert (record.calls_found, record.problem) == (1, "")
    call = Call.objects.get()
    assert (call.call_control_id, call.state, call.direction, call.is_texml) == (sid, "ended", "incoming", True)


def heard(account: TelnyxAccount, call: Call, seconds: float) -> None:
    told = {"source": "texml", "status": "processed", "body": b"{}", "dedupe_key": call.call_control_id}
    CallEvent.objects.create(account=account, call=call, received_at=ago(seconds), **told)
