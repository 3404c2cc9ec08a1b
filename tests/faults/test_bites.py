"""The proof that the suite bites: with one guard switched off, the test that holds it turns red."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.faults.client import Client
from tests.faults.conftest import Machine, World
from tests.faults.mutants import Mutant, Mutation
from tests.faults.test_accounts import test_what_one_account_is_told_touches_no_call_of_another as of_another_account
from tests.faults.test_deaths import test_a_lease_is_by_the_databases_clock as while_it_is_leased
from tests.faults.test_delivery import (
    test_a_hundred_copies_at_once_on_two_servers_are_one_event_and_one_command as copies,
)
from tests.faults.test_delivery import test_stale_and_forged_requests_are_refused_and_leave_nothing as forged
from tests.faults.test_window import (
    test_what_still_makes_sense_is_not_sent_again_after_fifty_seconds as after_fifty_seconds,
)

MUTATIONS: dict[str, tuple[Mutation, Callable[[World], None]]] = {
    "the unique index": (
        Mutation(sql="ALTER TABLE voice_callevent DROP CONSTRAINT one_event_per_key"),
        copies,
    ),
    "the signature check": (
        Mutation(
            (
                (
                    "voice/webhooks.py",
                    "signatures.verify(request.headers, body, account.public_keys, time.time())",
                    "time.time()",
                ),
            )
        ),
        forged,
    ),
    "the lease": (
        Mutation(
            (
                ("voice/claims.py", "AND (lease_until IS NULL OR lease_until < {_NOW[vendor]})", ""),
                ("voice/processing.py", "filter(due, status=_Status.RECEIVED)", "filter(status=_Status.RECEIVED)"),
            )
        ),
        while_it_is_leased,
    ),
    "the rule of 50 seconds": (
        Mutation((("voice/dispatch.py", "WINDOW = timedelta(seconds=50)", "WINDOW = timedelta(days=50)"),)),
        after_fifty_seconds,
    ),
    "the account's scope": (
        Mutation(
            (
                (
                    "voice/processing.py",
                    'named = {"account": event.account_id, "call_control_id": event.call_control_id}',
                    'named = {"call_control_id": event.call_control_id}',
                ),
            )
        ),
        of_another_account,
    ),
}


@pytest.mark.parametrize("guard", MUTATIONS)
def test_the_suite_turns_red_without(machine: Machine, guard: str) -> None:
    mutation, test = MUTATIONS[guard]
    with mutated(machine, mutation) as world, pytest.raises(AssertionError):
        test(world)


@contextlib.contextmanager
def mutated(machine: Machine, mutation: Mutation) -> Iterator[World]:
    machine.portal("rabbitmq")  # the servers and the template are there
    mutant = Mutant(mutation, machine.postgres, machine.brokers["redis"], machine.telnyx, machine.template)
    world = World(mutant, Client(mutant, mutant.next_line()))
    try:
        mutant.start("web", "events", "commands", "sweep")
        yield world
    finally:
        machine.telnyx.heal()
        mutant.close()
        for proxy in world.proxies:
            proxy.close()
