"""Defines Call, our row for one leg, derived from its events; and LiveListing, what Telnyx last listed as live."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left

from portal.models import TelnyxAccount


class CallQuerySet(models.QuerySet["Call"]):
    """Filters calls by how they stand, and by a number on either side."""

    _apart: tuple[Self, ...] = ()

    def alive(self) -> Self:
        """Keep those without an end."""
        return self.exclude(state__in=Call.OVER)

    def on_any(self, sides: Sequence[Q]) -> Self:
        """Keep those that match one of the sides, which ``by_side`` tells apart as long as nothing else is asked."""
        kept = self.filter(Q(*sides, _connector=Q.OR))
        kept._apart = tuple(self.filter(side) for side in sides)
        return kept

    def by_side(self) -> Sequence[Self]:
        """Return the same calls, those of each side by themselves: an index has those of one in the order of time."""
        return self._apart or (self,)


class Call(models.Model):
    """Stores one leg. Every column is a merge of its events (``facts``), equal for any order and repetition of them."""

    class State(models.TextChoices):
        INITIATED = "initiated"
        RINGING = "ringing"
        ANSWERED = "answered"
        BRIDGED = "bridged"
        PARKED = "parked"
        ENDED = "ended"
        LOST = "lost"

    class Ending(models.TextChoices):
        COMPLETED = "completed"
        NOT_ANSWERED = "not_answered"
        BUSY = "busy"
        REJECTED = "rejected"
        UNREACHABLE = "unreachable"
        CONFIGURATION = "configuration"
        CARRIER = "carrier"
        OUR_SIDE = "our_side"
        UNKNOWN = "unknown"
        RUNNING = "running"

    class Party(models.TextChoices):
        CALLER = "caller"
        CALLEE = "callee"
        US = "us"
        TELNYX = "telnyx"
        CARRIER = "carrier"
        NOBODY = "nobody"
        UNKNOWN = "unknown"

    class Answerer(models.TextChoices):
        PERSON = "person"
        MACHINE = "machine"
        FAX = "fax"
        SILENCE = "silence"
        UNSURE = "unsure"

    class CountedAs(models.TextChoices):
        INCOMING = "incoming", "incoming call"
        OUTGOING = "outgoing", "dialled call"
        TRANSFERRED = "transferred", "leg of a transfer"
        OTHER = "other", "further leg"

    OVER = (State.ENDED, State.LOST)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # without an index of its own: two others begin with it
    account = models.ForeignKey(TelnyxAccount, on_delete=models.PROTECT, related_name="+", db_index=False)
    call_control_id = models.CharField(max_length=512)
    call_leg_id = models.CharField(max_length=64, blank=True, db_index=True)
    call_session_id = models.CharField(max_length=64, blank=True, db_index=True)
    connection_id = models.CharField(max_length=64, blank=True)
    direction = models.CharField(max_length=10, blank=True, help_text="incoming, outgoing, or empty while undecided")
    from_number = models.CharField("from", max_length=255, blank=True)
    to_number = models.CharField("to", max_length=255, blank=True)
    # backwards, so that "ends in 5550001" is a prefix search: by these a number is looked for, by a whole one, too
    from_reversed = models.CharField(max_length=255, blank=True, editable=False)
    to_reversed = models.CharField(max_length=255, blank=True, editable=False)
    state = models.CharField(max_length=10, choices=State, default=State.INITIATED)
    started_at = models.DateTimeField(help_text="start_time if known, else the earliest time an event tells")
    answered_at = models.DateTimeField(null=True)
    bridged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    hangup_cause = models.CharField(max_length=100, blank=True)
    hangup_source = models.CharField(max_length=50, blank=True)
    sip_hangup_cause = models.CharField(max_length=50, blank=True)
    client_state = models.TextField(blank=True)
    tags = models.JSONField(default=list)
    has_recording = models.BooleanField(default=False)
    is_texml = models.BooleanField(default=False, db_default=False, help_text="A TeXML document or dial runs it.")
    parent_control_id = models.CharField(
        max_length=512,
        blank=True,
        default="",
        db_default="",
        help_text="The leg whose TeXML document dialled this one.",
    )
    cost = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="A decimal, as Telnyx told."
    )
    # no PositiveIntegerField among these: its check would have every row read when the column is added
    cost_amount = models.DecimalField(max_digits=18, decimal_places=9, null=True, help_text="``cost`` as a number.")
    currency = models.CharField(max_length=3, blank=True, default="", db_default="", help_text="Of all its parts.")
    billed_seconds = models.IntegerField(null=True)
    cost_parts = models.JSONField(null=True, help_text="[{call_part, cost, rate, currency, billed_seconds}]")
    # the sound of answered legs as Telnyx heard it, told with the hang-up; null where it was not measured
    mos = models.FloatField(null=True, help_text="Of what came in: 1 to 4.5.")
    jitter = models.FloatField(null=True, help_text="jitter_max_variance of what came in.")
    packets_in = models.IntegerField(null=True)
    skipped_in = models.IntegerField(null=True)
    packets_out = models.IntegerField(null=True)
    skipped_out = models.IntegerField(null=True)
    attestation = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text="SHAKEN/STIR: A, B, C"
    )
    attestation_valid = models.BooleanField(null=True, help_text="Whether Telnyx found its signature in order.")
    screening = models.CharField(
        max_length=50, blank=True, default="", db_default="", help_text="What Telnyx's screening said of the call."
    )
    late_seconds = models.FloatField(null=True, help_text="The longest way of a webhook to us, if one was late.")
    queue = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="The one that it waited in last."
    )
    answered_by = models.CharField(
        max_length=10, choices=Answerer, blank=True, default="", db_default="", help_text="As machine detection said."
    )
    step = models.CharField(max_length=100, blank=True, help_text="Where its flow stands.")
    # what voice.explanations makes of events and commands together, a moment after the end; empty until then
    ending = models.CharField(max_length=40, blank=True, default="", db_default="", help_text="The rule that decided.")
    ending_category = models.CharField(max_length=20, choices=Ending, blank=True, default="", db_default="")
    ended_by = models.CharField(max_length=10, choices=Party, blank=True, default="", db_default="")
    # what the reports make of it, judged with its ending; empty until then, so a running call is in no figure
    counted_as = models.CharField(max_length=11, choices=CountedAs, blank=True, default="", db_default="")
    counted_in = models.DateTimeField(null=True, help_text="The quarter of an hour that it was counted in last.")
    judge_at = models.DateTimeField(null=True, help_text="When its ending is to be judged, or judged again.")
    facts = models.JSONField(default=dict, help_text="Per column: which event told it, and when.")

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        permissions = [
            ("dial", "Can dial, transfer and refer"),
            ("control_call", "Can control calls"),
            ("listen_recording", "Can listen to recordings"),
            ("send_anywhere", "Can send media and events of calls to any host"),
            ("view_full_number", "Can see whole phone numbers"),
        ]
        constraints = [models.UniqueConstraint(fields=["account", "call_control_id"], name="one_call_per_control_id")]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="call_by_time"),
            models.Index(fields=["account", "-started_at"], name="call_by_account"),
            models.Index(fields=["connection_id", "-started_at"], name="call_by_application"),
            # by a whole number, and by any of its last digits
            models.Index(
                fields=["from_reversed", "-started_at"],
                name="call_from_number",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
            models.Index(
                fields=["to_reversed", "-started_at"],
                name="call_to_number",
                opclasses=["varchar_pattern_ops", "timestamptz_ops"],
            ),
            # by its four last digits, in the order of time: many numbers have them
            models.Index(Left("from_reversed", 4), F("started_at").desc(), name="call_from_last_four"),
            models.Index(Left("to_reversed", 4), F("started_at").desc(), name="call_to_last_four"),
            # by the beginning of a SIP address
            models.Index(
                fields=["from_number"],
                name="call_from_address",
                opclasses=["varchar_pattern_ops"],
                condition=Q(from_number__contains="@"),
            ),
            models.Index(
                fields=["to_number"],
                name="call_to_address",
                opclasses=["varchar_pattern_ops"],
                condition=Q(to_number__contains="@"),
            ),
            # most calls have ended, and few are recorded: those the index by time finds at once
            models.Index(fields=["state", "-started_at"], name="call_by_state", condition=~Q(state="ended")),
            models.Index(fields=["-started_at", "-id"], name="call_recorded", condition=Q(has_recording=True)),
            models.Index(fields=["hangup_cause", "-started_at"], name="call_by_cause"),
            models.Index(fields=["connection_id"], name="call_alive", condition=~Q(state__in=("ended", "lost"))),
            models.Index(fields=["parent_control_id"], name="call_by_parent", condition=~Q(parent_control_id="")),
            models.Index(
                fields=["ending_category", "-started_at"], name="call_by_ending", condition=~Q(ending_category="")
            ),
            models.Index(fields=["ended_by", "-started_at"], name="call_by_party", condition=~Q(ended_by="")),
            models.Index(fields=["ending", "-started_at"], name="call_by_verdict", condition=~Q(ending="")),
            models.Index(
                fields=["sip_hangup_cause", "-started_at"], name="call_by_sip", condition=~Q(sip_hangup_cause="")
            ),
            models.Index(fields=["answered_by", "-started_at"], name="call_by_answerer", condition=~Q(answered_by="")),
            models.Index(fields=["queue", "-started_at"], name="call_by_queue", condition=~Q(queue="")),
            models.Index(fields=["judge_at"], name="call_to_judge", condition=Q(judge_at__isnull=False)),
            models.Index(fields=["mos", "-started_at"], name="call_by_mos", condition=Q(mos__isnull=False)),
            models.Index(
                fields=["cost_amount", "-started_at"], name="call_by_cost", condition=Q(cost_amount__isnull=False)
            ),
            models.Index(fields=["-started_at", "-id"], name="call_late", condition=Q(late_seconds__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.direction or 'call'} …{self.from_number[-4:]} → …{self.to_number[-4:]}"

    @property
    def is_alive(self) -> bool:
        return self.state not in self.OVER

    def ask_for_judgement(self, at: datetime) -> tuple[str, ...]:
        """Have the ending judged, unsaved, if there is one; return the columns to be written."""
        # one that was taken for lost, and lives, loses its ending; also the one that is being judged at this moment
        if self.is_alive and not self.ending and self.judge_at is None:
            return ()
        self.judge_at = at
        return ("judge_at",)

    @property
    def ring_seconds(self) -> float | None:
        """Measure from the start to the answer, or to the end of a call nobody answered."""
        return _seconds(self.started_at, self.answered_at or self.ended_at)

    @property
    def talk_seconds(self) -> float | None:
        """Measure from the answer to the end."""
        return _seconds(self.answered_at, self.ended_at)

    @property
    def loss_in(self) -> float | None:
        """Measure the share of packets that did not come in."""
        return _share(self.skipped_in, self.packets_in)

    @property
    def loss_out(self) -> float | None:
        """Measure the share of packets that did not go out."""
        return _share(self.skipped_out, self.packets_out)

    @property
    def clock_skew_seconds(self) -> float | None:
        """Measure how far Telnyx's clocks contradict each other, if they do: the answer is told after the end, say.

        So far off may the ring and the talk be.
        """
        times = [at for at in (self.started_at, self.answered_at, self.ended_at) if at]
        skew = max(((one - later).total_seconds() for one, later in pairwise(times)), default=0.0)
        return round(skew, 3) or None if skew > 0 else None


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    # Telnyx's own clocks may tell an answer after the end
    return max(round((end - begin).total_seconds(), 3), 0.0) if begin and end else None


def _share(part: int | None, whole: int | None) -> float | None:
    # six digits: one packet of an hour is not none
    return round(min(part / whole, 1.0), 6) if part is not None and whole else None


class LiveListing(models.Model):
    """Keeps Telnyx's list of ``calls`` of the applications in ``asked``; ``claimed_at`` keeps a second from asking."""

    account = models.OneToOneField(TelnyxAccount, on_delete=models.CASCADE, primary_key=True, related_name="+")
    claimed_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, help_text="When Telnyx was asked; what was told is as old as this.")
    asked = models.JSONField(default=list, help_text="connection_id of the applications that answered.")
    calls = models.JSONField(default=list)
    error = models.CharField(max_length=500, blank=True)
    others = models.JSONField(null=True, help_text="[{source, rows, complete, error}]: what else was asked for.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"live calls of {self.account}"
