"""Keeps tries of a document as its test cases, and goes through them again: what was said is what must be said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from portal import payloads
from portal.actors import Actor
from portal.masking import hides_something
from portal.models import AuditEvent
from portal.texml.conversation import CALL, LONGEST_STEP, MOST_STEPS, Difference
from portal.times import uptime
from voice.documents import serving
from voice.models import TexmlCase, TexmlDocument
from voice.texml_editor.draft import MOST_LINES, Draft, talk, talk_again

MOST = 100  # of one document: each publication goes through all of them
# for all cases of one document: whoever waits holds a thread of the web process. One case alone may take about two more
SECONDS = 8
_NOT_RUN = f"Not run: all test cases have {SECONDS} seconds together, and those before it took them."
_GONE = "Somebody deleted it meanwhile: nothing was kept."
_CHANGED = "The draft was changed since: look again."
_OTHERWISE = "The text says something else now: call again, then keep it."
_HIDDEN = "It has a number that was hidden when it was read (•••). Enter that number whole."


class CasesFail(ValidationError):
    """Says that the draft is not published: of ``runs`` some expect something else, or there was no time for them."""

    def __init__(self, runs: Sequence["Run"]) -> None:
        self.runs = runs
        failing = [f"“{run.case}” (step {run.differences[0].at})" for run in runs if run.is_failing]
        late = ", ".join(f"“{run.case}”" for run in runs if run.not_run)
        said = []
        if failing:
            is_one = len(failing) == 1
            expect, them = ("this test case expects", "it") if is_one else ("these test cases expect", "them")
            words = f"Not published: {expect} something else: {', '.join(failing)}."
            said.append(f"{words} Mend the draft, or record {them} again.")
        if late:
            words = f"Not published: all test cases have {SECONDS} seconds together, and there was no time for"
            said.append(f"{words} {late}. Delete or shorten those that go through long documents.")
        super().__init__({"cases": said})


@dataclass(frozen=True)
class Run:
    """Holds what came of one case: the steps to which something else is said now, none if it passes.

    ``not_run`` says why it was not gone through, and is empty if it was. Then nothing was said, which never passes.
    """

    case: TexmlCase
    differences: list[Difference]
    not_run: str = ""

    @property
    def is_failing(self) -> bool:
        """Tell whether something else was said; of one that was not run nobody knows."""
        return bool(self.differences) and not self.not_run


def drafted(document: TexmlDocument) -> Draft:
    """Return the draft as callers would get it, and beside it the other documents as they are published."""
    apology = serving.apologise(document.apology)
    return Draft(document.draft, document.variables, apology, document.url, serving.answer_at)


def save(
    document: TexmlDocument,
    name: str,
    done: Sequence[str],
    caller: Mapping[str, str],
    actor: Actor,
    is_heard: Callable[[Any], bool] = lambda steps: True,
) -> TexmlCase:
    """Do the steps with the draft, and keep what is said as a case. ``ValidationError`` by field.

    ``is_heard`` tells whether these steps, with what is said to each, are what the person was shown.
    """
    _check(document, name, done, caller)
    told = talk(drafted(document), list(done), caller)
    if not is_heard(told["steps"]):
        raise ValidationError({"steps": [_OTHERWISE]})
    if len(told["steps"]) <= len(done):
        raise ValidationError({"steps": [f"Step {len(told['steps'])}: {told['problem']}"]})
    case = TexmlCase(document=document, name=name, caller=dict(caller), steps=told["steps"], author=actor.label)
    with transaction.atomic():
        # one after the other: how many there are stays true
        if not TexmlDocument.objects.select_for_update(of=("self",), no_key=True).filter(pk=document.pk).first():
            raise ValidationError({"document": [_GONE]})
        case.full_clean()
        if document.cases.count() >= MOST:
            raise ValidationError({"name": [f"A document has at most {MOST} test cases. Delete one first."]})
        case.save()
        AuditEvent.note(actor, "document.case", document, case=name)
    return case


def record_again(case: TexmlCase, actor: Actor, expected: str | None = None) -> TexmlCase:
    """Take what the draft says now as right. ``ValidationError`` when a step is not possible any more.

    ``expected`` is the digest of the document that the person saw: ``ValidationError`` if it is another one now.
    """
    if expected not in (None, case.document.digest):
        raise ValidationError({"draft": [_CHANGED]})
    done = [step["do"] for step in case.steps[1:]]
    told = talk(drafted(case.document), done, case.caller)
    if len(told["steps"]) <= len(done):
        words = f"Step {len(told['steps'])} is not possible any more: {told['problem']} Try it anew and save that."
        raise ValidationError({"steps": [words]})
    case.steps, case.author, case.updated_at = told["steps"], actor.label, timezone.now()
    kept = {"steps": case.steps, "author": case.author, "updated_at": case.updated_at}
    with transaction.atomic():
        if not TexmlCase.objects.filter(pk=case.pk).update(**kept):
            raise ValidationError({"case": [_GONE]})
        AuditEvent.note(actor, "document.case", case.document, case=case.name)
    return case


def delete(case: TexmlCase, actor: Actor) -> None:
    """Delete a case: publications do not ask it any more."""
    with transaction.atomic():
        if TexmlCase.objects.filter(pk=case.pk).delete()[0]:
            AuditEvent.note(actor, "document.case_delete", case.document, case=case.name)


def run(document: TexmlDocument, *, by_name: bool = True) -> list[Run]:
    """Go through all cases with the draft, in the order of their names; of their ids for who sees these masked.

    What there is no time for any more is not run.
    """
    draft, rows = drafted(document), document.cases.order_by("name" if by_name else "id")
    until = uptime() + SECONDS
    return [
        Run(case, talk_again(draft, case.steps, case.caller)) if uptime() < until else _left_out(case) for case in rows
    ]


def _left_out(case: TexmlCase) -> Run:
    return Run(case, [Difference(0, CALL, list(case.steps[0]["lines"]), [])], _NOT_RUN)


def demand(document: TexmlDocument) -> None:
    """Raise ``CasesFail`` unless all cases pass."""
    runs = run(document, by_name=False)  # told to whoever publishes
    if any(one.differences for one in runs):
        raise CasesFail(runs)


def _check(document: TexmlDocument, name: str, done: Sequence[str], caller: Mapping[str, str]) -> None:
    wrong: dict[str, list[str]] = {}
    if any(hides_something(one) for one in (document.draft, document.variables, document.apology)):
        wrong["draft"] = [_HIDDEN]
    if len(caller) > MOST_LINES or hides_something(dict(caller)):
        wrong["caller"] = [_HIDDEN if len(caller) <= MOST_LINES else f"Give up to {MOST_LINES} values."]
    if len(done) >= MOST_STEPS or any(len(step) > LONGEST_STEP for step in done):
        wrong["steps"] = [f"Give up to {MOST_STEPS - 1} steps of up to {LONGEST_STEP} characters."]
    for field, given in (("name", name), ("steps", list(done)), ("caller", dict(caller))):
        try:
            payloads.storable(given, replace=False)
        except payloads.Unreadable as error:
            wrong[field] = [f"It cannot be kept: {error}."]
    if wrong:
        raise ValidationError(wrong)
