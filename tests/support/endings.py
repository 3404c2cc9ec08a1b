"""Writes down how a call went, in few words, for tests that judge why it ended."""

from datetime import UTC, datetime, timedelta
from typing import Any

from voice.explanations.judgement import precedence
from voice.explanations.judgement.facts import Command, Context, Event, Facts
from voice.explanations.judgement.verdicts import Verdict

BEGIN = datetime(2026, 11, 20, 14, 3, 7, tzinfo=UTC)
CALLER, OURS = "+13125550143", "+13125550100"


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def event(event_type: str, seconds: float, leg: str = "a", **payload: Any) -> Event:
    return Event(f"{leg} {event_type} {seconds}", event_type, at(seconds), leg, payload)


def course(
    direction: str, *, answered: float | None = None, ended: float | None = None, leg: str = "a", **hangup: Any
) -> list[Event]:
    """The life of one leg: begun at ``begun`` (0), answered and ended so many seconds after the session's begin."""
    begun = hangup.pop("begun", 0)
    told = {"direction": direction, "from": CALLER, "to": hangup.pop("to", OURS)}
    events = [event("call.initiated", begun, leg, **told)]
    events += [event("call.answered", answered, leg)] if answered is not None else []
    cause = {"hangup_cause": "normal_clearing", "hangup_source": "unknown", "sip_hangup_cause": "200"}
    events += [event("call.hangup", ended, leg, **(cause | hangup))] if ended is not None else []
    return events


def command(action: str, seconds: float, status: str = "ok", **more: Any) -> Command:
    sent = None if status in {"queued", "expired"} else at(seconds)
    values = {"by": "rule: Menu #4", "leg": "a", "created_at": at(seconds), "sent_at": sent}
    return Command(id=f"{action} {seconds}", action=action, status=status, **(values | more))


def judged(events: list[Event], *commands: Command, **context: Any) -> Verdict:
    return precedence.judge(Facts(tuple(events), commands, Context(**context)))


def of_leg(leg: str, events: list[Event], *commands: Command) -> Verdict:
    return precedence.judge_legs(Facts(tuple(events), commands))[leg]


def says(text: str, wanted: str) -> bool:
    """``a|b`` means either."""
    return any(part.lower() in text.lower() for part in wanted.split("|"))


def check(told: dict[str, Any], expected: dict[str, Any]) -> None:
    """What is told of a case, in the members of ``Verdict.told``, is what its line expects."""
    text = " ".join([told["sentence"], *told["flags"]])
    assert told["category"] == expected["category"], told
    assert told["who"] in expected["who_ended"].split("|"), told
    for wanted in expected["must_mention"]:
        assert says(text, wanted), (wanted, told)
    for unwanted in expected["must_not_mention"]:
        assert not says(text, unwanted), (unwanted, told)
    for wanted in expected["next_step_contains"]:
        assert says(told["next_step"], wanted), (wanted, told)
    assert told["confidence"] == expected.get("confidence", told["confidence"]), told
