"""The world of a history: an account, its calls, its Telnyx, and the processes that work for it, frozen wherever a step
left them.

One connection plays all processes. Where a process has a transaction open no other comes between, since SQLite has one
lock for all who write; everywhere else another step can (``amid``), and at each statement a process may die (``dies``).
"""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import RequestFactory

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.telnyx import paging
from portal.telnyx.client import NotNow
from portal.telnyx.errors import TelnyxError, TelnyxUnavailable, TelnyxUncertain
from tests.model import suspensions
from tests.model.clock import Clock, history_time
from tests.model.telnyx import ROOM, Telnyx, Webhook
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, TO, make_call, make_flow
from tests.support.signing import TELNYX_KEY, key_pair, signed
from voice.calls import status
from voice.conferences import queues, service
from voice.dialling import limits
from voice.dispatch import circuit_breaker, reconciliation, sender
from voice.events import processing, webhooks
from voice.events.leases import LeasedEvent
from voice.models import Call, CallCommand, Conference, DialBatch, Limits

Step = tuple[Any, ...]
SPEAK = {"payload": "Hello", "voice": "female"}
DIGIT = "call.dtmf.received"
_RECORD = {"action": "start_recording", "parameters": {"channels": "dual", "format": "mp3"}}
_GREET = {"action": "speak", "parameters": SPEAK}
_ONE = [{"field": "event.payload.digit", "op": "eq", "value": "1"}]
RULES: tuple[dict[str, Any], ...] = (
    {"event_type": DIGIT, "direction": "any", "when": _ONE, "do": [_GREET, _RECORD, {"action": "hangup"}]},
    {"event_type": DIGIT, "direction": "any", "do": [_GREET, _RECORD, _GREET]},
    {"event_type": "call.initiated", "direction": "incoming", "do": [{"action": "answer", "parameters": {}}]},
)
_KNOWN, _NEIGHBOURS = 4, 14  # calls
_FORGER, _ = key_pair()
_SAVEPOINTS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


class Died(BaseException):
    """The process was killed: whatever it had not committed is undone, and nothing more comes of it."""


@dataclass
class Sending:
    """A command with a sender. ``at``: when it was claimed."""

    command: CallCommand
    at: float
    outcome: Any = None
    fate: str = "ok"
    is_asking: bool = False

    @property
    def heard_nothing(self) -> bool:
        """Telnyx did not answer the attempt, or nobody knows."""
        error = self.outcome.error
        return isinstance(error, TelnyxUncertain) or (error is not None and error.http_status is None)


@dataclass
class Settings:
    """What differs from history to history. A script begins with it."""

    seed: int = 0
    concurrent_calls: int = 1000
    record_has_ids: bool = True
    repeats_in_record: bool = False
    list_lags: bool = False
    most_rivals: int = 500  # that are weighed against each other


@dataclass
class World:
    """``wrong`` collects what broke; ``acknowledged`` the bodies that were answered 200."""

    clock: Clock
    settings: Settings
    steps: dict[str, Callable[..., None]]
    account: TelnyxAccount = field(init=False)
    telnyx: Telnyx = field(init=False)
    sending: list[Sending] = field(default_factory=list)
    at_work: list[tuple[LeasedEvent, float]] = field(default_factory=list)
    woken: list[tuple[str, uuid.UUID]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    acknowledged: list[bytes] = field(default_factory=list)
    wishes: dict[str, set[uuid.UUID]] = field(default_factory=dict)
    made_at: dict[uuid.UUID, float] = field(default_factory=dict)
    closed: set[uuid.UUID] = field(default_factory=set)  # commands
    claims: list[uuid.UUID] = field(default_factory=list)  # that led to an attempt
    quiet_until: dict[str, float] = field(default_factory=dict)  # by "all" and "dials": Telnyx asked us to wait
    decided: dict[uuid.UUID, str] = field(default_factory=dict)
    heard: str = ""  # of Telnyx, attempt by attempt: o for an answer, x for nothing
    said: set[str] = field(default_factory=set)  # fates
    batch: DialBatch | None = None
    current: Sending | None = None
    read_fate: str = "ok"
    while_asked: list[Step] = field(default_factory=list)
    in_web: bool = False
    may_ask: bool = True
    dies_in: int | None = None
    is_dead: bool = False
    between: tuple[int, list[Step]] | None = None
    is_judged: bool = False  # what is read now is for a judgement, and by no process
    _base: int = 0

    def make(self) -> None:
        """Make its rows. The neighbour, who has the same ids, comes first: a filter that is missing finds it first."""
        self.neighbour = make_account("next-door")
        self.account = make_account("main")
        path = f"/webhooks/{self.account.webhook_token}/"
        chosen = self.settings
        self.telnyx = Telnyx(self.clock, path, chosen.record_has_ids, chosen.repeats_in_record, chosen.list_lags)
        theirs = []
        for at in range(1, _NEIGHBOURS + 1):
            leg_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"leg{at}"))
            ids = {"call_control_id": f"v3:{at}", "call_leg_id": leg_id}
            theirs.append(Call(account=self.neighbour, state="answered", started_at=self.clock.database(), **ids))
        Call.objects.bulk_create(theirs)
        most = {"dials_per_minute": 1000, "dials_per_day": 5000, "concurrent_calls": chosen.concurrent_calls}
        Limits.objects.create(account=self.account, **most)
        make_flow(self.account, *RULES)
        call_application(self.account)
        now = self.clock.database()
        for _ in range(_KNOWN):
            leg = self.telnyx.begin_leg(outgoing=False, to=TO, quiet=True)
            leg.in_room = True
            ids = {"call_leg_id": leg.leg_id, "call_session_id": leg.session_id, "call_control_id": leg.control_id}
            times = {"started_at": now - timedelta(seconds=20), "answered_at": now - timedelta(seconds=17)}
            make_call(self.account, **ids, **times)
        self.room = Conference.objects.create(account=self.account, conference_id=ROOM, started_at=now)

    # --- Steps --------------------------------------------------------------------------------------------------------

    def run(self, steps: Sequence[Step]) -> None:
        """Take the steps; who dies in one, dies, and the others go on."""
        for name, *values in steps:
            self.clock.now += 0.007
            self.steps[name](self, *values)

    def dies(self, statement: int, step: Step) -> None:
        """Take the step in a process that is killed at that statement of it."""
        if self.dies_in is not None or self.is_dead:
            return self.run([step])
        self.dies_in = statement
        try:
            self.run([step])
        except Died:
            pass
        finally:
            self.dies_in, self.is_dead = None, False
            connection.needs_rollback = False  # that a transaction without a savepoint leaves: it was the whole of it

    def amid(self, statement: int, step: Step, others: Sequence[Step]) -> None:
        """Take the step in a process that is stopped at that statement of it while the others take theirs.

        At a later one if it has a transaction open there: the others would wait.
        """
        if self.between is None:
            self.between = (statement, list(others))
        try:
            self.run([step])
        finally:
            self.between = None

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Called for each statement: the process may die here, or others may come between."""
        if not sql.startswith(_SAVEPOINTS) and not self.is_judged:
            if self.dies_in is not None:
                self.is_dead, self.dies_in = self.dies_in <= 0, self.dies_in - 1
            if self.is_dead:
                self.dies_in = 0
                raise Died
            if self.between and len(connection.atomic_blocks) == self._base:
                left, others = self.between
                self.between = (left - 1, others)
                if left <= 0:
                    self._let_others(others)
                    self.between = (10**9, [])  # once
        return execute(sql, params, many, context)

    @contextmanager
    def judging(self) -> Iterator[None]:
        """While it lasts no process dies, and none comes between."""
        self.is_judged = True
        try:
            yield
        finally:
            self.is_judged = False

    def counting(self, claim: Callable[..., CallCommand | None]) -> Callable[..., CallCommand | None]:
        """Count the claims that led to an attempt, and judge whether a suspension held them back."""

        def counted(command_id: uuid.UUID) -> CallCommand | None:
            with self.judging():
                before, row = suspensions.is_on(self.account), suspensions.row_of(command_id)
            if (command := claim(command_id)) is None:
                return None
            if command.status == "sending":
                self.claims.append(command_id)
            if wrong := suspensions.judge(before, row, command):
                self.wrong.append(wrong)
            return command

        return counted

    def _let_others(self, others: Sequence[Step]) -> None:
        """Others take their steps: what is of the process that is stopped here stays as it is."""
        kept = (self.between, self.current, self.read_fate, self.while_asked, self.in_web, self.dies_in)
        self.between, self.current, self.read_fate, self.while_asked = None, None, "ok", []
        self.in_web, self.dies_in = False, None
        try:
            self.run(others)
        finally:
            self.between, self.current, self.read_fate, self.while_asked, self.in_web, self.dies_in = kept

    # --- Telnyx -------------------------------------------------------------------------------------------------------

    def ask(self, account: TelnyxAccount, method: str, *path: str, **values: Any) -> Any:
        """Stand for ``portal.telnyx.client.ask`` wherever it is used."""
        if self.in_web:
            self.wrong.append(f"I13: the street door asks Telnyx ({method})")
        if not self.may_ask:
            self.wrong.append(f"SIGTERM: {method} begins after it")
            raise NotNow
        if method in _READ_METHODS:
            self._others_while_asked()
            if self.read_fate == "down":
                raise TelnyxUnavailable("Telnyx could not be read", http_status=503)
            return self.telnyx.read(method, *path, **values)
        assert self.current is not None, method
        error: TelnyxError | None = None
        answer: dict[str, Any] = {}
        try:
            answer = self.telnyx.command(self.current.command, values, self.current.fate)
        except TelnyxError as raised:
            error = raised
        self._others_while_asked()
        if error is not None:
            raise error
        return answer

    def _others_while_asked(self) -> None:
        if self.while_asked:
            others, self.while_asked = self.while_asked, []
            self._let_others(others)

    # --- The street door ----------------------------------------------------------------------------------------------

    def post(self, webhook: Webhook, *, forged: bool = False, late: float = 0.0) -> int:
        """Deliver it, really signed, to the real view."""
        webhook.attempts += 1
        body = json.dumps({"data": webhook.data, "meta": {"attempt": webhook.attempts}}, sort_keys=True).encode()
        key = _FORGER if forged else TELNYX_KEY
        headers = signed(body, now=self.clock.database().timestamp() - late, key=key)
        path = f"{self.telnyx.path}call-control/"
        request = RequestFactory().post(path, body, content_type="application/json", headers=headers)
        self.in_web = True
        try:
            answer = webhooks.call_control(request, self.account.webhook_token).status_code
        finally:
            self.in_web = False
        if answer == 200 and not forged:
            self.acknowledged.append(body)
        return answer

    def wake(self, task: str, identifier: str) -> None:
        """Stand for the broker."""
        self.woken.append((task, uuid.UUID(identifier)))

    def next_woken(self, task: str, at: int) -> uuid.UUID | None:
        """Take a message from the broker."""
        here = [one for one in self.woken if one[0] == task]
        if not here:
            return None
        chosen = here[at % len(here)]
        self.woken.remove(chosen)
        return chosen[1]


_READ_METHODS = {
    *("calls.retrieve_status", "call_events.list", "connections.list_active_calls"),
    *("conferences.list_participants", "webhook_deliveries.list"),
}


@contextmanager
def world_of(settings: Settings, steps: dict[str, Callable[..., None]]) -> Iterator[World]:
    """Make a world, and leave nothing of it."""
    with history_time(settings.seed) as clock, pytest.MonkeyPatch.context() as patch, transaction.atomic():
        world = World(clock, settings, steps)
        for module in (sender, status, paging, service, queues):
            patch.setattr(module, "ask", world.ask)
        patch.setattr(sender, "_claim", world.counting(sender._claim))
        patch.setattr(wakeups.publisher, "put", world.wake)
        patch.setattr(reconciliation, "_MOST", settings.most_rivals)
        for module in (processing, limits, circuit_breaker):
            patch.setattr(module, "_log", Silence())
        world.make()
        world._base = len(connection.atomic_blocks)
        with connection.execute_wrapper(world.statement):
            yield world
        transaction.set_rollback(True)


def call_application(account: TelnyxAccount) -> None:
    """Give the account the application, whose webhooks come here."""
    url = f"https://portal.example/webhooks/{account.webhook_token}/call-control/"
    values = {"telnyx_id": CONNECTION, "application_name": "line", "webhook_event_url": url}
    CallControlApplication.objects.bulk_create([CallControlApplication(account=account, **values)])


class Silence:
    """A log that keeps nothing: what failed in a history is judged by its rows."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **values: None


def known_calls(account: TelnyxAccount) -> list[Call]:
    """Its calls in the order of Telnyx's ids."""
    calls = Call.objects.filter(account=account)
    return sorted(calls, key=lambda call: int(call.call_control_id.rpartition(":")[2]))
