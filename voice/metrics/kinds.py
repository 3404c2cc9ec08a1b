"""Says as what a leg is counted. One call of a customer is counted once, however many legs it has."""

from collections.abc import Collection, Sequence

from voice.models import Call

AS = Call.CountedAs


def of_legs(legs: Sequence[Call], dialled: Collection[str]) -> dict[Call, str]:
    """Say it of each leg of one session, in the order they began. ``dialled``: the control ids that our dials made."""
    return {leg: _of_leg(leg, leg is legs[0], leg.call_control_id in dialled) for leg in legs}


def _of_leg(leg: Call, is_first: bool, is_dialled: bool) -> str:
    """Take the first leg for the customer's call; a leg that a transfer or a document made is none of its own."""
    if leg.direction == "incoming":
        return AS.INCOMING if is_first else AS.OTHER
    if leg.direction == "outgoing":
        return AS.OUTGOING if is_first or is_dialled else AS.TRANSFERRED
    return AS.OTHER
