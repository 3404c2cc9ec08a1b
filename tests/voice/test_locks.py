"""In which order real transactions lock rows: as docs/locks.md says, whatever is done at which door."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.alert_notices import begin as alert_begins
from tests.support.alert_notices import end as alert_ends
from tests.support.batches import URL as BATCHES
from tests.support.batches import begin as begin_batch
from tests.support.commands import act, now_due, seen
from tests.support.conferences import TOLD, room_event, story
from tests.support.databases import TWO_WRITERS
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event, make_flow, run_owed
from tests.support.flows import EXAMPLE
from tests.support.http_servers import Listener
from tests.support.limits import limit
from tests.support.locks import locked_by, order_of_the_page, out_of_order, recorded
from tests.support.reconciliation import dialled, entry, hear, look, uncertain
from tests.support.recoveries import listed, looked
from tests.support.replays import again
from tests.support.rest import CALLS, COMMANDS, FLOWS, api_for
from tests.support.rows import Call, CallCommand
from tests.support.source_tree import APPS
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.alerts import notices
from voice.dispatch import circuit_breaker, sender
from voice.flows.service import save_flow
from voice.flows.versions import newest_of, restore, versions_of
from voice.models import Recording

ROOT = Path(__file__).resolve().parent.parent.parent
DIALS = {
    "event_type": "call.answered",
    "direction": "any",
    "do": [{"action": "transfer", "parameters": {"to": "+13125550005"}}],
}
ANSWERED = {"data": {"result": "ok"}}


def webhooks(account: TelnyxAccount, api: APIClient) -> None:
    """A call with rules that dial, an event that comes before its leg is known, one that waits for the direction."""
    make_flow(account, DIALS)
    document = make_event()
    early = make_event("call.recording.saved", 1, recording_id="rec-1")
    early["data"]["payload"].pop("call_control_id")
    tell(account, early, make_event("call.answered", 1), document, make_event("call.hangup", 2))


def conference(account: TelnyxAccount, api: APIClient) -> None:
    """Its events, of which one is the first to tell of a leg that another waits for."""
    early = room_event("conference.participant.speak.started", -70)
    early["data"]["payload"].pop("call_control_id")
    tell(account, early, *story())
    answer = {"data": TOLD}
    with telnyx_says(account, conferences=answer):
        call = make_call(account, "c")
        api.post("/api/v1/conferences/", {"name": "x", "call_control_id": call.call_control_id}, format="json")
        run_owed()


def sending(account: TelnyxAccount, api: APIClient) -> None:
    """A dial that is accepted and makes a call whose leg is waited for; one that is refused, one that is lost."""
    answers = iter([{"data": {"call_control_id": "v3:new", "call_leg_id": "leg", "call_session_id": "s"}}])
    waiting = make_event("call.recording.saved", 1, call_leg_id="leg")
    waiting["data"]["payload"].pop("call_control_id")
    tell(account, waiting)
    with telnyx_says(account, calls=lambda _: next(answers, "503 Service Unavailable")):
        for _ in range(2):
            api.post(CALLS, {"connection_id": CONNECTION, "from": "+13125550100", "to": "+13125550001"}, format="json")
        run_owed()
        act(make_call(account), "hangup")
        run_owed()


def lists(account: TelnyxAccount, api: APIClient) -> None:
    """A batch that is paused, goes on, meets a full limit, and is cancelled."""
    batch = begin_batch(api, 5)
    for word in ("pause", "resume"):
        assert api.post(f"{BATCHES}{batch.pk}/{word}/").status_code == 200
    limit(account, concurrent_calls=1)
    make_call(account, direction="outgoing")
    now_due(batch.commands.get(sequence=1))
    sender.send(batch.commands.get(sequence=1).pk)
    assert api.post(f"{BATCHES}{batch.pk}/cancel/").status_code == 200


def reconciled(account: TelnyxAccount, api: APIClient) -> None:
    """Settled by a webhook, by the record, by the status, by a person."""
    hear_of = dialled(account)
    hear(account, make_event("call.initiated", -20, direction="outgoing", leg="new"))
    assert seen(hear_of).status == "ok"
    again_later = dialled(account, "+13125550177")
    event = make_event("call.initiated", -20, leg="other", direction="outgoing", to="+13125550177")["data"]
    record = {"data": [entry("webhook", "call.initiated", event=event)], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        assert look(again_later).status == "ok"
    call = make_call(account)
    lost = uncertain(call, "transfer", {"to": "+13125550003"})
    for command, verdict, status in (
        (lost, "send_again", 202),
        (uncertain(call, "hangup"), "it_happened", 200),
    ):
        answer = api.post(f"{COMMANDS}{command.pk}/settle/", {"verdict": verdict}, format="json")
        assert answer.status_code == status, answer.json()


def replayed(account: TelnyxAccount, api: APIClient) -> None:
    make_flow(account, DIALS)
    tell(account, make_event(), make_event("call.answered", 1), *story())
    Call.objects.update(call_leg_id="", direction="", facts={})
    again(side_effects=True)
    run_owed()


def recovered(account: TelnyxAccount, api: APIClient) -> None:
    """A call nobody told of, one that is lost, deliveries that failed."""
    make_call(account, "gone", started_at=ago(7200))
    alive = {"call_control_id": "v3:found", "call_leg_id": "found", "call_session_id": "s", "call_duration": 600}
    live = {"data": [alive], "meta": {"total_items": 1, "cursors": {"after": None}, "next": None}}
    failed = listed([(make_event("call.answered", -600, leg="told"), 5.0)])
    looked(account, active_calls=live, webhook_deliveries=failed)
    run_owed()


def operated(account: TelnyxAccount, api: APIClient) -> None:
    """Commands of people, refresh, a flow, a breaker that is closed, alerts."""
    call = make_call(account)
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ago(5).isoformat()}}):
        assert (
            api.post(
                f"{CALLS}{call.call_control_id}/actions/transfer/?account=main", {"to": "+13125550009"}, format="json"
            ).status_code
            == 202
        )
        assert api.post(f"{CALLS}{call.call_control_id}/refresh/?account=main").status_code == 200
    made = api.post(FLOWS, EXAMPLE | {"account": account.name}, format="json")
    assert made.status_code == 201, made.json()
    assert (
        api.put(
            f"{FLOWS}{made.json()['id']}/", EXAMPLE | {"account": account.name, "name": "renamed"}, format="json"
        ).status_code
        == 200
    )
    alert_begins(account)
    notices.deliver_due()
    circuit_breaker.close(account, PORTAL)
    alert_ends()
    notices.deliver_due()
    told = {"key": "rec-1", "recording_id": "rec-1", "status": "saved", "started_at": ago(60)}
    recording = Recording.objects.create(account=account, call=call, is_texml=True, **told)
    deletion = api.delete(f"/api/v1/recordings/{recording.pk}/").json()["id"]
    CallCommand.objects.filter(pk=deletion).update(status="uncertain", first_sent_at=ago(90), lease_until=None)
    settled = api.post(f"{COMMANDS}{deletion}/settle/", {"verdict": "send_again"}, format="json")
    assert settled.status_code == 202, settled.json()


def restored(account: TelnyxAccount, api: APIClient) -> None:
    """A flow whose account has become a live one meanwhile: who restores it closes the limits first."""
    flow = make_flow(account, DIALS)
    flow.name = "renamed"
    save_flow(flow, None, PORTAL)
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url="https://api.telnyx.com/v2")
    restore(flow, versions_of(flow).last(), newest_of(flow), PORTAL)


def stopped(account: TelnyxAccount, api: APIClient) -> None:
    """A batch and a call that are stopped; a suspension that pauses another one, refuses a dial, and is lifted."""
    begin_batch(api, 2)
    make_call(account, direction="outgoing")
    assert api.post("/api/v1/stops/", {"account": account.name}, format="json").status_code == 202
    begin_batch(api, 2)
    made = api.post("/api/v1/suspensions/", {"account": account.name}, format="json")
    assert made.status_code == 201, made.json()
    dialled = {"account": account.name, "connection_id": CONNECTION, "from": "+13125550100", "to": "+13125550001"}
    assert api.post(CALLS, dialled, format="json").json()["code"] == "suspended"
    assert api.delete(made["Location"]).status_code == 204


FLOWS_OF_WORK: dict[str, Callable[[TelnyxAccount, APIClient], None]] = {
    work.__name__: work
    for work in (webhooks, conference, sending, lists, reconciled, replayed, recovered, operated, restored, stopped)
}


@pytest.mark.django_db(transaction=True)
@TWO_WRITERS
@pytest.mark.parametrize("name", FLOWS_OF_WORK)
def test_every_transaction_locks_in_the_order_of_the_page(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch, hook: Listener, name: str
) -> None:
    with recorded(monkeypatch) as transactions:
        FLOWS_OF_WORK[name](account, api_for(operator))
    order = order_of_the_page()
    assert [wrong for locks in transactions if (wrong := out_of_order(locks, order))] == []


# --- The reading itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        ('SELECT "voice_call"."id" FROM "voice_call" WHERE "voice_call"."id" = %s FOR NO KEY UPDATE', "voice_call"),
        (
            'SELECT "a"."x" FROM "voice_limits" JOIN "a" ON (1=1) FOR NO KEY UPDATE OF "voice_limits"',
            "voice_limits",
        ),
        ('SELECT "a"."x" FROM "voice_callcommand" FOR NO KEY UPDATE SKIP LOCKED', ""),
        ('SELECT "a"."x" FROM "voice_callcommand"', ""),
        ("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", "leg"),
        ("UPDATE voice_callevent SET status = 'received' WHERE id = %s RETURNING id", "voice_callevent"),
        ('DELETE FROM "voice_call" WHERE "id" = %s', "voice_call"),
        ('INSERT INTO "voice_call" ("id") VALUES (%s) ON CONFLICT DO NOTHING', "voice_call"),
        ('INSERT INTO "voice_callcommand" ("id") VALUES (%s)', ""),
        (
            'SELECT a, (SELECT b FROM voice_callcommand WHERE c) FROM "voice_call" WHERE d FOR NO KEY UPDATE',
            "voice_call",
        ),
    ],
)
def test_a_statement_is_read(statement: str, table: str) -> None:
    assert locked_by(statement) == table


@pytest.mark.parametrize(
    ("locks", "words"),
    [
        (["voice_call", "voice_callevent", "voice_call"], ""),
        (["voice_replay"], ""),
        (["elsewhere"], ""),
        (["voice_callevent", "voice_call"], "voice_call after voice_callevent"),
        (["voice_call", "elsewhere"], "does not name elsewhere"),
    ],
)
def test_another_order_and_a_table_without_a_place_are_seen(locks: list[str], words: str) -> None:
    order = order_of_the_page("| 1 | `voice_call` | x |\n| 2 | `voice_callevent` | x |\n")
    assert words in out_of_order(locks, order) if words else out_of_order(locks, order) == ""


def test_every_table_of_the_page_is_one() -> None:
    tables = {model._meta.db_table for model in apps.get_models()}
    assert order_of_the_page().keys() - {"leg"} <= tables
    assert len(order_of_the_page()) > 9


def test_no_lock_is_taken_on_a_key() -> None:
    """Who commits a row that refers to a locked one would wait, in an order that nobody chooses."""
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    calls = [
        ast.unparse(node)
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "select_for_update"
    ]
    assert len(calls) > 9
    assert [call for call in calls if "no_key=True" not in call] == []
