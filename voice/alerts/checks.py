"""Checks what may be wrong: each check says, in words and with a link, what it finds now. They write nothing.

Each is a handful of bounded statements on indexes, whatever number of calls and events there is.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse

from applications.kinds import KINDS
from applications.models import Pull
from applications.pulls.pulls import ANOTHER_OWNER
from portal.masking import masked
from portal.models import Heartbeat, TelnyxAccount
from portal.texts import pluralised
from voice.alerts import silent_applications
from voice.alerts.findings import CHECKS, MOST, Check, CheckRound, Finding, check, counted, listing
from voice.dispatch import circuit_breaker, reconciliation
from voice.events import refusal_reasons, rejections
from voice.models import ALERT_KINDS, Alert, CallCommand, CallEvent, DialBatch, Recovery, RejectedRequest

REFUSED_WITHIN, REFUSED_AT_LEAST, REFUSED_TOO_MANY = timedelta(minutes=10), 5, 1000
QUARANTINED_WITHIN, QUARANTINED_AT_LEAST = timedelta(hours=1), 5
REPEATED_WITHIN = timedelta(hours=1)
WAITED_TOO_LONG = timedelta(seconds=60)
STALE_AFTER = timedelta(seconds=90)
# heartbeats by name: what is said when one stops
PROCESSES = {
    "sweep": "The sweep has not been heard for {}: what no worker was woken for stays undone.",
    "worker": "The workers, or beat, have not been heard for {}: only the sweep does their work.",
}
_TWINS = 100  # that are compared; they make one alert
_NOT_OURS = {refusal_reasons.PROBE.code, refusal_reasons.TOO_LARGE.code}  # nothing that Telnyx sent


@check(silent_applications.KIND, "Application is silent")
def application_silent(check_round: CheckRound) -> Iterable[Finding]:
    """Find applications whose calls are live, and of which no webhook comes."""
    return silent_applications.silent_applications(check_round)


@check("signature_failures", "Webhooks are refused", closes_after=timedelta(minutes=5))
def refused_webhooks(check_round: CheckRound) -> Iterator[Finding]:
    """Find accounts whose webhooks are refused.

    Five or more since the last hour began, over a tenth of what the account got (or a thousand), one just now. While
    the alert is open, fewer keep it so: else what trickles in would be a new alert each hour.
    """
    recent = RejectedRequest.objects.filter(at__gt=check_round.now - REFUSED_WITHIN, account__isnull=False)
    refusing = set(recent.exclude(code__in=_NOT_OURS).order_by().values_list("account", flat=True))
    # the ring keeps one a second; how many there were is counted by the hour, and this one may have just begun
    since = (check_round.now - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    counts = rejections.counts_by_account(since) if refusing else {}
    open_alerts = Alert.objects.filter(kind="signature_failures", closed_at=None)
    alerting = set(open_alerts.values_list("subject", flat=True)) if refusing else set()
    for account in TelnyxAccount.objects.filter(pk__in=refusing):
        codes = Counter({code: n for code, n in counts.get(account.pk, Counter()).items() if code not in _NOT_OURS})
        number = codes.total()
        if number < REFUSED_AT_LEAST and account.name not in alerting:
            continue
        if number < REFUSED_TOO_MANY and _let_in(account, since, 9 * number) >= 9 * number:
            continue
        which = pluralised(number, f"webhook of {account} was", f"webhooks of {account} were")
        yield Finding(
            account.name,
            f"{which} refused since {since:%H:%M} UTC: {_why(codes)}.",
            account,
            reverse("admin:voice_inbox_account", args=[account.pk]),
            {"refused": number, "reasons": dict(codes)},
        )


@check("dead_events", "Dead events")
def dead_events(check_round: CheckRound) -> Iterator[Finding]:
    """Find dead events that nobody has run again."""
    for account in TelnyxAccount.objects.all():
        dead = CallEvent.objects.filter(account=account, status=CallEvent.Status.DEAD)
        if number := _number(dead):
            words = counted(number, "event was", "events were") + " given up after eight tries"
            link = listing("voice_callevent", status__exact="dead", account__id__exact=account.pk)
            yield Finding(account.name, f"{words} ({account}). The page of each says why.", account, link)


@check("quarantined_events", "Unreadable webhooks")
def quarantined_events(check_round: CheckRound) -> Iterator[Finding]:
    """Find unreadable webhooks: one of the old webhook API, or five others within the hour."""
    for account in TelnyxAccount.objects.all():
        bad = CallEvent.objects.filter(account=account, status=CallEvent.Status.QUARANTINED)
        bad = bad.filter(received_at__gt=check_round.now - QUARANTINED_WITHIN)
        number, old = _number(bad), _number(bad.filter(reason=CallEvent.Reason.OLD_FORMAT))
        if not old and number < QUARANTINED_AT_LEAST:
            continue
        words = counted(number, "webhook could not be read", "webhooks could not be read")
        remedy = " Set the webhook API version of its application to 2." if old else ""
        link = listing("voice_callevent", status__exact="quarantined", account__id__exact=account.pk)
        details = {"quarantined": number, "of_version_1": old}
        yield Finding(account.name, f"{words} in the last hour ({account}).{remedy}", account, link, details)


@check("repeated_events", "Events under two ids")
def repeated_events(look: CheckRound) -> Iterator[Finding]:
    """Events of one leg with the same type, time and payload, but ids of their own.

    What makes a repeat a repeat is Telnyx's id of the event, so each of them was applied, and ran its rules. Looked for
    among the latest thousand of the hour. TeXML's callbacks have no id, and times of whole seconds.
    """
    again: dict[TelnyxAccount, set[str]] = defaultdict(set)
    for same in _same_events(look):
        again[same[0].account] |= {one.event_type for one in same}
    for account, types in again.items():
        words = f"Telnyx sent events of {account} again under another id ({', '.join(sorted(types))[:120]})."
        link = listing("voice_callevent", account__id__exact=account.pk)
        yield Finding(
            account.name, f"{words} Each ran its rules: look into the calls for what was done twice.", account, link
        )


@check("breaker_open", "Commands are held back", closes_after=timedelta(minutes=2))
def open_breakers(check_round: CheckRound) -> Iterator[Finding]:
    """Find accounts whose commands are held back."""
    for row in circuit_breaker.not_closed():
        words = f"Commands of {row.account} are held back. {masked(row.why)}"
        yield Finding(row.account.name, words, row.account, listing("voice_callcommand"))


@check("backlog", "Work piles up", closes_after=timedelta(minutes=2))
def backlog(check_round: CheckRound) -> Iterator[Finding]:
    """Find something due that nobody has begun, or taken up again, for a minute.

    What waits for its next try, its turn, a breaker or the end of a pause is not due.
    """
    events = CallEvent.objects.filter(status=CallEvent.Status.RECEIVED)
    if found := _overdue(check_round, events, "received_at"):
        words = f"Events have waited for {_seconds(found)} to be processed: more come in than are worked off."
        yield Finding("events", words, None, listing("voice_callevent", status__exact="received"))
    held = [row.account_id for row in circuit_breaker.not_closed()]
    commands = CallCommand.objects.filter(status=CallCommand.Status.QUEUED).exclude(account__in=held)
    commands = commands.exclude(batch__status=DialBatch.Status.PAUSED, first_sent_at=None)
    if found := _overdue(check_round, commands, "created_at"):
        words = f"Commands have waited for {_seconds(found)} to be sent: nobody sends them, or too few do."
        yield Finding("commands", words, None, listing("voice_callcommand", status__exact="queued"))
    # a breaker holds these for 50 s only, and a paused batch not at all: whatever may be, they come to an end
    begun = CallCommand.objects.filter(status=CallCommand.Status.SENDING)
    if found := _overdue(check_round, begun, "created_at"):
        words = f"Commands that were begun have waited for {_seconds(found)} to be taken up again: nobody ends them."
        yield Finding("begun commands", words, None, listing("voice_callcommand", status__exact="sending"))


@check("process_stale", "A process is silent", closes_after=timedelta(minutes=1))
def stale_processes(check_round: CheckRound) -> Iterator[Finding]:
    """Find processes that were there once, and are not heard any more."""
    for beat in Heartbeat.objects.filter(name__in=PROCESSES):
        if check_round.waited(beat.at) > STALE_AFTER:
            yield Finding(beat.name, PROCESSES[beat.name].format(_seconds(check_round.now - beat.at)))


@check("drift", "Changed at Telnyx")
def drift(check_round: CheckRound) -> Iterator[Finding]:
    """Find what the last pull found changed or gone, or so much gone that it stopped."""
    over = Pull.objects.filter(state__in=(Pull.State.DONE, Pull.State.STOPPED))
    for account in TelnyxAccount.objects.all():
        for kind in KINDS:
            last = over.filter(account=account, kind=kind.slug).first()
            if last is None or not (last.updated or last.missing or last.state == Pull.State.STOPPED):
                continue
            yield Finding(
                f"{account.name}/{kind.slug}", _drifted(last), account, _page("applications_pull", last), last.counts
            )


@check("uncertain_commands", "Commands to decide")
def commands_to_decide(check_round: CheckRound) -> Iterator[Finding]:
    """Find commands of which nobody knows whether Telnyx carried them out, and the portal has stopped looking."""
    rows = reconciliation.for_a_person().order_by().values("account").annotate(number=Count("id"))
    counts = dict(rows.values_list("account", "number"))
    for account in TelnyxAccount.objects.filter(pk__in=counts):
        words = counted(counts[account.pk], "command needs a decision", "commands need a decision")
        summary = f"{words} ({account}): nobody knows whether Telnyx carried out what was asked."
        link = listing("voice_callcommand", open="undecided", account__id__exact=account.pk)
        yield Finding(account.name, summary, account, link)


@check("recovery_failing", "Recovery fails")
def failing_recoveries(check_round: CheckRound) -> Iterator[Finding]:
    """Find accounts whose last two runs for missed webhooks failed."""
    over = Recovery.objects.filter(state__in=(Recovery.State.DONE, Recovery.State.FAILED))
    for account in TelnyxAccount.objects.all():
        last = list(over.filter(account=account)[:2])
        if len(last) == 2 and all(record.state == Recovery.State.FAILED for record in last):
            words = f"Missed webhooks of {account} cannot be fetched from Telnyx: {masked(last[0].problem)}"
            yield Finding(account.name, words, account, listing("voice_recovery", account__id__exact=account.pk))


def registered() -> dict[str, Check]:
    """Map every check by its kind, in the order of the functions above."""
    return CHECKS


def kinds() -> list[tuple[str, str]]:
    """List every kind, in the order of the checks: its code, and what people call it."""
    return [(kind, ALERT_KINDS[kind]) for kind in CHECKS]


def _same_events(look: CheckRound) -> Iterator[list[CallEvent]]:
    told = CallEvent.objects.exclude(source=CallEvent.Source.TEXML).filter(occurred_at__isnull=False)
    latest = told.filter(received_at__gt=look.now - REPEATED_WITHIN, call__isnull=False).order_by("-received_at")
    alike = {name: OuterRef(name) for name in ("call", "event_type", "occurred_at")}
    twins = told.filter(**alike).exclude(event_id=OuterRef("event_id"))
    found = told.filter(Exists(twins), pk__in=latest.values("pk")[:MOST]).values_list("call", "occurred_at")[:_TWINS]
    calls, times = zip(*found, strict=True) if found else ((), ())
    alike_by_words: dict[tuple[object, ...], list[CallEvent]] = defaultdict(list)
    rows = told.filter(call__in=calls, occurred_at__in=times).select_related("account").defer("body", "headers")
    for event in rows[:MOST]:
        words = json.dumps(event.payload, sort_keys=True)
        alike_by_words[event.call_id, event.event_type, event.occurred_at, words].append(event)
    return (same for same in alike_by_words.values() if len(same) > 1)


def _let_in(account: TelnyxAccount, since: datetime, most: int) -> int:
    webhooks = CallEvent.objects.filter(account=account, received_at__gt=since).exclude(source="backfill")
    return webhooks.order_by()[:most].count()


def _why(codes: Counter[str]) -> str:
    return "; ".join(refusal_reasons.kind(code).words for code, _ in codes.most_common(2)) or "see the requests"


def _number(rows: QuerySet[CallEvent]) -> int:
    return rows.order_by()[: MOST + 1].count()


def _overdue(check_round: CheckRound, rows: QuerySet[CallEvent] | QuerySet[CallCommand], made: str) -> timedelta | None:
    """Return how long the one that is due longest has waited, if that is too long."""
    late = check_round.now - WAITED_TOO_LONG
    due = rows.filter(Q(lease_until=None) | Q(lease_until__lt=late), **{f"{made}__lt": late})
    at = due.order_by(made).values_list(Coalesce("lease_until", made), flat=True).first()
    waited = check_round.waited(at) if at else timedelta()
    return waited if waited > WAITED_TOO_LONG else None


def _drifted(pull: Pull) -> str:
    which = next(kind.model._meta.verbose_name_plural for kind in KINDS if kind.slug == pull.kind)
    if pull.errors and pull.errors[-1].get("kind") == ANOTHER_OWNER:
        whose = f"The API key of {pull.account} is of another organization than its applications"
        return f"{whose}, so the pull stopped. Enter the right key."
    if pull.state == Pull.State.STOPPED:
        return f"So many {which} of {pull.account} are gone from Telnyx that the pull stopped. Is that true?"
    return f"The last pull found {pull.updated} changed and {pull.missing} gone at Telnyx ({which} of {pull.account})."


def _page(model: str, row: Pull) -> str:
    return reverse(f"admin:{model}_change", args=[row.pk])


def _seconds(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
