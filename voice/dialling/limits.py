"""Limits dialling against toll fraud: where may be called, how often, how much at once. They hold at every door.

A dial, a transfer and a refer count when their command is made, under the lock of their account's (and token's) row, so
that of many at the same moment no more get through than may. Before it is sent each one is checked once more. Locks go
call → event → command → limits.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from portal import hosts, sql
from portal.actors import PORTAL
from portal.models import ApiToken, AuditEvent, TelnyxAccount
from portal.phone_numbers import same_form
from portal.refusals import LimitExceeded
from voice.catalogue import actions, retry_policy
from voice.dialling import egress
from voice.dialling.destinations import Destination, Named, destinations
from voice.models import Call, CallCommand, Limits, satellites
from voice.suspensions import standing

# A sandbox rings nobody: there the counts only stop what runs wild.
_SANDBOX: dict[str, Any] = {"dials_per_minute": 1000, "dials_per_day": 50_000, "concurrent_calls": 1000}
_SANDBOX |= {"for_live": False}
# Elsewhere a fresh account may call its own country, which ``own_numbers`` reads; the rest is opened by somebody.
_LIVE: dict[str, Any] = {"dials_per_minute": 60, "dials_per_day": 2000, "concurrent_calls": 50}
_LIVE |= {"any_country": False, "allow_sip": False, "allowed_sip_hosts": [], "own_countries_wanted": True}
_LIVE |= {"allow_premium": False, "allowed_countries": [], "allowed_prefixes": [], "blocked_prefixes": satellites()}
_LIVE |= {"egress_hosts": [], "for_live": True}
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_LEG_COMES = timedelta(seconds=3)  # between an accepted transfer and the webhook of the leg it made
_RINGS = timedelta(minutes=2)  # at most, by Telnyx
_FORGOTTEN = timedelta(days=1)  # Telnyx ends a call long before; what seems alive then has lost its end
_SKEW = timedelta(seconds=5)  # between Telnyx's clock and the database's
_SENT = ("first_sent_at", "action", "call__call_session_id", "parameters__to", "parameters__To")
_BEGUN = ("started_at", "to_number", "call_session_id", "state")
_Leg = tuple[datetime, str, str, bool]  # when it began, its number and session, and whether it is alive
_Status = CallCommand.Status
_OPEN = (_Status.QUEUED, _Status.SENDING)
UNREADABLE = (
    "Enter a number with + and country code, as +13125550001, or a sip: address with a plain user, as "
    "sip:ada@example.com: else no limit can be checked."
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Usage:
    """Counts what is used now: dials of the last 60 s, of the last 24 h with what is planned, outgoing calls alive."""

    dials_per_minute: int
    dials_per_day: int
    concurrent_calls: int


def of_account(account: TelnyxAccount) -> Limits:
    """Find the account's limits; make them with defaults when first needed, and anew when a sandbox became live."""
    defaults = _LIVE if account.is_live else _SANDBOX
    row, _ = Limits.objects.get_or_create(account=account, defaults=defaults)
    if account.is_live and not row.for_live:
        with transaction.atomic():
            if Limits.objects.filter(pk=row.pk, for_live=False).update(**_LIVE):
                AuditEvent.note(PORTAL, "limits.update", row, now=_LIVE)
        row.refresh_from_db()
    return row


def of_all_accounts() -> None:
    """Make what ``of_account`` makes, for each account that needs it: no statement for the others."""
    without = TelnyxAccount.objects.exclude(pk__in=Limits.objects.exclude(account=None).values("account"))
    became_live = Limits.objects.filter(for_live=False).select_related("account")
    for account in [*without, *(row.account for row in became_live if row.account and row.account.is_live)]:
        of_account(account)


def of_token(token: ApiToken | None) -> Limits | None:
    """Find the token's own limits, if it has any."""
    return Limits.objects.filter(token=token).first() if token else None


def countries() -> set[str]:
    """Name the countries that any account may call, where these are named: those of its own numbers, mostly."""
    named = Limits.objects.exclude(account=None).values_list("allowed_countries", flat=True)
    return {country for one in named for country in one}


def limits_for(account: TelnyxAccount, token: ApiToken | None) -> list[Limits]:
    """List all limits that hold for what this token (or a person) does at this account."""
    return [limits for limits in (of_account(account), of_token(token)) if limits]


def refusal(held: list[Limits], to: str) -> str:
    """Tell why ``to`` may not be called, whatever else is going on; empty when it may."""
    try:
        _judge(held, destinations(actions.DIAL, {"to": to}))
    except LimitExceeded as error:
        return error.words
    return ""


def check_shared(held: list[Limits], shared: dict[str, Any], user: Any) -> None:
    """Raise ``LimitExceeded`` for what each dial of a batch would have in common, whatever number it calls."""
    egress.check(held, egress.addresses(actions.DIAL, shared), user)
    _judge(held, destinations(actions.DIAL, shared))


def check_room(held: list[Limits], dials: int, per_second: float) -> None:
    """Raise ``LimitExceeded`` when so many dials, at that rate, cannot get through."""
    for limits in held:
        per_minute, used = limits.dials_per_minute, usage(limits).dials_per_day
        if per_minute is not None and per_second * 60 > per_minute:
            words = f"The limit dials_per_minute of {limits} is {per_minute}: that is {per_minute / 60:.4g} a second."
            raise LimitExceeded("dials_per_minute", per_minute, words, "per_second")
        _over(limits, "dials_per_day", used + dials, f"{used} are taken", "numbers")


def admit(command: CallCommand, beside: int = 0) -> None:
    """Count an unsaved command, or raise ``LimitExceeded``. Inside the transaction that saves it.

    ``beside`` are dials that the same transaction saves with it.
    """
    named = destinations(command.action, command.parameters)
    try:
        _check_egress(command, command.user)
        if not named:
            return
        held, now = _locked(command), sql.clock()
        _demand_no_suspension(command)  # under the lock that whoever suspends takes first
        _judge(held, named)
        for limits in held:
            _check_counts(limits, usage(limits, now), named.dials + beside, named)
    except LimitExceeded as error:
        _log.warning("refused by a limit", limit=error.limit, account=command.account.name, by=command.requested_by)
        raise
    command.dials, command.counted_at = named.dials, now


def expire_forbidden(commands: Iterable[CallCommand]) -> None:
    """Mark those commands of rules and handlers ``expired`` that a limit forbids; each says so."""
    beside = 0
    for command in commands:
        if command.status != CallCommand.Status.QUEUED:
            continue
        try:
            admit(command, beside)
            beside += command.dials
        except LimitExceeded as error:
            command.status, command.error = CallCommand.Status.EXPIRED, error.words
            command.finished_at = command.created_at


def reserve(commands: list[CallCommand], per_second: float) -> None:
    """Plan many dials, each with its ``counted_at`` to come; ``LimitExceeded`` when there is no room for them."""
    rung = destinations(commands[0].action, commands[0].parameters).dials  # they differ by their number alone
    for command in commands:
        command.dials = rung
    held = _locked(commands[0])
    _demand_no_suspension(commands[0])
    check_room(held, len(commands) * rung, per_second * rung)


def find_exceeded(command: CallCommand) -> LimitExceeded | None:
    """Find the limit that forbids to send it for the first time, as limits are now; None when it may go."""
    if command.first_sent_at:
        return None
    named = destinations(command.action, command.parameters)
    is_suspended = vars(command).get("has_suspension", True)  # as it was asked with the lease
    if is_suspended and (found := standing.find_forbidden(command, rings=bool(named or named.is_open))):
        return found
    try:
        _check_egress(command)
        if not named:
            return None
        held = limits_for(command.account, command.token)
        _judge(held, named)
        for limits in held if command.counted_at else ():
            _check_counts(limits, usage(limits, command.counted_at, command), command.dials, named)
    except LimitExceeded as error:
        return error
    return None


def usage(limits: Limits, at: datetime | None = None, but: CallCommand | None = None) -> Usage:
    """Count what stands against ``limits`` at ``at``, without ``but`` and what was made or planned after it."""
    at = at or sql.clock()
    counted = _counted(limits)
    if but is not None:
        counted = counted.exclude(pk=but.pk).filter(counted_at__lte=at)
    until_now = counted.filter(counted_at__lte=at)
    legs, on_its_way = _legs(limits, at), until_now.filter(_on_its_way())
    over = until_now.filter(status=_Status.OK, finished_at__lte=sql.Now() - _LEG_COMES)
    made = over.exclude(action__in=actions.NEW_CALLS)
    return Usage(
        _sum(until_now.filter(counted_at__gt=at - _MINUTE)),
        _sum(counted.filter(counted_at__gt=at - _DAY)),
        legs.exclude(state__in=Call.OVER).count() + _sum(on_its_way) - _already_alive(legs, on_its_way, made),
    )


def usages(rows: list[Limits]) -> dict[uuid.UUID, Usage]:
    """Count what ``usage`` counts for many rows, in a few statements; only for those who dial now, in more.

    Without a command on its way an account's live legs are what there is to count. A token's are told by its commands.
    """
    at = sql.clock()
    found: dict[uuid.UUID, Usage] = {}
    for owner in ("account", "token"):
        of_owner = {getattr(row, f"{owner}_id"): row for row in rows if getattr(row, f"{owner}_id")}
        counted = CallCommand.objects.filter(counted_at__isnull=False, **{f"{owner}__in": list(of_owner)})
        counted = counted.exclude(status=_Status.EXPIRED).order_by()
        until_now = Q(counted_at__lte=at)
        sums = {
            "minute": Sum("dials", filter=until_now & Q(counted_at__gt=at - _MINUTE), default=0),
            "day": Sum("dials", filter=Q(counted_at__gt=at - _DAY), default=0),
            "calls": Count("pk", filter=Q(call__isnull=False)),
        }
        lately = counted.filter(counted_at__gt=at - max(_DAY, _FORGOTTEN))
        told = {row[owner]: row for row in lately.values(owner).annotate(**sums)}
        going = set(counted.filter(until_now & _on_its_way()).values_list(owner, flat=True).distinct())
        alive = dict[Any, int]()
        if owner == "account":
            legs = Call.objects.alive().filter(direction="outgoing", started_at__gt=at - _FORGOTTEN).order_by()
            legs = legs.filter(account__in=list(of_owner))
            alive = dict(legs.values_list("account").annotate(count=Count("pk")))
        for key, row in of_owner.items():
            its = told.get(key, {"minute": 0, "day": 0, "calls": 0})
            is_plain = key not in going and (owner == "account" or not its["calls"])
            found[row.pk] = Usage(its["minute"], its["day"], alive.get(key, 0)) if is_plain else usage(row, at)
    return found


def _locked(command: CallCommand) -> list[Limits]:
    """Lock the rows that hold for it, the account's first."""
    of_account(command.account)
    locked = Limits.objects.select_for_update(of=("self",), no_key=True).select_related("account", "token")
    token = locked.filter(token=command.token) if command.token_id else locked.none()
    return [locked.get(account=command.account), *token]


def _demand_no_suspension(command: CallCommand) -> None:
    if found := standing.find_forbidden(command, rings=True):
        raise found


def _check_egress(command: CallCommand, user: Any = None) -> None:
    if found := egress.addresses(command.action, command.parameters):  # else no row is needed
        egress.check(limits_for(command.account, command.token), found, user)


def _judge(held: list[Limits], named: Named) -> None:
    if named.unreadable:
        raise LimitExceeded("destination", None, UNREADABLE, named.unreadable[0])
    for limits in held:
        for destination in named.found:
            _check(limits, destination)


def _check(limits: Limits, destination: Destination) -> None:
    number = destination.e164
    if destination.is_sip and not limits.allow_sip:
        raise _refusal(limits, "allow_sip", "SIP addresses may not be called", destination)
    narrows = bool(limits.account_id or limits.allowed_sip_hosts)  # a token's empty list narrows nothing
    if destination.host and narrows and not hosts.is_among(destination.host, limits.allowed_sip_hosts):
        words = f"SIP addresses at {destination.host} may not be called"
        raise _refusal(limits, "allowed_sip_hosts", words, destination)
    if not number:
        return
    if blocked := _prefix(number, limits.blocked_prefixes):
        raise _refusal(limits, "blocked_prefixes", f"Numbers that begin with {blocked} may not be called", destination)
    if destination.is_premium and not limits.allow_premium:
        words = "Premium-rate and shared-cost numbers may not be called"
        raise _refusal(limits, "allow_premium", words, destination)
    is_open = limits.any_country and not limits.allowed_countries and not limits.allowed_prefixes
    if is_open or _prefix(number, limits.allowed_prefixes):
        return
    if not destination.regions or not destination.regions <= set(limits.allowed_countries):
        where = "/".join(sorted(destination.regions)[:3]) or "an unknown country"
        words = f"Numbers of {where} may not be called"
        if not (limits.any_country or limits.allowed_countries or limits.allowed_prefixes):
            words = f"No country is open yet: whoever may change limits opens {where}. {words}"
        raise _refusal(limits, "allowed_countries", words, destination)


def _refusal(limits: Limits, name: str, words: str, destination: Destination) -> LimitExceeded:
    value = getattr(limits, name)
    shown = ", ".join(value) if isinstance(value, list) else {True: "yes", False: "no"}[value]
    message = f"{words}: the limit {name} of {limits} is {shown or 'empty'}."
    return LimitExceeded(name, value, message, destination.parameter)


def _check_counts(limits: Limits, used: Usage, dials: int, named: Named) -> None:
    parameter = named.found[0].parameter if named.found else "to"
    for name in ("dials_per_minute", "dials_per_day", "concurrent_calls"):
        taken = getattr(used, name)
        _over(limits, name, taken + dials, f"{taken} are taken", parameter)


def _over(limits: Limits, name: str, wanted: int, taken: str, parameter: str = "to") -> None:
    value = getattr(limits, name)
    if value is not None and wanted > value:
        words = f"The limit {name} of {limits} is {value}, and {taken}."
        raise LimitExceeded(name, value, words, parameter)


def _prefix(number: str, prefixes: list[str]) -> str:
    return next((prefix for prefix in prefixes if number.startswith(prefix)), "")


def _counted(limits: Limits) -> QuerySet[CallCommand]:
    """Select its commands that dial. What was never sent does not count."""
    whose = Q(account=limits.account_id) if limits.account_id else Q(token=limits.token_id)
    return CallCommand.objects.filter(whose, counted_at__isnull=False).exclude(status=CallCommand.Status.EXPIRED)


def _on_its_way() -> Q:
    """Build the condition for commands whose call is not there yet, as far as is known."""
    accepted = Q(status=_Status.OK, finished_at__gt=sql.Now() - _LEG_COMES) & ~Q(action__in=actions.NEW_CALLS)
    # TeXML's answer to a dial need not name the call, which then comes with its first callback
    accepted |= Q(status=_Status.OK, finished_at__gt=sql.Now() - _RINGS, action__in=actions.NEW_CALLS, call=None)
    # it may ring; what the portal has stopped looking for has a call by now, or never had one
    lost = Q(status=_Status.UNCERTAIN, settled_at=None, finished_at__gt=sql.Now() - retry_policy.UNKNOWN_AFTER)
    return Q(status__in=_OPEN) | accepted | lost


def _already_alive(legs: QuerySet[Call], on_its_way: QuerySet[CallCommand], made: QuerySet[CallCommand]) -> int:
    """Count the legs that would count twice: a leg's webhook may be faster than the answer to its command.

    One leg to the same number, begun since the command was sent and without a dial of its own, stands for one of them;
    a transfer's leg belongs to the session of its call. Transfers that are ``made`` have theirs first.
    """
    wanted = _wanted_legs(on_its_way)
    if not wanted:
        return 0
    since = min(wanted)[0] - _MINUTE
    of_others = CallCommand.objects.filter(call=OuterRef("pk"), action__in=actions.NEW_CALLS)
    rows = legs.filter(~Exists(of_others), started_at__gt=since).values_list(*_BEGUN).order_by("-started_at")
    begun = [(started_at, same_form(to), session, state not in Call.OVER) for started_at, to, session, state in rows]
    for leg in reversed(_wanted_legs(made.filter(first_sent_at__gt=since))):
        _take_leg(leg, begun, reversed(begun))  # the earliest command the earliest leg
    return sum(_take_leg(leg, begun, [one for one in begun if one[3]]) for leg in wanted)  # the latest one the latest


def _wanted_legs(commands: QuerySet[CallCommand]) -> list[tuple[datetime, str, str]]:
    """List the legs they make, the latest first: since when, to which number, in which session if that is known."""
    sent = commands.filter(first_sent_at__isnull=False).order_by("-first_sent_at")
    return [
        (first_sent_at - _SKEW, same_form(str(to)), "" if action in actions.NEW_CALLS else session or "")
        for first_sent_at, action, session, *values in sent.values_list(*_SENT)
        if first_sent_at
        for value in values
        for to in (value if isinstance(value, list) else [value])
        if to
    ]


def _take_leg(wanted: tuple[datetime, str, str], begun: list[_Leg], among: Iterable[_Leg]) -> bool:
    since, to, session = wanted
    leg = next((one for one in among if one[1] == to and one[0] > since and session in {"", one[2]}), None)
    if leg is not None:
        begun.remove(leg)
    return leg is not None


def _legs(limits: Limits, at: datetime) -> QuerySet[Call]:
    """Select outgoing legs: of the account, or in sessions that commands of the token made or extended."""
    legs = Call.objects.filter(direction="outgoing", started_at__gt=at - _FORGOTTEN)
    if limits.account_id:
        return legs.filter(account=limits.account_id)
    mine = _counted(limits).filter(call__isnull=False, counted_at__gt=at - _FORGOTTEN)
    sessions = mine.exclude(call__call_session_id="").values("call__call_session_id")
    # their session is told at their end only
    dialled_by_documents = Q(parent_control_id__in=mine.values("call__call_control_id"))
    return legs.filter(Q(pk__in=mine.values("call")) | Q(call_session_id__in=sessions) | dialled_by_documents)


def _sum(commands: QuerySet[CallCommand]) -> int:
    return commands.aggregate(dials=Sum("dials"))["dials"] or 0
