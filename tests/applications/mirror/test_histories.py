"""Whatever two people change here and others at Telnyx, in any order, with slow, lost and cut answers: the history puts
each change of each field to who made it, and played back it ends in the present state.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from applications.editing.service import update_application
from applications.kinds import Kind, flatten, unflatten
from applications.mirror.versions import with_changes
from applications.models import Intent
from applications.pulls.pulls import pull
from portal.actors import PORTAL, Actor
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxUncertain
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, remote_of
from tests.support.telnyx_edits import edited
from tests.support.under_way import Dying, Meanwhile

FIELDS = ("first_command_timeout_secs", "inbound.channel_limit", "inbound.sip_subdomain", "outbound.channel_limit")
HERE, THERE = ("ada", "bob"), ("eve@example.com", "mal@example.com")
Step = tuple[Any, ...]

_fields = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True)
_there = st.tuples(st.just("there"), st.sampled_from(THERE), _fields)
_pull = st.tuples(st.just("pull"))
_inner = st.lists(_there | _pull, max_size=3)
_modes = st.sampled_from(["answered", "slow", "late", "lost", "cut", "died"])
_here = st.tuples(st.just("here"), st.sampled_from(HERE), _fields, _modes, _inner)
steps = st.lists(_here | _there | _pull, min_size=1, max_size=7)


@dataclass
class Story:
    """Plays steps on one application, and knows who wrote each value: no two are the same."""

    sandbox: Sandbox
    meanwhile: Meanwhile
    dying: Dying
    kind: Kind
    row: Any
    writers: dict[tuple[str, Any], str] = field(default_factory=dict)
    answered: set[tuple[str, Any]] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    def play(self, step: Step) -> None:
        name, *rest = step
        if name == "pull":
            pull(self.kind, self.row.account, PORTAL)
        elif name == "there":
            who, names = rest
            edited(self.sandbox, self.row, unflatten(self._values(who, names)), who, self.kind)
        else:
            self._here(*rest)

    def _here(self, who: str, names: list[str], mode: str, inner: list[Step]) -> None:
        values = self._values(who, names)
        act: Callable[[], None] = lambda: [self.play(step) for step in inner] and None  # noqa: E731
        if mode == "slow":
            self.meanwhile.before("PATCH", act)
        elif mode == "late":
            self.meanwhile.do("PATCH", act)
        elif mode == "died":
            self.dying.after("PATCH")
        elif mode in {"lost", "cut"}:
            fault = {"lost": "act_then_cut", "cut": "cut"}[mode]
            self.sandbox.faults.add({"method": "PATCH", "path": f"/{self.kind.resource}", "fault": fault})
        try:
            update_application(self.row, unflatten(values), Actor(f"user: {who}"))
            self.answered |= set(values.items())
        except (TelnyxUncertain, SystemExit):
            assert mode in {"cut", "died"}
        self.row.refresh_from_db()

    def _values(self, who: str, names: list[str]) -> dict[str, Any]:
        values = {name: next(self.numbers) for name in names}
        values = {name: f"sub{value}" if name.endswith("subdomain") else value for name, value in values.items()}
        self.writers |= dict.fromkeys(values.items(), who)
        return values


def _check(story: Story) -> None:
    pull(story.kind, story.row.account, PORTAL)
    story.row.refresh_from_db()
    assert story.row.remote == remote_of(story.row, story.kind)
    records = list(story.row.history.all())
    played = flatten(records[-1].remote)
    told: set[tuple[str, Any]] = set()
    for record, changed in reversed(list(with_changes(records))):
        for name, (before, after) in changed.items():
            assert played.get(name) == before
            played[name] = after
            if name in FIELDS:
                _check_author(story.writers[name, after], record.history_change_reason)
                told.add((name, after))
    assert played == flatten(story.row.remote)
    assert story.answered <= told


def _check_author(writer: str, reason: str) -> None:
    if writer in HERE:
        assert reason == f"changed (user: {writer})"
    elif " by " in reason.removeprefix("changed at Telnyx").partition(", ")[0]:
        assert reason.startswith(f"changed at Telnyx by {writer}, found by pull")
    else:
        assert reason.startswith("changed at Telnyx, ")


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
@given(told=steps)
@settings(max_examples=settings().max_examples // 4, suppress_health_check=list(HealthCheck))
def test_the_history_names_who_made_each_change_and_leads_to_the_present(
    told: list[Step],
    kind: Kind,
    sandbox: Sandbox,
    sandbox_account: TelnyxAccount,
    meanwhile: Meanwhile,
    dying: Dying,
) -> None:
    remote = at_telnyx(sandbox_account, kind)
    pull(kind, sandbox_account, PORTAL)
    row = kind.rows(sandbox_account).get(telnyx_id=remote["id"])
    try:
        story = Story(sandbox, meanwhile, dying, kind, row)
        for step in told:
            story.play(step)
        _check(story)
    finally:
        meanwhile.clear()
        sandbox.faults.clear()
        sandbox.store.delete_application(row.telnyx_id)
        Intent.objects.all().delete()
        row.delete()
