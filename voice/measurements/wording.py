"""Puts what Telnyx measured of a call into words."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Model, Q
from django.utils import timezone

from voice.calls.measures import POOR_MOS
from voice.models import Call


@dataclass(frozen=True)
class Told:
    """Holds words and the tone (``good``, ``plain``, ``warn``, ``bad``) in which they are shown."""

    words: str
    tone: str = "plain"


_BEST, _WORST = 4.5, 1.0
# Telnyx's scale ends at 4.5; the words are ITU-T G.107's, annex B
_MOS = ((4.0, "good", "good"), (POOR_MOS, "fair", "plain"), (3.1, "poor: many complain", "warn"), (0.0, "bad", "bad"))
_ATTESTATION = {
    "A": ("the carrier knows the caller, and that the number is theirs", "good"),
    "B": ("the carrier knows the caller, but not that the number is theirs", "plain"),
    "C": ("the carrier knows neither; it only passed the call on", "warn"),
}
_SCREENING = {"no_action": Told("found nothing", "good")}  # other words are published nowhere
_LOST_OF = 50  # packets one is lost, as in a verdict's flags: from here on words are missed
_COST_PARTS = {
    "sip-trunking": "line",
    "call-control": "Call Control",
    "recording": "recording",
    "amd": "machine detection",
}
_COST_COMES = timedelta(minutes=5)  # Telnyx sends ``call.cost`` some seconds after the end


def mos(value: float) -> Told:
    """Say what a MOS means to a listener."""
    words, tone = next((words, tone) for least, words, tone in _MOS if value >= least)
    return Told(words, tone)


def mos_share(value: float) -> float:
    """Return how much of the scale's bar it fills, of 96."""
    return round(96 * min(max((value - _WORST) / (_BEST - _WORST), 0.02), 1), 1)


def loss(share: float | None) -> Told:
    """Say how much of the sound was missing."""
    if share is None:
        return Told("not measured")
    text = "none" if share == 0 else "below 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"
    return Told(text, "bad" if share >= 0.05 else "warn" if share >= 0.01 else "plain")


def sound(call: Call) -> Told | None:
    """Say in a word or two how it sounded, by the worse direction; None where nothing was measured or to be heard."""
    if not (call.answered_at or call.bridged_at):
        return None
    if call.packets_in == 0 or call.packets_out == 0:
        return Told(f"no audio {'towards' if call.packets_in == 0 else 'from'} us", "bad")
    lost = max((share for share in (call.loss_in, call.loss_out) if share is not None), default=None)
    if lost is not None and lost > 1 / _LOST_OF:
        return Told(f"{lost * 100:.0f} % lost", "warn")
    return mos(call.mos) if call.mos is not None else Told("nothing lost", "good") if lost is not None else None


def sounds_poor(call: Call) -> bool:
    """Tell whether somebody on the line will have noticed."""
    told = sound(call)
    return told is not None and told.tone in {"warn", "bad"}


# the same as a condition: whole packets are compared, so nothing is rounded
_MISSED = Q(packets_in__isnull=False, skipped_in__gt=F("packets_in") / _LOST_OF)
_MISSED |= Q(packets_out__isnull=False, skipped_out__gt=F("packets_out") / _LOST_OF)
SOUNDS_POOR = (Q(answered_at__isnull=False) | Q(bridged_at__isnull=False)) & (
    Q(packets_in=0) | Q(packets_out=0) | _MISSED | Q(mos__lt=POOR_MOS)
)


def is_marked_spam(call: Call) -> bool:
    """Tell whether Telnyx's screening takes the caller for spam."""
    return "spam" in call.screening.lower()


def attestation(call: Call) -> Told | None:
    """Say how far the caller's number is vouched for; None where nothing was told."""
    if not call.attestation and call.attestation_valid is None:
        return None
    words, tone = _ATTESTATION.get(call.attestation, ("no known level", "plain"))
    if call.attestation_valid is False:
        return Told(f"{words}. Its signature was not in order, so take it for nothing.", "bad")
    return Told(words, tone)


def screening(call: Call) -> Told | None:
    """Say what Telnyx's screening found; None where nothing was told."""
    if not call.screening:
        return None
    return _SCREENING.get(call.screening) or Told(call.screening.replace("_", " "), "warn")


def trust(call: Call) -> list[tuple[str, Told]]:
    """List in a word each who vouches for the caller and what screening found, as far as it was told."""
    vouched, screened = attestation(call), screening(call)
    found = [(call.attestation or "?", vouched)] if vouched else []
    return [*found, (screened.words, screened)] if screened else found


def money(text: str, currency: str) -> str:
    """Write an amount with its currency, without zeros that say nothing."""
    try:
        amount = format(Decimal(text).normalize(), "f")
    except ArithmeticError:  # no number, or one that is too large
        amount = text
    whole, _, rest = amount.partition(".")
    return f"{whole}.{rest:0<2} {currency}".rstrip()


def parts(call: Call) -> list[tuple[str, str, str]]:
    """List the parts of the price: what, how much, how it comes about."""
    found = []
    told = call.cost_parts if isinstance(call.cost_parts, list) else []
    for part in told:
        if not isinstance(part, dict):
            continue
        name = str(part.get("call_part") or "other")
        currency = str(part.get("currency") or "")
        how = [f"{part['billed_seconds']} s billed"] if part.get("billed_seconds") is not None else []
        how += [f"rate {money(str(part['rate']), currency)}"] if part.get("rate") else []
        found.append((_COST_PARTS.get(name, name), money(str(part.get("cost") or "0"), currency), ", ".join(how)))
    return found


def why_no_cost(call: Call, application: Model | None) -> tuple[str, bool]:
    """Say why no price is told, and whether a setting of the application is the reason."""
    if call.is_alive:
        return "Telnyx tells the price after the end.", False
    reported: Any = getattr(application, "call_cost_in_webhooks", None)
    if reported is False:
        return "The application does not have prices reported: “call cost in webhooks” is off there.", True
    if call.ended_at and timezone.now() - call.ended_at < _COST_COMES:
        return "Not told yet: it comes within minutes after the end.", False
    if reported is None:
        return "Not reported. Whether the application has prices reported is not known here.", False
    return "Not reported, though the application has prices reported. Telnyx's invoice has it.", False
