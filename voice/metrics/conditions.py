"""Says which calls the words of the reports mean, each as a condition on columns, or on the rows beside a call."""

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q

from voice.models import Call, CallCommand, CallEvent, ConferenceParticipant

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
EARLY_SECONDS, SHORT_SECONDS = 5, 6
LONGEST = timedelta(hours=6)  # of a leg that is looked for on the line; Telnyx ends calls after four, unless told else
CANCELLED = ("cancelled", "we_gave_up")  # rules of voice.explanations: our side ended it before an answer
GOOD_MOS, FAIR_MOS, POOR_MOS = 4.0, 3.6, 3.1  # ITU-T G.107, annex B; Telnyx's scale ends at 4.5

ANSWERED = Q(answered_at__isnull=False) | Q(bridged_at__isnull=False)
# whose end is known, and whose times do not contradict each other
TALKED = Q(state=Call.State.ENDED, answered_at__isnull=False, ended_at__gte=F("answered_at"))
SET_UP = Q(answered_at__isnull=False, answered_at__gte=F("started_at"))
ON_THE_LINE = Q(state=Call.State.ENDED, ended_at__gte=F("started_at"), ended_at__lt=F("started_at") + LONGEST)

_INSIDE = Q(left_at__isnull=True) | Q(left_at__lt=F("joined_at"))  # it came in again, or never left
_OTHERS = ConferenceParticipant.objects.filter(
    _INSIDE | Q(left_at__gt=OuterRef("joined_at")),
    ~Q(call_control_id=OuterRef("call_control_id")),
    conference=OuterRef("conference"),
    joined_at__isnull=False,
).order_by()
_TOGETHER = ConferenceParticipant.objects.filter(
    (_INSIDE & Exists(_OTHERS))
    | (Q(left_at__gte=F("joined_at")) & Exists(_OTHERS.filter(joined_at__lt=OuterRef("left_at")))),
    call=OuterRef("pk"),
    joined_at__isnull=False,
).order_by()
# TeXML tells of no bridge: a leg that this one's document dialled was answered, or the action of its verb says so
_ANSWERED_LEGS = Call.objects.filter(
    ANSWERED,
    ~Q(parent_control_id=""),  # of no others there is an index
    account=OuterRef("account"),
    parent_control_id=OuterRef("call_control_id"),
).order_by()
# of a conference that one dials there is no other leg's id; it may have been empty
_DIALLED = Q(event_type="texml.dial", payload__DialCallStatus="completed", payload__has_key="DialCallSid")
_TAKEN = Q(event_type="texml.queue", payload__QueueResult="bridged")
_TOLD_BY_A_VERB = CallEvent.objects.filter(_DIALLED | _TAKEN, call=OuterRef("pk")).order_by()
_BY_TEXML = Q(is_texml=True) & (Q(Exists(_ANSWERED_LEGS)) | Q(Exists(_TOLD_BY_A_VERB)))
PUT_THROUGH = Q(bridged_at__isnull=False) | Q(Exists(_TOGETHER)) | _BY_TEXML
ABANDONED = Q(state=Call.State.ENDED, ended_by=Call.Party.CALLER) & ~PUT_THROUGH

COUNTS_FOR_NETWORK = ~(Q(ending__in=CANCELLED) | Q(ending_category=Call.Ending.CONFIGURATION))
DELIVERED = ANSWERED | Q(ending_category__in=(Call.Ending.BUSY, Call.Ending.NOT_ANSWERED)) | Q(ending="declined")

DETECTED = ~Q(answered_by="")
HEARD = ANSWERED & Q(mos__isnull=False)
COUNTED_IN = ANSWERED & Q(packets_in__gt=0, skipped_in__isnull=False)
COUNTED_OUT = ANSWERED & Q(packets_out__gt=0, skipped_out__isnull=False)
VOUCHED = ~Q(attestation="") | Q(attestation_valid__isnull=False)
PRICED = TALKED & ~Q(cost="")
LATE = Q(late_seconds__isnull=False)

_EVENTS = CallEvent.objects.filter(call=OuterRef("pk")).order_by()
TOLD = Q(Exists(_EVENTS.exclude(source=CallEvent.Source.BACKFILL)))
RECOVERED = Q(Exists(_EVENTS.filter(source=CallEvent.Source.BACKFILL)))
SENT_AGAIN = Q(Exists(_EVENTS.filter(attempt__gt=1).exclude(source=CallEvent.Source.BACKFILL)))


def answers() -> Q:
    """Match the commands by which a rule answered, whose three stretches of the way have a length."""
    return Q(
        action="answer",
        status=CallCommand.Status.OK,
        event__event_type="call.initiated",
        event__source=CallEvent.Source.WEBHOOK,
        event__received_at__gte=F("event__occurred_at"),
        first_sent_at__gte=F("event__received_at"),
    )


ANSWERED_BY_RULE = Q(
    Exists(
        CallCommand.objects.filter(
            answers(), call=OuterRef("pk"), first_sent_at__lte=OuterRef("answered_at")
        ).order_by()
    )
)


def mos(least: float | None, below: float | None) -> Q:
    """Match answered legs whose sound was judged within these bounds; the upper one is beyond."""
    found = HEARD if least is None else HEARD & Q(mos__gte=least)
    return found if below is None else found & Q(mos__lt=below)


def vouched(level: str) -> Q:
    """Match calls whose caller is vouched for like that, with a signature that nobody found wrong."""
    return Q(attestation=level) & (Q(attestation_valid=True) | Q(attestation_valid__isnull=True))


NO_CURRENCY = "none"


def currency_key(text: str) -> str:
    """Return what a currency is called among the measures: three letters, or that there is none."""
    return text.lower() if len(text) == 3 and text.isascii() and text.isalpha() else NO_CURRENCY


def priced_in(key: str) -> Q:
    """Match answered legs with a price in this currency; those of ``NO_CURRENCY`` name none that can be read."""
    if key == NO_CURRENCY:
        return PRICED & ~Q(currency__iregex=r"^[a-z]{3}$")
    return PRICED & Q(currency__iexact=key)


def on_the_line(minute: datetime) -> Q:
    """Match the legs that were on the line at some moment of this minute."""
    return ON_THE_LINE & Q(started_at__lt=minute + MINUTE, ended_at__gte=minute)


def within(begin_of: str, end_of: str, begin: float, end: float | None) -> Q:
    """Match where it took ``begin`` seconds or more, and less than ``end``, from one time to another."""
    found = Q(**{f"{end_of}__gte": F(begin_of) + begin * SECOND if begin else F(begin_of)})
    return found if end is None else found & Q(**{f"{end_of}__lt": F(begin_of) + end * SECOND})
