"""Draws the cells of a row. What a cell tells is a link to the calls that tell the same: a click narrows the search."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.masking import may_see_whole
from portal.phone_numbers import is_nobody
from portal.templatetags.portal import phone, seconds, words
from portal.view_times import TimePreference, current, moment_text
from voice.call_log.language.conditions import is_sip_status
from voice.call_log.query import Query
from voice.calls import search
from voice.catalogue import endings
from voice.measurements import wording
from voice.models import ChosenColumns

_LAST = 4
_NONE = SafeString("–")
_WAYS = {"incoming": ("south_west", "incoming"), "outgoing": ("north_east", "outgoing")}
_STATES = {
    "initiated": "Begun",
    "ringing": "Ringing",
    "answered": "On the line",
    "bridged": "Put through",
    "parked": "Waiting for us",
}


@dataclass(frozen=True)
class Look:
    """Is who looks at the list, and by which search."""

    user: Any
    query: Query

    def narrowed(self, key: str, value: str) -> str:
        """Return the address of the list of those that have this value, too."""
        return f"?q={quote(self.query.narrowed_to(key, value))}"

    def draw(self, call: Any, columns: Iterable["Column"]) -> list[tuple[str, SafeString | str]]:
        """Draw the cells of a call, each with its column's name."""
        return [(column.name, column.cell(call, self)) for column in columns]


Cell = Callable[[Any, Look], SafeString | str]


@dataclass(frozen=True)
class Column:
    """Is a column: ``label`` above it, and how the cell of a call is drawn."""

    name: str
    label: str
    cell: Cell


def _link(look: Look, key: str, value: str, shown: str | SafeString, title: str = "") -> SafeString:
    if (
        str(words(value, look.user)) != value or '"' in value
    ):  # hidden it would stand in the address; quoted not be read
        return format_html("{}", shown)
    # the row has one stop for the Tab key: its own link; what a cell narrows by, the filters offer as well
    return format_html(
        '<a class="log-cell" tabindex="-1" href="{}" title="{}">{}</a>', look.narrowed(key, value), title, shown
    )


def _time(call: Any, look: Look) -> SafeString:
    here = timezone.localtime(call.started_at)
    is_today = here.date() == timezone.localtime().date()
    of_day = "M j" if current().order == TimePreference.Order.AMERICAN else "j M"  # short: the column is narrow
    day = "" if is_today else date_format(here, of_day if here.year == timezone.localtime().year else f"{of_day} Y")
    return format_html(
        '<a class="log-open" href="{}"><time datetime="{}" title="{} UTC">{}{}</time></a>',
        reverse("admin:voice_call_change", args=[call.pk]),
        call.started_at.isoformat(),
        f"{call.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        format_html('<span class="log-day">{}</span> ', day) if day else "",
        moment_text(call.started_at, "time"),
    )


def _way(call: Any, look: Look) -> SafeString:
    icon, word = _WAYS.get(call.direction, ("question_mark", "direction not known"))
    shown = format_html(
        '<span class="material-symbols-outlined log-way" role="img" aria-label="{}">{}</span>', word, icon
    )
    return _link(look, "dir", call.direction or "unknown", shown, word)


def _number(side: str) -> Cell:
    def cell(call: Any, look: Look) -> SafeString | str:
        number = getattr(call, f"{side}_number")
        shown = phone(number, look.user)
        token = _token_of(number, look.user)
        return _link(look, side, token, shown, f"Only calls {side} what is shown") if token else shown

    return cell


def _token_of(number: str, user: Any) -> str:
    """Return what finds the calls of this number: for who may not see it, no more of it than is shown."""
    if may_see_whole(user) or is_nobody(number):
        return number
    digits = search.digits_of(number)
    return digits[-_LAST:] if len(digits) >= _LAST and number.lstrip("+").isdecimal() else ""


def _application(call: Any, look: Look) -> SafeString | str:
    name = call.application_name or call.connection_id
    return (
        _link(look, "app", name, words(name, look.user), f"Only calls of {words(name, look.user)}") if name else _NONE
    )


def _ending(call: Any, look: Look) -> SafeString | str:
    if call.is_alive:
        return _link(look, "is", "running", _alive(call), "Only calls that have no end yet")
    if not call.ending:
        cause = call.hangup_cause.replace("_", " ").capitalize()
        told = words(cause, look.user) or ("End not reported" if call.state == "lost" else "Ended")
        return format_html('<span class="portal-ending portal-ending-unknown">{}</span>', told)
    label = endings.label(call.ending, call.ending_category, call.ended_by)
    shown = format_html(
        '<span class="portal-ending portal-ending-{}">{}</span>', endings.tone(call.ending_category), label
    )
    if not endings.is_code(call.ending):  # it would stand in the link as it is
        return shown
    return _link(look, "ending", call.ending, shown, endings.title(call.ending_category, call.ended_by))


def _alive(call: Any) -> SafeString:
    since = call.answered_at or call.started_at
    return format_html(
        '<span class="log-alive">{} <span class="portal-number" data-since="{}">{}</span></span>',
        _STATES.get(call.state, call.state),
        int(since.timestamp()),
        seconds((timezone.now() - since).total_seconds()),
    )


def _lengths(call: Any, look: Look) -> SafeString:
    return format_html(
        '<span class="log-length" title="Set-up">{}</span><span class="log-length log-talk" title="Talk">{}</span>',
        seconds(call.ring_seconds),
        seconds(call.talk_seconds),
    )


def _by(call: Any, look: Look) -> SafeString | str:
    return _link(look, "by", call.answered_by, call.answered_by.capitalize()) if call.answered_by else _NONE


def _marks(call: Any, look: Look) -> SafeString:
    return format_html_join(
        "",
        '<span class="material-symbols-outlined log-mark" role="img" title="{0}" aria-label="{0}">{1}</span>',
        [(text, icon) for is_so, text, icon in _marks_of(call) if is_so],
    )


def _marks_of(call: Any) -> Iterable[tuple[bool, str, str]]:
    yield call.has_recording, "Recorded", "radio_button_checked"
    yield call.is_texml, "TeXML", "code"
    yield call.ending_category in {"our_side", "configuration"}, "Something of ours failed", "error"
    yield call.state == "lost", "Its end was not reported", "signal_disconnected"
    yield call.clock_skew_seconds is not None, "Telnyx's clocks contradict each other", "schedule"
    yield wording.sounds_poor(call), "Poor sound", "hearing_disabled"
    yield wording.is_marked_spam(call), "Marked likely spam", "report"
    yield call.late_seconds is not None, "A webhook came late", "hourglass_bottom"


def _sip(call: Any, look: Look) -> SafeString | str:
    told = call.sip_hangup_cause
    return _link(look, "sip", told, told) if is_sip_status(told) else words(told, look.user) or _NONE


def _cost(call: Any, look: Look) -> SafeString | str:
    return words(wording.money(call.cost, call.currency), look.user) if call.cost else _NONE


def _mos(call: Any, look: Look) -> SafeString | str:
    return f"{call.mos:.2f}" if call.mos is not None else _NONE


def _plain(column: str, key: str = "") -> Cell:
    def cell(call: Any, look: Look) -> SafeString | str:
        value = getattr(call, column)
        shown = words(value, look.user)
        return _link(look, key, value, shown) if value and key else shown or _NONE

    return cell


def _who(call: Any, look: Look) -> SafeString | str:
    return _link(look, "who", call.ended_by, endings.party(call.ended_by)) if call.ended_by else _NONE


def _account(call: Any, look: Look) -> SafeString | str:
    return _link(look, "account", call.account.name, call.account.name)


COLUMNS = {
    column.name: column
    for column in (
        Column("time", "Time", _time),
        Column("way", "Way", _way),
        Column("from", "From", _number("from")),
        Column("to", "To", _number("to")),
        Column("app", "Application", _application),
        Column("ending", "Ending", _ending),
        Column("lengths", "Set-up, talk", _lengths),
        Column("by", "Answered by", _by),
        Column("marks", "Marks", _marks),
        Column("who", "Ended by", _who),
        Column("sip", "SIP", _sip),
        Column("cause", "Cause", _plain("hangup_cause", "cause")),
        Column("cost", "Cost", _cost),
        Column("mos", "Sound (MOS)", _mos),
        Column("queue", "Queue", _plain("queue", "queue")),
        Column("step", "Step", _plain("step")),
        Column("account", "Account", _account),
        Column("session", "Session", _plain("call_session_id", "session")),
    )
}
SHOWN = ("time", "way", "from", "to", "app", "ending", "lengths", "by", "marks")
FIRST = "time"  # always there: it is the way to the call


def chosen_by(user: Any) -> list[Column]:
    """Return the columns that this person has chosen, in their order; the usual ones for who has not."""
    row = ChosenColumns.objects.filter(user=user.pk).first()
    names = [name for name in row.names if name in COLUMNS] if row else list(SHOWN)
    return [COLUMNS[name] for name in dict.fromkeys([FIRST, *names])]


def choose(user: Any, names: Iterable[str]) -> None:
    """Keep the columns that this person wants, as far as there are such; none: the usual ones again."""
    wanted = [name for name in dict.fromkeys(names) if name in COLUMNS]
    if wanted:
        ChosenColumns.objects.update_or_create(user=user, defaults={"names": wanted})
    else:
        ChosenColumns.objects.filter(user=user).delete()
