"""Finds what waits too long: commands, events, batches, calls without an end, runs that were killed.

Each look is one bounded statement on a partial index: what is done with is not read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.db.models import Min, OuterRef, Q, Subquery
from django.urls import reverse

from applications.kinds import BY_SLUG
from applications.models import SILENT_SECONDS, ApplyRun, Pull
from portal import sql
from portal.models import Heartbeat
from portal.templatetags.portal import seconds
from portal.view_times import moment_text
from voice.catalogue import actions
from voice.catalogue.event_types import label
from voice.dispatch import reconciliation
from voice.models import SILENT, Call, CallCommand, CallEvent, DialBatch, Recovery, Replay, Suspension
from voice.suspensions import standing

MOST = 50  # shown of each kind
LATE = timedelta(seconds=10)  # the sweep takes up what is due within half a second
_NO_END = timedelta(days=1)  # Telnyx ends a call long before
_SWEEP_IS_LATE = timedelta(seconds=90)
_Status = CallCommand.Status


@dataclass(frozen=True)
class Stuck:
    """Describes one thing that waits. ``owner`` says who has it; without one ``releases`` name what may be done.

    ``id`` and ``kind`` are what a release is asked for by.
    """

    kind: str
    id: str
    what: str
    why: str
    since: datetime
    url: str
    owner: str = ""
    releases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Section:
    """Holds what waits of one kind. ``all_url`` leads to the list of all where these are ``more`` than are shown."""

    title: str
    empty: str
    rows: list[Stuck] = field(default_factory=list)
    more: bool = False
    all_url: str = ""


def sections(user: Any) -> list[Section]:
    """Look at everything that this person may see, what is worst first."""
    now = sql.clock()
    return [make(user, now) for needed, make in _LOOKS if user.has_perms(needed)]


def silent_sweep() -> str:
    """Say that the sweep has not been heard for too long, or never: then nothing here goes on. Empty: it runs."""
    beat = Heartbeat.objects.filter(name="sweep").first()
    if beat is None:
        return "The sweep has never been heard."
    age = sql.clock() - beat.at
    return f"The sweep has not been heard for {seconds(age.total_seconds())}." if age > _SWEEP_IS_LATE else ""


def _section(title: str, empty: str, found: Iterator[Stuck], all_url: str) -> Section:
    rows = [one for _, one in zip(range(MOST + 1), found, strict=False)]
    return Section(title, empty, rows[:MOST], len(rows) > MOST, all_url)


def _commands(user: Any, now: datetime) -> Section:
    rows = CallCommand.objects.filter(status__in=(_Status.QUEUED, _Status.SENDING), created_at__lt=now - LATE)
    planned = Q(batch__isnull=False, lease_until__gt=now - LATE, first_sent_at=None)  # its batch tells of it
    rows = rows.exclude(planned).order_by("created_at", "id").select_related("account", "batch")
    found = (_command(one, now, user) for one in rows[: MOST + 1])
    link = f"{reverse('admin:voice_callcommand_changelist')}?open=owed"
    return _section("Commands that were not sent", "Every command was sent, or waits for its time.", found, link)


def _command(command: CallCommand, now: datetime, user: Any) -> Stuck:
    leased = command.lease_until if command.lease_until and command.lease_until > now else None
    why, owner = command.held_why or command.error, ""
    releases: tuple[tuple[str, str], ...] = ()
    if command.status == _Status.SENDING and leased:
        why = command.error or "It was sent, and Telnyx has not answered."
        owner = f"A sender has it until {moment_text(leased, 'time')}."
    elif leased:
        why = f"It waits for its next try at {moment_text(leased, 'time')}. {command.error}".strip()
        releases = (("now", "Try now"), ("drop", "Do not send"))
    else:
        why = why or "It is due, and nobody has taken it up."
        releases = (("now", "Try now"),) if command.status == _Status.SENDING else (("drop", "Do not send"),)
    if command.first_sent_at:  # what became of it is to be known
        releases = tuple(one for one in releases if one[0] != "drop")
    if not user.has_perm(actions.permission(command.action)):
        releases = ()
    what, page = f"{actions.label(command.action)} · {command.requested_by}", _page("voice_callcommand", command.pk)
    since = command.held_since or command.created_at
    return Stuck("command", str(command.pk), what, why, since, page, owner, releases)


def _decisions(user: Any, now: datetime) -> Section:
    rows = reconciliation.for_a_person().order_by("finished_at").select_related("account")
    found = (
        Stuck(
            *("decision", str(one.pk), f"{actions.label(one.action)} · {one.requested_by}"),
            one.error or "Nobody knows whether Telnyx carried it out.",
            one.finished_at or one.created_at,
            _page("voice_callcommand", one.pk),
        )
        for one in rows[: MOST + 1]
    )
    link = f"{reverse('admin:voice_callcommand_changelist')}?open=undecided"
    return _section("Commands that somebody has to decide", "No command is left uncertain.", found, link)


def _events(user: Any, now: datetime) -> Section:
    rows = CallEvent.objects.filter(status=CallEvent.Status.RECEIVED, received_at__lt=now - LATE)
    rows = rows.order_by("received_at").defer("body", "headers")
    found = (_event(one, now, user) for one in rows[: MOST + 1])
    link = f"{reverse('admin:voice_callevent_changelist')}?status__exact=received"
    return _section("Events that were not processed", "Every event was processed.", found, link)


def _event(event: CallEvent, now: datetime, user: Any) -> Stuck:
    leased = event.lease_until if event.lease_until and event.lease_until > now else None
    tried = f"Tried {event.attempts} of 8 times. {event.error}".strip() if event.attempts else ""
    until = moment_text(leased, "time") if leased else ""
    owner = f"Somebody is at it, or it waits for its next try, until {until}." if leased else ""
    releases = (("now", "Process now"),) if not leased and user.has_perm("voice.replay_event") else ()
    why, page = tried or "It is due, and nobody has taken it up.", _page("voice_callevent", event.pk)
    return Stuck("event", str(event.pk), label(event.event_type), why, event.received_at, page, owner, releases)


def _dead_events(user: Any, now: datetime) -> Section:
    rows = CallEvent.objects.filter(status=CallEvent.Status.DEAD).order_by("-received_at").defer("body", "headers")
    found = (
        Stuck(
            *("dead", str(one.pk), label(one.event_type), f"Given up after {one.attempts} tries: {one.error}"),
            one.received_at,
            _page("voice_callevent", one.pk),
        )
        for one in rows[: MOST + 1]
    )
    link = f"{reverse('admin:voice_callevent_changelist')}?status__exact=dead"
    return _section("Events that were given up", "No event was given up.", found, link)


def _batches(user: Any, now: datetime) -> Section:
    waiting = CallCommand.objects.filter(status=_Status.QUEUED, batch__isnull=False).order_by()
    of_batch = waiting.filter(batch=OuterRef("pk")).values("batch").annotate(at=Min("lease_until"))
    rows = DialBatch.objects.filter(pk__in=waiting.values("batch")).exclude(status=DialBatch.Status.CANCELLED)
    rows = rows.annotate(due=Subquery(of_batch.values("at")))
    late = Q(status=DialBatch.Status.PAUSED) | Q(due__lt=now - LATE) | Q(due=None)
    rows = rows.filter(late).order_by("-created_at").select_related("account")
    held = {(row.account_id, row.connection_id): row for row in Suspension.objects.select_related("account")[:1000]}
    found = (_batch(one, held, user) for one in rows[: MOST + 1])
    link = reverse("admin:voice_dialbatch_changelist")
    return _section("Batches that stand still", "Every batch goes on, or is done.", found, link)


def _batch(batch: Any, held: dict[Any, Suspension], user: Any) -> Stuck:
    suspension = held.get((batch.account_id, "")) or held.get((batch.account_id, batch.connection_id))
    paused = batch.status == DialBatch.Status.PAUSED
    why = "It is paused." if paused else "Its next line is due, and nobody has sent it."
    may_read = user.has_perm("voice.view_suspension") or user.has_perm("voice.suspend")
    words = standing.words(suspension) if suspension and may_read else "Its account or application is suspended."
    owner = f"{words} Lift that first." if suspension else ""
    may = paused and not suspension and user.has_perm("voice.dial")
    since, releases = batch.began_at if paused else batch.due or batch.began_at, (("resume", "Resume"),) if may else ()
    return Stuck("batch", str(batch.pk), batch.name, why, since, _page("voice_dialbatch", batch.pk), owner, releases)


def _calls(user: Any, now: datetime) -> Section:
    rows = Call.objects.alive().filter(started_at__lt=now - _NO_END).order_by("started_at").defer("facts")
    why = "It seems to be alive for over a day: its end was not heard."
    found = (
        Stuck(
            *("call", str(one.pk), f"{one.direction or 'call'}, {one.state}", why, one.started_at),
            _page("voice_call", one.pk),
            releases=(("ask", "Ask Telnyx"),),
        )
        for one in rows[: MOST + 1]
    )
    link = f"{reverse('admin:voice_call_changelist')}?q={quote('is:running until:24h rows:legs')}"
    return _section("Calls without an end", "Every call that began has ended, or is young.", found, link)


def _runs(user: Any, now: datetime) -> Section:
    found = (one for model, permission, make in _RUNS if user.has_perm(permission) for one in make(model, user, now))
    return _section("Runs that were killed, or wait", "Every pull, apply, recovery and replay goes on.", found, "")


def _once(model: Any, user: Any, now: datetime) -> Iterator[Stuck]:
    name, url = str(model._meta.verbose_name), model._meta.label_lower.replace(".", "_")
    silent = model.objects.filter(state="running", seen_alive_at__lt=now - timedelta(seconds=SILENT_SECONDS))
    for one in silent.select_related("account")[: MOST + 1]:
        may = user.has_perm(f"applications.change_{BY_SLUG[one.kind].model._meta.model_name}")
        what, why = f"{name} of {one.account}, {one.kind}", "It was silent for a minute: whoever ran it was killed."
        releases = (("bury", "End it"),) if may else ()
        kind, page = str(model._meta.model_name), _page(url, one.pk)
        yield Stuck(kind, str(one.pk), what, why, one.seen_alive_at, page, "", releases)


def _recoveries(model: Any, user: Any, now: datetime) -> Iterator[Stuck]:
    lost = Q(state=Recovery.State.RUNNING, seen_alive_at__lt=now - SILENT)
    waits = Q(state=Recovery.State.QUEUED, started_at__lt=now - SILENT)
    for one in Recovery.objects.filter(lost | waits).select_related("account")[: MOST + 1]:
        killed = one.state == Recovery.State.RUNNING
        why = "It was silent for two minutes: whoever ran it was killed." if killed else "Nobody has begun it."
        releases = (("bury", "End it"),) if killed and user.has_perm("voice.recover_events") else ()
        url = _page("voice_recovery", one.pk)
        yield Stuck("recovery", str(one.pk), f"Recovery of {one.account}", why, one.seen_alive_at, url, "", releases)


def _replays(model: Any, user: Any, now: datetime) -> Iterator[Stuck]:
    open_ones = Replay.objects.filter(state__in=(Replay.State.LOOKING, Replay.State.RUNNING))
    late = Q(lease_until__lt=now - LATE) | Q(lease_until=None, created_at__lt=now - LATE)
    for one in open_ones.filter(late)[: MOST + 1]:
        why, since = "It is due, and nobody is at it.", one.lease_until or one.created_at
        url = _page("voice_replay", one.pk)
        yield Stuck("replay", str(one.pk), str(one), why, since, url, "", (("now", "Go on now"),))


def _page(name: str, key: Any) -> str:
    return reverse(f"admin:{name}_change", args=[key])


_RUNS: tuple[tuple[Any, str, Callable[[Any, Any, datetime], Iterator[Stuck]]], ...] = (
    (Pull, "applications.view_pull", _once),
    (ApplyRun, "applications.view_applyrun", _once),
    (Recovery, "voice.view_recovery", _recoveries),
    (Replay, "voice.replay_event", _replays),
)
_LOOKS: tuple[tuple[list[str], Callable[[Any, datetime], Section]], ...] = (
    (["voice.view_callevent"], _events),
    (["voice.view_callcommand"], _commands),
    (["voice.view_callcommand"], _decisions),
    (["voice.view_callevent"], _dead_events),
    (["voice.view_dialbatch"], _batches),
    (["voice.view_call"], _calls),
    ([], _runs),
)
