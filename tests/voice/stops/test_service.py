"""What is suspended stays silent, keeps its webhooks, and can be hung up; what a stop stops."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.refusals import LimitExceeded
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import act, dial, seen
from tests.support.factories import make_call, make_event, make_flow, run_owed
from tests.support.limits import limit
from tests.support.rest import CALLS
from tests.support.rows import Call, CallCommand, CallEvent, DialBatch
from tests.support.telnyx_answers import telnyx_says
from tests.support.texml_resources import parts, telnyx_texml, wired
from tests.support.times import ago
from tests.support.webhooks import post_texml, post_webhook
from voice.dialling import batches
from voice.dispatch import sender
from voice.models import Stop, Suspension
from voice.stops import service

pytestmark = pytest.mark.django_db
WHY = "Toll fraud, ask Ada."
ANSWER = {"event_type": "call.initiated", "do": [{"action": "answer"}]}
REJECT = {"event_type": "call.initiated", "do": [{"action": "hangup"}, {"action": "answer"}]}


@pytest.fixture
def suspended(account: TelnyxAccount) -> Suspension:
    return service.suspend(account, "", WHY, PORTAL)


@pytest.mark.usefixtures("suspended")
def test_a_webhook_is_kept_and_its_rule_asks_nothing_of_telnyx(client: Client, account: TelnyxAccount) -> None:
    make_flow(account, ANSWER)
    assert post_webhook(client, account, make_event()).status_code == 200
    with telnyx_says(account) as asked:
        run_owed()
    assert asked.requests == []
    assert CallEvent.objects.get().status == "processed"
    assert Call.objects.get().is_alive
    command = CallCommand.objects.get()
    assert (command.status, WHY in command.error) == ("expired", True)
    assert "is suspended here since" in command.error


@pytest.mark.usefixtures("suspended")
def test_a_texml_webhook_is_kept(client: Client, account: TelnyxAccount) -> None:
    form = b"CallSid=v3:t-leg&ConnectionId=1&From=%2B13125550101&To=%2B13125550199&CallStatus=ringing"
    assert post_texml(client, account, form).status_code == 200
    run_owed()
    assert CallEvent.objects.get().status in {"processed", "ignored"}


def test_lifted_rules_act_again(client: Client, account: TelnyxAccount, suspended: Suspension) -> None:
    make_flow(account, ANSWER)
    service.lift(suspended, PORTAL)
    post_webhook(client, account, make_event())
    with telnyx_says(account, **{"actions/answer": {"data": {"result": "ok"}}}):
        run_owed()
    assert CallCommand.objects.get().status == "ok"


@pytest.mark.usefixtures("suspended")
def test_a_hang_up_of_a_rule_goes_and_what_comes_after_it_does_not(client: Client, account: TelnyxAccount) -> None:
    make_flow(account, REJECT)
    post_webhook(client, account, make_event())
    with telnyx_says(account, **{"actions/hangup": {"data": {"result": "ok"}}}):
        run_owed()
    assert list(CallCommand.objects.order_by("sequence").values_list("action", "status")) == [
        ("hangup", "ok"),
        ("answer", "expired"),
    ]


@pytest.mark.usefixtures("suspended")
def test_a_dial_is_refused_at_asking_with_the_reason(api: APIClient, account: TelnyxAccount) -> None:
    body = {"account": account.name, "connection_id": "1", "from": "+13125550100", "to": "+13125550001"}
    answer = api.post(CALLS, body, format="json")
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (403, "suspended", "suspended")
    assert WHY in answer.json()["detail"]
    assert not CallCommand.objects.exists()


@pytest.mark.usefixtures("suspended")
def test_people_act_on_calls_that_are_there_and_call_nobody(account: TelnyxAccount) -> None:
    call = make_call(account)
    with pytest.raises(LimitExceeded, match="is suspended here"):
        act(call, "transfer", to="+13125550001")
    spoken, ended = act(call, "speak", payload="Sorry", voice="female"), act(call, "hangup")
    answers = {f"actions/{name}": {"data": {"result": "ok"}} for name in ("speak", "hangup")}
    with telnyx_says(account, **answers):
        run_owed()
    assert [seen(one).status for one in (spoken, ended)] == ["ok", "ok"]


def test_a_dial_that_waits_is_not_sent_any_more(account: TelnyxAccount) -> None:
    command = dial(account, "1")
    service.suspend(account, "", WHY, PORTAL)
    with telnyx_says(account) as asked:
        sender.send(command.pk)
    assert (seen(command).status, WHY in seen(command).error, asked.requests) == ("expired", True, [])


def test_one_application_is_suspended_and_the_others_go_on(client: Client, account: TelnyxAccount) -> None:
    service.suspend(account, "1", WHY, PORTAL)
    make_flow(account, ANSWER)
    post_webhook(client, account, make_event())
    with telnyx_says(account, **{"actions/answer": {"data": {"result": "ok"}}}):
        run_owed()
    assert CallCommand.objects.get().status == "ok"
    with pytest.raises(LimitExceeded):
        dial(account, "1")
    assert dial(account, "2").status == "queued"


def test_a_running_batch_is_paused_and_goes_on_when_it_is_lifted(api: APIClient, account: TelnyxAccount) -> None:
    batch, other = begin(api, 3), begin(api, 3, connection_id="2")
    row = service.suspend(account, "1", WHY, PORTAL)
    assert _states() == {batch.pk: "paused", other.pk: "running"}
    with pytest.raises(LimitExceeded):
        batches.resume(batch, PORTAL)
    assert api.post(f"/api/v1/dial-batches/{batch.pk}/resume/", {}, format="json").json()["code"] == "suspended"
    assert service.lift(row, PORTAL) == 1
    assert _states() == {batch.pk: "running", other.pk: "running"}


def test_a_batch_that_somebody_paused_stays_paused_when_it_is_lifted(api: APIClient, account: TelnyxAccount) -> None:
    batch = batches.pause(begin(api, 3), PORTAL)
    assert service.lift(service.suspend(account, "", "", PORTAL), PORTAL) == 0
    assert _states() == {batch.pk: "paused"}


def test_a_batch_that_somebody_pauses_while_it_is_suspended_stays_paused(
    api: APIClient, account: TelnyxAccount
) -> None:
    batch, row = begin(api, 3), service.suspend(account, "", WHY, PORTAL)
    for _ in range(2):
        assert api.post(f"/api/v1/dial-batches/{batch.pk}/pause/", {}, format="json").json()["status"] == "paused"
    service.settle_batches()
    assert (service.lift(row, PORTAL), _states()) == (0, {batch.pk: "paused"})
    service.settle_batches()
    assert _states() == {batch.pk: "paused"}
    pauses = AuditEvent.objects.filter(action="batch.pause").order_by("id")
    assert [one.actor for one in pauses] == ["portal", "token: tests"]


def test_a_batch_that_somebody_pauses_after_a_stop_does_not_go_on_with_the_others(
    api: APIClient, account: TelnyxAccount
) -> None:
    batch, other = begin(api, 3), begin(api, 3)
    stop = service.stop_outgoing(uuid.uuid4(), PORTAL, account)
    api.post(f"/api/v1/dial-batches/{batch.pk}/pause/", {}, format="json")
    assert (service.resume(stop.pk, PORTAL), _states()) == (1, {batch.pk: "paused", other.pk: "running"})


def test_a_batch_of_a_lifted_application_waits_while_its_account_is_suspended(
    api: APIClient, account: TelnyxAccount
) -> None:
    batch = begin(api, 3)
    of_application = service.suspend(account, "1", "", PORTAL)
    of_account = service.suspend(account, "", "", PORTAL)
    assert (service.lift(of_application, PORTAL), _states()) == (0, {batch.pk: "paused"})
    service.settle_batches()
    assert _states() == {batch.pk: "paused"}
    assert (service.lift(of_account, PORTAL), _states()) == (1, {batch.pk: "running"})


def test_whoever_dies_before_he_resumes_leaves_it_to_the_sweep(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, other = begin(api, 3), begin(api, 3, connection_id="2")
    service.suspend(account, "2", WHY, PORTAL)
    row = service.suspend(account, "1", WHY, PORTAL)
    _dies(monkeypatch, "resume", lambda: service.lift(row, PORTAL))
    assert _states() == {batch.pk: "paused", other.pk: "paused"}
    service.settle_batches()
    assert _states() == {batch.pk: "running", other.pk: "paused"}


def test_whoever_dies_before_he_pauses_leaves_it_to_the_sweep(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, other = begin(api, 3), begin(api, 3, connection_id="2")
    _dies(monkeypatch, "pause", lambda: service.suspend(account, "1", WHY, PORTAL))
    assert _states() == {batch.pk: "running", other.pk: "running"}
    service.settle_batches()
    assert _states() == {batch.pk: "paused", other.pk: "running"}
    service.lift(Suspension.objects.get(), PORTAL)
    assert _states() == {batch.pk: "running", other.pk: "running"}


def test_the_sweep_leaves_paused_what_a_person_or_a_stop_has_paused(api: APIClient, account: TelnyxAccount) -> None:
    by_hand, stopped = batches.pause(begin(api, 3), PORTAL), begin(api, 3)
    service.stop_outgoing(uuid.uuid4(), PORTAL, account)
    service.settle_batches()
    assert _states() == {by_hand.pk: "paused", stopped.pk: "paused"}


def test_what_somebody_has_paused_since_does_not_go_on_when_it_is_lifted(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = begin(api, 3)
    row = service.suspend(account, "1", WHY, PORTAL)
    resume = batches.resume

    def others_come_first(one: DialBatch, *args: Any, **values: Any) -> DialBatch:
        batches.pause(resume(one, PORTAL), PORTAL)
        return resume(one, *args, **values)

    monkeypatch.setattr(batches, "resume", others_come_first)
    assert (service.lift(row, PORTAL), _states()) == (0, {batch.pk: "paused"})


def test_batches_of_another_account_are_not_paused_with_it_and_its_suspensions_hold_them_alone(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, other = begin(api, 3), make_account("other")
    shared, line = {"connection_id": "1", "from": "+13125550100"}, batches.Line(1, "+13125550001")
    service.stop_outgoing(uuid.uuid4(), PORTAL, other)  # before it had any
    theirs = batches.make(other, shared, [line], 1, PORTAL)
    for connection_id in ("", "1"):
        row = service.suspend(account, connection_id, WHY, PORTAL)
        assert _states() == {batch.pk: "paused", theirs.pk: "running"}
        assert (service.lift(row, PORTAL), _states()[batch.pk]) == (1, "running")
    row = service.suspend(account, "1", WHY, PORTAL)
    _dies(monkeypatch, "resume", lambda: service.lift(row, PORTAL))
    for connection_id in ("", "1"):
        service.suspend(other, connection_id, WHY, PORTAL)
    service.settle_batches()
    assert _states() == {batch.pk: "running", theirs.pk: "paused"}


def test_a_line_that_is_due_before_its_batch_is_paused_waits(api: APIClient, account: TelnyxAccount) -> None:
    batch = begin(api, 2)
    told = {"since": batch.created_at, "requested_by": "user: ada"}
    Suspension.objects.create(account=account, **told)  # whoever suspends has not come to the batches yet
    with telnyx_says(account) as asked:
        run_owed()
    assert asked.requests == []
    assert set(batch.commands.values_list("status", flat=True)) == {"queued"}


@pytest.mark.usefixtures("suspended")
def test_a_batch_is_refused_in_its_dry_run(api: APIClient, account: TelnyxAccount) -> None:
    body = {"account": account.name, "connection_id": "1", "from": "+13125550100", "numbers": ["+13125550001"]}
    assert api.post("/api/v1/dial-batches/", body | {"dry_run": True}, format="json").json()["code"] == "suspended"


def test_suspending_twice_is_once_and_both_steps_are_audited(account: TelnyxAccount) -> None:
    row = service.suspend(account, "", WHY, PORTAL)
    assert service.suspend(account, "", "another", PORTAL) == row
    service.lift(row, PORTAL)
    assert service.lift(row, PORTAL) == 0
    told = AuditEvent.objects.filter(action__startswith="account.").order_by("id")
    assert [(one.action, one.details["why"]) for one in told] == [("account.suspend", WHY), ("account.lift", WHY)]


def test_a_stop_hangs_up_outgoing_calls_pauses_batches_and_drops_dials(api: APIClient, account: TelnyxAccount) -> None:
    limit(account, dials_per_minute=None)
    incoming = make_call(account, "in")
    outgoing = [make_call(account, f"o{at}", direction="outgoing") for at in range(3)]
    texml = make_call(account, "t", direction="outgoing", is_texml=True)
    batch, waiting = begin(api, 3), dial(account, "1")
    stop = service.stop_outgoing(uuid.uuid4(), PORTAL, account)
    stop.refresh_from_db()
    assert (stop.calls, stop.dials, stop.batches) == (4, 1, 1)
    hung_up = {one.call_id: one.action for one in service.commands_of(stop)}
    assert hung_up == dict.fromkeys([one.pk for one in outgoing], "hangup") | {texml.pk: "texml.calls.hang_up"}
    assert incoming.pk not in hung_up
    assert (seen(waiting).status, _states()) == ("expired", {batch.pk: "paused"})
    assert seen(waiting).error == "All outgoing calls were stopped by portal."
    assert AuditEvent.objects.get(action="call.stop_outgoing").details == {"calls": 4, "dials": 1, "batches": 1}
    assert service.resume(stop.pk, PORTAL) == 1
    assert _states() == {batch.pk: "running"}


def test_a_stop_drops_the_dials_that_have_not_left_and_no_other_command(
    browser: Client, account: TelnyxAccount
) -> None:
    for one in (account, other := make_account("other")):
        limit(one, dials_per_minute=None)
    waiting, over, sent = (dial(account, "1", f"+1312555000{at}") for at in range(1, 4))
    elsewhere, spoken = dial(other, "1"), act(make_call(account), "speak", payload="Hello", voice="female")
    CallCommand.objects.filter(pk=over.pk).update(status="expired", error="Too late.", finished_at=ago(60))
    CallCommand.objects.filter(pk=sent.pk).update(first_sent_at=ago(5))  # Telnyx may have it: its sender decides
    page = browser.get(f"/admin/stop/calls/?account={account.pk}").content.decode()
    assert "1 dial or transfer that has not left is not sent any more" in page
    assert service.stop_outgoing(uuid.uuid4(), PORTAL, account).dials == 1
    states = [seen(one).status for one in (waiting, over, sent, elsewhere, spoken)]
    assert states == ["expired", "expired", "queued", "queued", "queued"]
    assert (seen(over).error, seen(waiting).error) == ("Too late.", "All outgoing calls were stopped by portal.")


def test_a_dial_that_a_stop_drops_is_over_since_the_stop(account: TelnyxAccount) -> None:
    waiting = dial(account, "1")
    assert service.stop_outgoing(uuid.uuid4(), PORTAL, account).at == seen(waiting).finished_at


def test_a_stop_ends_a_texml_call_at_telnyx() -> None:
    with telnyx_texml() as telnyx:
        account = wired(telnyx.url)
        make_call(account, direction="outgoing", is_texml=True)
        stop = service.stop_outgoing(uuid.uuid4(), PORTAL, account)
        run_owed()
    ((method, path, _, asked),) = (parts(raw) for raw in telnyx.requests)
    assert (method, path) == ("POST", "/v2/texml/Accounts/org-1/Calls/v3:a-leg")
    assert (json.loads(asked), service.outcomes(stop)) == ({"Status": "completed"}, {"ok": 1})


def test_who_suspends_and_who_stops_is_kept(account: TelnyxAccount, operator: User) -> None:
    ada = Actor("user: ada", operator)
    rows = (
        service.suspend(account, "", WHY, ada),
        service.stop_outgoing(uuid.uuid4(), ada, account),
        service.hang_up(uuid.uuid4(), [], ada),
    )
    for row in rows:
        row.refresh_from_db()
        assert (row.requested_by, row.user) == ("user: ada", operator)


def test_a_batch_that_is_through_is_not_paused(api: APIClient, account: TelnyxAccount) -> None:
    batch = begin(api, 3)
    batch.commands.update(status="ok")
    service.suspend(account, "", WHY, PORTAL)
    assert (service.stop_outgoing(uuid.uuid4(), PORTAL, account).batches, _states()) == (0, {batch.pk: "running"})


def test_the_same_stop_twice_is_once(account: TelnyxAccount) -> None:
    make_call(account, "o", direction="outgoing")
    wish = uuid.uuid4()
    service.stop_outgoing(wish, PORTAL, account)
    make_call(account, "after it", direction="outgoing")
    service.stop_outgoing(wish, PORTAL, account)
    assert (CallCommand.objects.count(), Stop.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(action="call.stop_outgoing").count() == 1


def test_a_stop_takes_as_many_statements_for_many_calls_as_for_few(
    account: TelnyxAccount, django_assert_max_num_queries: Any
) -> None:
    for at in range(60):
        make_call(account, f"o{at}", direction="outgoing")
    with django_assert_max_num_queries(27):
        assert service.stop_outgoing(uuid.uuid4(), PORTAL, account).calls == 60


def _dies(monkeypatch: pytest.MonkeyPatch, verb: str, act: Callable[[], object]) -> None:
    """Do it in a process that is killed where it comes to its first batch."""
    with monkeypatch.context() as patched:
        patched.setattr(batches, verb, lambda *_, **__: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            act()


def _states() -> dict[Any, str]:
    return dict(DialBatch.objects.values_list("pk", "status"))


def test_a_stop_that_was_interrupted_goes_on_when_it_is_asked_for_again(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also ten minutes later: then its hang-ups are as fresh as those that somebody asks for now."""
    limit(account, dials_per_minute=None)
    stop_id, waiting = uuid.uuid4(), dial(account, "1")
    first = make_call(account, "first", direction="outgoing")
    with monkeypatch.context() as patched:
        patched.setattr(service, "_end", lambda *_: (_ for _ in ()).throw(OSError("away")))
        with pytest.raises(OSError, match="away"):
            service.stop_outgoing(stop_id, PORTAL, account)
    hung_up = CallCommand.objects.get(action="hangup")
    at = ago(600)
    Stop.objects.update(at=at)
    CallCommand.objects.filter(pk=hung_up.pk).update(
        intent_key=f"person:{at.isoformat()}:{first.pk}", created_at=at, status="ok"
    )
    make_call(account, "second", direction="outgoing")
    with telnyx_says(account, **{"actions/hangup": {"data": {"result": "ok"}}}):
        for _ in range(2):
            stop = service.stop_outgoing(stop_id, PORTAL, account)
            assert (stop.calls, stop.dials, stop.at) == (2, 1, at)
        run_owed()
    assert service.outcomes(stop) == {"ok": 2}
    assert not CallCommand.objects.filter(held_since__isnull=False).exists()  # no worker was away
    assert seen(waiting).status == "expired"
