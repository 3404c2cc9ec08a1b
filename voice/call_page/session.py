"""Reads the session of a call once, for all that its page shows of it."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from portal.masking import display_number, masked_for
from portal.phone_numbers import pretty
from portal.texts import visible
from voice.calls import search, timeline
from voice.explanations import rows
from voice.explanations.judgement.verdicts import Verdict
from voice.models import Call
from voice.session_picture import scene, text


class Session:
    """Holds the legs of a call's session, and reads what else is asked for when it is first asked for."""

    def __init__(self, call: Call, told: timeline.Story) -> None:
        self.call, self.story = call, told
        self.user, self.legs = told.user, told.legs

    @property
    def first(self) -> Call:
        """Return the leg that the session began with."""
        return self.legs[0][1]

    @cached_property
    def letter(self) -> str:
        """Return the letter of the call's own leg."""
        return next((letter for letter, leg in self.legs if leg.pk == self.call.pk), "A")

    @cached_property
    def verdicts(self) -> dict[Any, Verdict]:
        """Say of each leg why it ended."""
        return rows.verdicts_of([leg for _, leg in self.legs])

    @property
    def verdict(self) -> Verdict:
        """Say why the call's own leg ended."""
        return self.verdicts[self.call.pk]

    @property
    def entries(self) -> list[timeline.Entry]:
        """Tell the story of the session, as its viewer may see it."""
        return self.story.entries

    @cached_property
    def scene(self) -> scene.Scene:
        """Lay the session out for its picture."""
        ends = {pk: verdict.who for pk, verdict in self.verdicts.items()}
        may_see = self.user.has_perm("voice.view_callevent")
        return scene.read(self.legs, self.entries, ends, self.number, timezone.now(), sees_events=may_see)

    @cached_property
    def application(self) -> str:
        """Return the name of the application it runs in, else the application's id."""
        key = (self.first.account_id, self.first.connection_id)
        name = search.application_names({key}).get(key) if key[1] else ""
        return name or self.call.connection_id

    @property
    def is_over(self) -> bool:
        return not self.call.is_alive

    @property
    def title(self) -> str:
        """Word whom the call connects, as its viewer may see them."""
        return f"{self.number(self.call.from_number) or '?'} to {self.number(self.call.to_number) or '?'}"

    def number(self, number: str) -> str:
        """Write a number as the viewer may see it."""
        return visible(pretty(display_number(number, self.user)))

    def words(self, sentence: str) -> str:
        """Write a sentence as the viewer may see it."""
        return visible(str(masked_for(self.user, sentence)))

    @property
    def description(self) -> str:
        """Say in a few sentences what the picture shows."""
        told = [self.words(self.verdict.sentence)] if self.is_over else ["On the line."]
        told += [text.of_lane(lane) for lane in self.scene.lanes]
        return " ".join([*told, *text.what_is_not_there(self.scene)])


def of(request: HttpRequest, call: Call) -> Session:
    """Return the session of ``call``, read once for a request: every section of the page asks for it."""
    kept: dict[Any, Session] = request.__dict__.setdefault("call_sessions", {})
    if call.pk not in kept:
        kept[call.pk] = alone(request, call)
    return kept[call.pk]


def alone(request: HttpRequest, call: Call) -> Session:
    """Return the session of ``call``, kept by nobody: for who reads many in one request."""
    return Session(call, timeline.story_of(request, call))
