"""Reads the story of a call's session once for a request: its page and every section of it tell the same."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest

from voice.calls import timeline
from voice.models import Call


class Story:
    """Holds the legs of the session, with a letter each; reads what happened when it is first asked for."""

    def __init__(self, call: Call, user: Any) -> None:
        self.user = user
        self.legs = timeline.legs(call)
        if all(leg.pk != call.pk for _, leg in self.legs):  # of a session with very many legs not all are listed
            self.legs.append(("?", call))

    @cached_property
    def entries(self) -> list[timeline.Entry]:
        """List events and commands in order, as the viewer may see them."""
        return timeline.entries(self.legs, self.user)


def of(request: HttpRequest, call: Call) -> Story:
    """Return the story of ``call`` for whoever asks by this request."""
    kept: dict[Any, Story] = request.__dict__.setdefault("call_stories", {})
    if call.pk not in kept:
        kept[call.pk] = Story(call, request.user)
    return kept[call.pk]
