"""Keeps what is being asked of Telnyx and has no known outcome: a row before the request, gone once it is known.

A row that is left behind tells that somebody's answer was lost, or his process died. Whatever is read of that
application afterwards settles it: a wanted value that is found there was his change, and none of "somebody at Telnyx".
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from applications.kinds import Kind, flatten
from applications.mirror.answers import has_all, same
from applications.mirror.rows import claim_creation, is_unclaimed
from applications.models import EditLock, Intent, Pull, TelnyxApplication
from portal import sql
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import InsideTransaction, is_in_transaction
from portal.times import read_time

REACH = timedelta(seconds=60)  # how long after we gave up Telnyx may still carry out what it was asked
REMEMBERED = timedelta(hours=1)  # how long a create is looked for
SKEW = timedelta(seconds=10)  # how far Telnyx's clock may be behind ours


def begin(
    actor: Actor, kind: Kind, account: TelnyxAccount, verb: str, values: JsonObject, telnyx_id: str = ""
) -> Intent:
    """Write down what is about to be asked, and by whom; ``values`` of a change by dotted name.

    Raises ``InsideTransaction`` where the row would not be there before the request is.
    """
    if is_in_transaction():
        raise InsideTransaction(kind.method(verb))
    who = {"actor": actor.label[:200], "user": actor.user, "token": actor.token, "request_id": actor.request_id}
    return Intent.objects.create(
        account=account,
        kind=kind.slug,
        telnyx_id=telnyx_id,
        verb=verb,
        sent=json.dumps(values),
        asked_at=sql.clock(),
        address=actor.address,
        **who,
    )


def end(*intents: Intent) -> None:
    """Forget intents whose outcome is known."""
    Intent.objects.filter(pk__in=[intent.pk for intent in intents]).delete()


def is_open(intent: Intent) -> bool:
    """Return whether its outcome is still not known."""
    return Intent.objects.filter(pk=intent.pk).exists()


def who(intent: Intent) -> Actor:
    return Actor(intent.actor, intent.user, intent.token, intent.request_id, intent.address)


def open_creates(kind: Kind, account: TelnyxAccount) -> list[Intent]:
    """Return the creates of the last hour whose outcome is not known, oldest first."""
    recent = Intent.objects.filter(account=account, kind=kind.slug, verb=Intent.Verb.CREATE)
    return list(recent.filter(asked_at__gt=sql.Now() - REMEMBERED))


def open_of(kind: Kind, account: TelnyxAccount, ids: Collection[str]) -> dict[str, list[Intent]]:
    """Return what is asked of these applications with an outcome not known, by Telnyx's id, oldest first."""
    found: dict[str, list[Intent]] = defaultdict(list)
    asked = Intent.objects.filter(account=account, kind=kind.slug).exclude(verb=Intent.Verb.CREATE)
    for intent in asked.select_related("user", "token"):
        if intent.telnyx_id in ids:
            found[intent.telnyx_id].append(intent)
    return found


def in_work(rows: Iterable[TelnyxApplication]) -> set[str]:
    """Return Telnyx's ids of those that somebody here is changing just now: what comes of it he writes himself."""
    locked = set(EditLock.objects.filter(until__gte=sql.Now()).values_list("subject", flat=True))
    return {row.telnyx_id for row in rows if EditLock.subject_of(row) in locked} if locked else set()


def was_pulled(intent: Intent) -> bool:
    """Return whether a pull may have passed the application by since, because it was in work."""
    since = Q(finished_at=None) | Q(finished_at__gte=intent.asked_at)
    return Pull.objects.filter(since, account=intent.account, kind=intent.kind).exists()


def claims(intents: list[Intent], there: JsonObject, found: Collection[str]) -> list[tuple[Intent, list[str]]]:
    """Return which of the changes ``found`` (dotted names) in an answer were asked for here: the newest who wanted it
    so.

    Where nothing else changed, Telnyx's time of the change has to be one at which it can have been carried out.
    """
    flat, left, claimed = flatten(there), set(found) - {"updated_at"}, list[tuple[Intent, list[str]]]()
    for intent in reversed([intent for intent in intents if intent.verb == Intent.Verb.UPDATE]):
        theirs = [name for name in intent.values if name in left and same(flat.get(name), intent.values[name])]
        if theirs and not (left == set(theirs) and _too_late(intent, there)):
            claimed.append((intent, theirs))
            left -= set(theirs)
    return claimed[::-1]


def _too_late(intent: Intent, there: JsonObject) -> bool:
    changed_at = read_time(there.get("updated_at"))
    return changed_at is not None and changed_at > intent.asked_at + 2 * REACH


def note(intent: Intent, outcome: str, application: TelnyxApplication | None, **details: object) -> None:
    """Write into the audit trail what came of it, as his doing who asked."""
    told = {"outcome": outcome, "account": intent.account.name, "kind": intent.kind, **details}
    if intent.verb == Intent.Verb.UPDATE:
        told |= {"changed": sorted(intent.values)}
    if intent.telnyx_id:
        told |= {"telnyx_id": intent.telnyx_id}
    AuditEvent.note(who(intent), f"application.{intent.verb}", application, **told)


def lapse(
    kind: Kind, account: TelnyxAccount, read_since: datetime, application: TelnyxApplication | None = None
) -> None:
    """Give up what no answer read since then has shown: all, or what was asked of one application.

    Of a create the application is looked for among those that pulls brought meanwhile.
    """
    mine = Intent.objects.filter(account=account, kind=kind.slug)
    old = Q(asked_at__lt=read_since - REACH) & ~Q(verb=Intent.Verb.CREATE)
    if application is None:
        old |= Q(asked_at__lt=read_since - REMEMBERED)
    else:
        mine = mine.filter(telnyx_id=application.telnyx_id)
    for intent in mine.filter(old).select_related("account", "user", "token"):
        with transaction.atomic():  # else one that is noted, and not ended, is noted again
            _give_up(kind, intent, application)


def _give_up(kind: Kind, intent: Intent, application: TelnyxApplication | None) -> None:
    row = application or kind.rows(intent.account).filter(telnyx_id=intent.telnyx_id or None).first()
    outcome = "not seen"
    if intent.verb == Intent.Verb.CREATE and (row := _brought(kind, intent)):
        claim_creation(row, who(intent), f"created ({intent.actor})")
        outcome = "found carried out"
    note(intent, outcome, row)
    end(intent)


def _brought(kind: Kind, intent: Intent) -> TelnyxApplication | None:
    """Return the only application that a pull brought since, and that has all that this create sent."""
    since = kind.rows(intent.account).filter(created_at__gte=intent.asked_at - SKEW)
    fitting = [row for row in since if has_all(kind, row.remote, intent.values) and is_unclaimed(row)]
    return fitting[0] if len(fitting) == 1 else None
