"""Whatever the order and however often: the events of a call make the same call, to the byte."""

import itertools
import json
import random
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from portal.models import TelnyxAccount
from tests.corpus import documents, orders
from tests.corpus.cases import parameters
from tests.corpus.orders import Story, Told
from tests.support.payloads import PAYLOADS
from tests.support.signing import signed
from voice.calls import status
from voice.calls.projection import changes
from voice.events import intake, processing
from voice.models import Call, CallEvent

LEG = "v3:a-leg"
STORIES = list(orders.stories())
RECEIVED = timezone.now() + timedelta(hours=1)  # the module was read long before its tests run


def read(told: Told) -> CallEvent:
    source, body = told
    return intake.read(TelnyxAccount(name="x"), source, {}, body, RECEIVED)


def fold(events: list[CallEvent]) -> bytes:
    """The call these make in this order, every column and every fact of it."""
    call = Call(account=TelnyxAccount(name="x"), call_control_id=LEG, started_at=RECEIVED)
    for event in events:
        for column, value in changes(call, event).items():
            setattr(call, column, value)
    return written(call)


def written(call: Call) -> bytes:
    untold = {"_state", "id", "account_id", "judge_at"}  # when its end is to be judged is work that is owed
    columns = {name: value for name, value in vars(call).items() if name not in untold}
    columns["facts"] = {name: fact for name, fact in call.facts.items() if name not in untold}
    return json.dumps(columns, default=str).encode()


def doubled(events: tuple[Any, ...]) -> list[Any]:
    """Each of them twice: in its place, and once more after the next one."""
    return [event for pair in zip(events, (*events[1:], events[-1]), strict=True) for event in (pair[0], pair[1])]


@pytest.mark.parametrize("story", parameters(STORIES))
def test_every_order_of_a_story_makes_the_same_call(story: Story) -> None:
    events = [read(told) for told in story.events]
    made = {fold(doubled(order)) for order in itertools.permutations(events)}
    assert len(made) == 1
    assert made == {fold(events)}


@given(st.lists(orders.tellings(), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_any_events_in_any_order_make_the_same_call(told: list[Told], chance: random.Random) -> None:
    events = [read(one) for one in told]
    shuffled = [*events, *chance.choices(events, k=len(events) // 2)]
    chance.shuffle(shuffled)
    # two tellings under one key are one event: the intake keeps the first of them
    known: dict[str, CallEvent] = {}
    for event in events:
        known.setdefault(event.dedupe_key, event)
    in_turn = [known[event.dedupe_key] for event in events]
    assert fold([known[event.dedupe_key] for event in shuffled]) == fold(in_turn)


@given(st.lists(orders.tellings(), min_size=1, max_size=12))
def test_an_end_is_never_undone(told: list[Told]) -> None:
    end = read(STORIES[0].events[4])
    assert json.loads(fold([end, *(read(one) for one in told)]))["state"] == "ended"


def test_no_leaf_of_another_type_breaks_the_reading_or_the_merge() -> None:
    """J24 whole; a sample of it goes in by the street door."""
    wrong = []
    for path in sorted((PAYLOADS / "call_control").glob("*.json")):
        for case in documents.fuzzed(json.loads(path.read_text())["body"]):
            try:
                fold([read(("webhook", case.body))])
            except Exception as error:
                wrong.append(f"{case.slug}: {error!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.django_db(transaction=True)
def test_every_order_of_deliveries_makes_the_same_call(client: Client, account: TelnyxAccount) -> None:
    for story in STORIES:
        chance = random.Random(story.slug)
        wanted = delivered(client, account, list(story.events))
        for _ in range(4):
            some = doubled(tuple(chance.sample(story.events, len(story.events))))
            assert delivered(client, account, some) == wanted, story.slug
        call = Call.objects.get(call_control_id=LEG)
        assert {name: getattr(call, name) for name, _ in story.told} == dict(story.told), story.slug


@pytest.mark.django_db
def test_legs_told_across_each_other_stay_apart(client: Client, account: TelnyxAccount) -> None:
    """O06."""
    one, two = orders.legs()
    wanted = delivered(client, account, list(one))
    chance = random.Random(1)
    for _ in range(5):
        mixed = chance.sample([*one, *two], len(one) + len(two))
        assert delivered(client, account, mixed) == wanted
        assert Call.objects.get(call_control_id="v3:b-leg").state == "ended"


@pytest.mark.django_db
@pytest.mark.parametrize("lost_after", range(6))
def test_lost_absorbs_nothing(client: Client, account: TelnyxAccount, lost_after: int) -> None:
    events = list(STORIES[0].events)
    wanted = delivered(client, account, events)
    Call.objects.all().delete()
    CallEvent.objects.all().delete()
    for at, told in enumerate(random.Random(lost_after).sample(events, len(events))):
        deliver(client, account, told)
        if at == lost_after:
            status.close_as_lost(Call.objects.get(call_control_id=LEG), None, timezone.now())
    assert written(Call.objects.get(call_control_id=LEG)) == wanted


def delivered(client: Client, account: TelnyxAccount, events: list[Told]) -> bytes:
    """The call as it is stored once ``events`` came in by the street door, one after the other, and nothing before."""
    Call.objects.all().delete()
    CallEvent.objects.all().delete()
    for told in events:
        deliver(client, account, told)
    assert not CallEvent.objects.exclude(status__in=("processed", "ignored")).exists()
    return written(Call.objects.get(call_control_id=LEG))


def deliver(client: Client, account: TelnyxAccount, told: Told) -> None:
    source, body = told
    kind = "call-control/" if source == "webhook" else "texml/status"
    address = f"/webhooks/{account.webhook_token}/{kind}"
    answer = client.post(address, body, content_type="application/json", headers=signed(body))
    assert answer.status_code == 200
    # how late a webhook was is a fact of the call: here each came at one moment, whenever it is told
    CallEvent.objects.filter(status="received").update(received_at=RECEIVED)
    for event_id in processing.due(9):
        processing.process(event_id)
