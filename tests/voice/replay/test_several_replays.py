"""Several replays at once, events of several accounts in one: each is its own."""

import pytest

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import receive
from tests.support.factories import make_event, make_flow, run_owed
from tests.support.replays import ADA, EVERYTHING, a_call, again, lines, rehearse
from tests.support.rows import Call, CallEvent
from voice.replay import runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db


def test_what_is_done_with_one_replay_is_done_with_no_other(account: TelnyxAccount) -> None:
    a_call(account)
    Call.objects.update(state="ringing")
    one, other = rehearse(), rehearse()
    foreseen = lines(one, is_rehearsed=True)
    assert list(foreseen) == [("call", "v3:a-leg")]
    assert lines(other, is_rehearsed=True) == foreseen
    assert runs.begin(one, ADA)
    other.refresh_from_db()
    assert (other.state, other.has_run) == ("ready", False)
    runs.cancel(other, ADA)
    one.refresh_from_db()
    assert one.state == "running"
    asked = runs.request_dry_run(EVERYTHING, ADA)
    runs.work(one.pk, 5)
    for row in (one, asked):
        row.refresh_from_db()
    assert one.state == "done"
    assert (asked.state, asked.claims, asked.holder, asked.lease_until) == ("looking", 0, None, None)


def test_calls_of_the_same_id_in_two_accounts_have_a_line_each(account: TelnyxAccount) -> None:
    for of in (account, make_account("other")):
        receive(of, make_event())
    run_owed()
    Call.objects.update(state="ringing")
    row = rehearse(Selection(ids=tuple(str(pk) for pk in CallEvent.objects.values_list("pk", flat=True))))
    told = row.lines.order_by("account__name").values_list("account__name", "kind", "key", "call__account__name")
    assert list(told) == [(name, "call", "v3:a-leg", name) for name in ("main", "other")]


def test_the_commands_of_each_event_are_counted_once(account: TelnyxAccount) -> None:
    receive(account, make_event(seconds=-3), make_event("call.answered", -2))
    run_owed()
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    assert again(side_effects=True).counts["commands"] == 1
