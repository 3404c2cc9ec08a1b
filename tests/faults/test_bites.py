"""The proof that the suite bites: with one guard switched off, the test that holds it turns red."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.faults.client import Client
from tests.faults.machine import Machine
from tests.faults.mutants import Mutant, Mutation
from tests.faults.scenarios import deliver_a_hundred_copies_at_once as copies
from tests.faults.scenarios import deliver_stale_and_forged_requests as forged
from tests.faults.scenarios import leave_a_command_unanswered_for_fifty_seconds as after_fifty_seconds
from tests.faults.scenarios import stall_both_workers_beside_wrong_clocks as while_it_is_leased
from tests.faults.scenarios import tell_one_account_of_anothers_call as of_another_account
from tests.faults.world import World

MUTATIONS: dict[str, tuple[Mutation, Callable[[World], None]]] = {
    "the unique index": (
        Mutation(sql="ALTER TABLE voice_callevent DROP CONSTRAINT one_event_per_key"),
        copies,
    ),
    "the signature check": (
        Mutation(
            (
                (
                    "voice/events/webhooks.py",
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
                ("voice/events/leases.py", "AND (lease_until IS NULL OR lease_until < {_NOW[vendor]})", ""),
                (
                    "voice/events/processing.py",
                    "CallEvent.objects.due().filter(status=_Status.RECEIVED)",
                    "CallEvent.objects.filter(status=_Status.RECEIVED)",
                ),
            )
        ),
        while_it_is_leased,
    ),
    "the rule of 50 seconds": (
        Mutation(
            (("voice/catalogue/retry_policy.py", "WINDOW = timedelta(seconds=50)", "WINDOW = timedelta(days=50)"),)
        ),
        after_fifty_seconds,
    ),
    "the account's scope": (
        Mutation(
            (
                (
                    "voice/events/processing.py",
                    'named = {"account": event.account_id, "call_control_id": event.call_control_id}',
                    'named = {"call_control_id": event.call_control_id}',
                ),
                (  # the claim tells whether the call is there, by the same two
                    "voice/events/leases.py",
                    "c WHERE c.account_id = voice_callevent.account_id\n                    AND c.call_control_id",
                    "c WHERE c.call_control_id",
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
