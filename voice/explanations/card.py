"""Says on a page why a call ended: the sentence, who ended it, how sure that is, what it rests on."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from voice.catalogue import actions, endings
from voice.catalogue.event_types import label
from voice.explanations import rows
from voice.explanations.judgement.verdicts import Proof, Verdict
from voice.models import CallCommand

_SURE = {
    "high": "certain: a documented cause, and nothing is missing",
    "medium": "likely: two signals together",
    "low": "not sure: the code is ambiguous, or an event is missing",
}
_SEEN_WITH = {"event": "voice.view_callevent", "command": "voice.view_callcommand"}


def command_panel(request: HttpRequest, command: CallCommand) -> SafeString:
    """Draw on a dial's page why its call was never placed."""
    is_of_no_call = command.call_id is None and command.action in actions.NEW_CALLS
    if not is_of_no_call or command.status in {CallCommand.Status.QUEUED, CallCommand.Status.SENDING}:
        return SafeString("")
    context = drawn(rows.verdict_of_command(command), request.user)
    return render_to_string("voice/explanations/card.html", context | {"evidence": []}, request)


def drawn(verdict: Verdict, user: Any) -> dict[str, Any]:
    """Return what the card shows, to this person."""
    return {
        "verdict": verdict,
        "tone": endings.tone(verdict.category),
        "category": endings.category_label(verdict.category),
        "who": endings.party(verdict.who),
        "sure": _SURE[verdict.confidence],
        "evidence": [(f"#entry-{proof.id}", _words(proof)) for proof in seen_by(user, verdict.evidence)],
    }


def seen_by(user: Any, evidence: tuple[Proof, ...]) -> list[Proof]:
    """List the proofs whose rows this person may see."""
    return [proof for proof in evidence if user.has_perm(_SEEN_WITH[proof.kind])]


def _words(proof: Proof) -> str:
    return label(proof.what) if proof.kind == "event" else actions.label(proof.what)
