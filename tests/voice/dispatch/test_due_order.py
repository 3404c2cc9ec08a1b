"""Which of the commands that are due goes first."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.commands import act, of_event
from tests.support.factories import make_call
from tests.support.rows import CallCommand
from voice.dispatch import sender

pytestmark = pytest.mark.django_db


def test_the_oldest_wish_goes_first_and_no_more_are_given_than_asked_for(account: TelnyxAccount) -> None:
    made = [act(make_call(account, str(at))) for at in range(5)]
    order = [made[at].pk for at in (3, 0, 4, 1, 2)]
    for age, command_id in enumerate(reversed(order), start=1):
        at = timezone.now() - timedelta(seconds=age)
        CallCommand.objects.filter(pk=command_id).update(created_at=at)
    assert sender.due(9) == order
    assert sender.due(2) == order[:2]


def test_of_one_events_commands_only_the_first_is_given_whatever_their_ids(account: TelnyxAccount) -> None:
    rows = of_event(make_call(account), *(("speak", {"payload": str(at), "voice": "female"}) for at in range(3)))
    first = rows[0]
    CallCommand.objects.filter(pk=first.pk).update(id=uuid.UUID(int=2**128 - 1))  # the greatest of all
    assert sender.due(9) == [uuid.UUID(int=2**128 - 1)]
