"""Says what a token asks of the calls, and how many rows that takes to read. Each reader reads one kind of value."""

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from django.db.models import Q, QuerySet

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import Actor
from portal.models import TelnyxAccount
from portal.phone_numbers import is_nobody
from voice.calls import search
from voice.catalogue import endings
from voice.measurements import wording
from voice.metrics import measures
from voice.models import Call, Flow

NOTHING = Q(pk__in=())
_LONGEST_QUEUE = 100


class Reach(IntEnum):
    """Says how many rows are read for a condition: some, many in the order of time by an index, or each."""

    FEW = 0
    MANY = 1
    EACH = 2


@dataclass(frozen=True)
class Condition:
    """Is what a token asks for: ``value`` as it is written for good, and in ``note`` what there is to say of it.

    ``is_cut``: not all was looked at that it may ask for, which ``note`` says.
    """

    value: str
    asked: Q
    reach: Reach = Reach.EACH
    note: str = ""
    is_cut: bool = False
    sides: tuple[Q, ...] = ()  # of a number: what is asked of either side of a call, each by itself


def beside_others(condition: Condition) -> Condition:
    """Return it as it is read beside other conditions: the calls with four last digits whole, unless many have them."""
    is_rare = condition.reach == Reach.MANY and condition.sides and not any(map(search.is_frequent, condition.sides))
    return replace(condition, reach=Reach.FEW) if is_rare else condition


class Malformed(Exception):
    """Says in words what a token takes, where its value is none of that."""


def numbers(*sides: str) -> Callable[[str, Actor], Condition]:
    """Make the reader of a number on these sides of a call."""

    def read(value: str, actor: Actor) -> Condition:
        try:
            found = tuple(search.number_by_side(value, actor, sides))
            if all(search.is_last_four(side) for side in found):
                return Condition(value, Q(*found, _connector=Q.OR), Reach.MANY, sides=found)
            often = [search.frequent_end(side) for side in found]
            if any(often):  # as our own number's: they are looked through in the order of time
                sides_of = (slow or side for slow, side in zip(often, found, strict=True))
                return Condition(value, Q(*sides_of, _connector=Q.OR))
            return Condition(value, Q(*found, _connector=Q.OR), Reach.FEW, sides=found)
        except search.SearchRefused as refused:
            if refused.is_unreadable:
                raise Malformed("takes a whole number with +, its last digits, a SIP address, or anonymous") from None
            raise

    return read


def choice(column: str, words: dict[str, str], reach: Reach = Reach.MANY) -> Callable[[str, Actor], Condition]:
    """Make the reader of one of few words: each with the value that the column has."""

    def read(value: str, actor: Actor) -> Condition:
        found = words.get(value.lower())
        if found is None:
            raise Malformed(f"takes {_either(dict.fromkeys(words))}")
        # what nearly all calls are, no index is there for
        told = Reach.EACH if column == "state" and found == Call.State.ENDED else reach
        return Condition(next(word for word, one in words.items() if one == found), Q(**{column: found}), told)

    return read


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


_ENDING = f"takes {_either(Call.Ending.values)}, or the code of a verdict, as we_hung_up"


def ending(value: str, actor: Actor) -> Condition:
    """Read how a call ended: one of the categories, or the code of a verdict."""
    value = value.lower().replace("-", "_")
    if not value:
        raise Malformed(_ENDING)
    if value in Call.Ending.values:
        return Condition(value, Q(ending_category=value), Reach.MANY)
    if not endings.is_code(value) and not Call.objects.filter(ending=value).order_by("-started_at")[:1]:
        raise Malformed(_ENDING)
    return Condition(value, Q(ending=value), Reach.MANY)


def code(value: str, actor: Actor) -> Condition:
    """Read a code of Telnyx's, D13 or 10038: calls that were refused with it."""
    if not re.fullmatch(r"[A-Za-z]{0,2}\d{1,6}", value):
        raise Malformed("takes a code of Telnyx's, as D13")
    return Condition(value.upper(), Q(ending=f"refused_{value.lower()}"), Reach.MANY)


def sip(value: str, actor: Actor) -> Condition:
    """Read a SIP status: calls that ended with it."""
    if not is_sip_status(value):
        raise Malformed("takes a SIP status of three digits, as 486")
    return Condition(value, Q(sip_hangup_cause=value), Reach.MANY)


def is_sip_status(text: str) -> bool:
    """Tell whether it is a SIP status: Telnyx tells ``unspecified`` as well."""
    return bool(re.fullmatch(r"[1-6]\d\d", text))


def cause(value: str, actor: Actor) -> Condition:
    """Read a hang-up cause, as Telnyx tells it."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", value):
        raise Malformed("takes a hang-up cause of Telnyx's, as user_busy")
    return Condition(value, Q(hangup_cause=value), Reach.MANY)


def identifier(value: str, actor: Actor) -> Condition:
    """Read any id: of a session, a leg, an event, a command, a call."""
    if not value or len(value) > 512:
        raise Malformed("takes the id of a session, a leg, a call, an event or a command")
    return Condition(value, search.of_id(value), Reach.FEW)


def session(value: str, actor: Actor) -> Condition:
    """Read the id of a session."""
    if not value or len(value) > 64:
        raise Malformed("takes the id of a session")
    return Condition(value.lower(), Q(call_session_id=value.lower()), Reach.FEW)


def account(value: str, actor: Actor) -> Condition:
    """Read the name of a Telnyx account."""
    if not value:
        raise Malformed("takes the name of a Telnyx account")
    named = TelnyxAccount.objects.filter
    found = named(name=value).first() or named(name__iexact=value).first()
    if found is None:
        return Condition(value, NOTHING, Reach.FEW, f"There is no Telnyx account “{value}”.")
    return Condition(found.name, Q(account=found.pk), Reach.MANY)


def application(value: str, actor: Actor) -> Condition:
    """Read an application: its name, or its id at Telnyx."""
    if not value:
        raise Malformed("takes the name of an application, or its id at Telnyx")
    if value.isascii() and value.isdecimal() and len(value) > 15:
        return Condition(value, Q(connection_id=value), Reach.MANY)
    found = _connections(application_name__iexact=value), _connections(friendly_name__iexact=value)
    if not any(found):
        return Condition(value, NOTHING, Reach.FEW, f"There is no application “{value}”.")
    return _of_connections(value, *found)


def flow(value: str, actor: Actor) -> Condition:
    """Read the name of a flow: calls of the applications that it answers."""
    if not value:
        raise Malformed("takes the name of a flow")
    found = list(_answered(Flow.objects.filter(name__iexact=value))[: _MOST_FLOWS + 1])
    if not found:
        return Condition(value, NOTHING, Reach.FEW, f"There is no flow “{value}”.")
    asked, is_cut = Q(), bool(found[_MOST_FLOWS:])
    for of, connection_id in found:
        asked |= Q(account=of, connection_id=connection_id)
    return Condition(value, asked, Reach.EACH if found[1:] else Reach.MANY, _NOT_ALL if is_cut else "", is_cut)


_IS = {
    "running": Condition("running", ~Q(state__in=Call.OVER), Reach.FEW),
    "lost": Condition("lost", Q(state=Call.State.LOST), Reach.MANY),
    "ended": Condition("ended", Q(state=Call.State.ENDED)),
    "answered": Condition("answered", Q(answered_at__isnull=False)),
    "bridged": Condition("bridged", Q(bridged_at__isnull=False)),
    "recorded": Condition("recorded", Q(has_recording=True), Reach.MANY),
    "late": Condition("late", Q(late_seconds__isnull=False), Reach.MANY),
    "poor": Condition("poor", wording.SOUNDS_POOR),
    "texml": Condition("texml", Q(is_texml=True)),
    "judged": Condition("judged", ~Q(ending_category="")),
}


def state_of_being(value: str, actor: Actor) -> Condition:
    """Read what a call is."""
    if value.lower() not in _IS:
        raise Malformed(f"takes {_either(_IS)}")
    return _IS[value.lower()]


def queue(value: str, actor: Actor) -> Condition:
    """Read the name of a queue: calls that waited in it, the last of theirs."""
    if not value or len(value) > _LONGEST_QUEUE:
        raise Malformed(f"takes the name of a queue, at most {_LONGEST_QUEUE} characters")
    return Condition(value, Q(queue=value), Reach.MANY)


def recording(value: str, actor: Actor) -> Condition:
    """Read whether it has a recording."""
    if value.lower() not in {"yes", "no"}:
        raise Malformed("takes yes or no")
    is_there = value.lower() == "yes"
    return Condition(value.lower(), Q(has_recording=is_there), Reach.MANY if is_there else Reach.EACH)


def metric(value: str, actor: Actor) -> Condition:
    """Read what a figure of the reports counts: a measure, of one kind of call before a dot, as incoming.abandoned."""
    counted_as, _, name = value.lower().rpartition(".")
    found = measures.find(name)
    if found is None or found.sums or counted_as not in {"", *Call.CountedAs.values}:
        raise Malformed("takes what the figures of a report link to, as incoming.abandoned or answered")
    return Condition(value.lower(), measures.calls_of(name, counted_as))


# --- free text --------------------------------------------------------------------------------------------------------

_CONTROL_ID = re.compile(r"v[0-9]:\S+")
_TELNYX_CODE = re.compile(r"D\d{1,3}", re.IGNORECASE)
_SIP_STATUS = re.compile(r"SIP[ /]?(\d{3})", re.IGNORECASE)
_DIGITS = re.compile(r"[+\d\s().\-/]{3,40}")


_ANY_SIDE = numbers("from", "to")


def free_text(text: str, actor: Actor) -> Condition:
    """Read what was typed without a key, as what it fits first: an id, a code, a number, a name."""
    if not text:
        raise Malformed("takes a number, an id, or a name")
    if search.UUID.fullmatch(text) or _CONTROL_ID.fullmatch(text):
        return identifier(text, actor)
    if _TELNYX_CODE.fullmatch(text):
        return code(text, actor)
    if match := _SIP_STATUS.fullmatch(text):
        return replace(sip(match[1], actor), value=text)
    if search.is_connection_id(text):
        return Condition(text, Q(connection_id=search.digits_of(text)), Reach.MANY)
    return _ANY_SIDE(text, actor) if is_number(text) else _named(text)


def is_number(text: str) -> bool:
    """Tell whether free text is taken for somebody who calls: digits, a SIP address, a word for nobody."""
    is_sip = "@" in text or text.lower().startswith(("sip:", "sips:"))
    return is_sip or is_digits(text) or is_nobody(text)


def is_digits(text: str) -> bool:
    """Tell whether it is written as a number is, of digits."""
    return bool(_DIGITS.fullmatch(text))


def _named(text: str) -> Condition:
    """Find by the id of a call; by the beginning of an application's name, or of a flow's."""
    of_call = search.of_control_id(text)
    if len(text) > 100 or Call.objects.filter(of_call).order_by()[:1]:
        return Condition(text, of_call, Reach.FEW)
    found = (
        *(_connections(application_name__istartswith=text), _connections(friendly_name__istartswith=text)),
        set(_answered(Flow.objects.filter(name__istartswith=text))[: _MOST_NAMED + 1]),
    )
    return _of_connections(text, *found) if any(found) else Condition(text, of_call, Reach.FEW)


_MOST_NAMED, _MOST_FLOWS, _MOST_LOOKED_UP = 50, 20, 5
_NOT_ALL = "More applications and flows are called so than are looked for at once: name one."
_Connection = tuple[uuid.UUID, str]  # another account's application may have the same id


def _answered(flows: QuerySet[Flow]) -> QuerySet[Flow, _Connection]:
    """List the applications that these flows answer, each once: several flows may be of one."""
    return flows.order_by("account_id", "connection_id").values_list("account", "connection_id").distinct()


def _connections(**named: str) -> set[_Connection]:
    model = TexmlApplication if next(iter(named)).startswith("friendly_name") else CallControlApplication
    rows: Any = model._default_manager
    return set(rows.filter(**named).values_list("account", "telnyx_id")[: _MOST_NAMED + 1])


def _of_connections(value: str, *found: set[_Connection]) -> Condition:
    """Match the calls of these applications; of few, of those that have any. It is cut where one kind has too many."""
    is_cut = any(len(one) > _MOST_NAMED for one in found)
    there = [
        Q(account=account, connection_id=connection)
        for account, connection in sorted({one for several in found for one in several})
    ]
    if len(there) <= _MOST_LOOKED_UP:
        there = [one for one in there if Call.objects.filter(one).order_by("-started_at")[:1]]
    if not there:
        return Condition(value, NOTHING, Reach.FEW)
    reach = Reach.EACH if there[1:] else Reach.MANY
    return Condition(value, Q(*there, _connector=Q.OR), reach, _NOT_ALL if is_cut else "", is_cut)
