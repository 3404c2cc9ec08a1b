"""Commands over REST: their members and their filters."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.rest import COMMANDS
from tests.support.rows import CallCommand
from tests.support.times import ago
from voice.commands import outbox

pytestmark = pytest.mark.django_db


@pytest.mark.alone("it lists what there is, of every account")
def test_every_filter_of_commands_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    outbox.act(make_call(account), "hangup", {}, PORTAL)
    outbox.act(make_call(account, "b", state="ended"), "answer", {}, PORTAL)
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    for name, value, count in (
        ("action", "answer", 1),
        ("status", "expired", 1),
        ("status", "uncertain", 0),
        ("call_control_id", "v3:a-leg", 1),
        ("account", "main", 2),
        ("created_after", soon, 0),
        ("created_before", soon, 2),
    ):
        assert len(api.get(COMMANDS, {name: value}).json()["results"]) == count, (name, value)


def test_commands_are_listed_the_newest_first_and_by_when_they_were_asked_for(
    api: APIClient, account: TelnyxAccount
) -> None:
    call, times = make_call(account), [ago(at) for at in (10, 20, 30, 40)]
    made = [outbox.act(call, "hangup", {}, PORTAL).pk for _ in times]
    for command_id, at in zip(made, times, strict=True):
        CallCommand.objects.filter(pk=command_id).update(created_at=at)
    for asked, found in (({}, made), ({"created_after": times[1]}, made[:2]), ({"created_before": times[1]}, made[2:])):
        query = {"account": account.name} | {name: at.isoformat() for name, at in asked.items()}
        listed = api.get(COMMANDS, query).json()["results"]
        assert [row["id"] for row in listed] == [str(command_id) for command_id in found], asked


def test_commands_of_one_moment_are_listed_in_one_order(api: APIClient, account: TelnyxAccount) -> None:
    """Else a page of the list could leave one out."""
    call, at = make_call(account), ago(10)
    for number in (2, 3, 1):
        command = outbox.act(call, "hangup", {}, PORTAL)
        CallCommand.objects.filter(pk=command.pk).update(id=uuid.UUID(int=number), created_at=at)
    listed = api.get(COMMANDS, {"account": account.name}).json()["results"]
    assert [row["id"] for row in listed] == [str(uuid.UUID(int=number)) for number in (3, 2, 1)]
