"""Tells how a leg sounded: ``call_quality_stats`` of its hang-up.

A line is good unless somebody says otherwise, and each a little otherwise than the next: what differs is read out of
the leg's id, so that the same seed gives the same figures and draws nothing for them. As in FreeSWITCH, which measures
at Telnyx, the share of packets that came in order is taken for the rating of ITU-T G.107; the MOS follows from it.
"""

from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.core.errors import wrong
from portal.sandbox.core.store import Call

# a line by a word: what is told of each direction; None where nothing was measured
LINES: dict[str, JsonObject | None] = {
    "good": {},
    "poor": {"inbound": {"mos": 3.4, "jitter_max_variance": 31.2, "loss": 0.015}, "outbound": {"loss": 0.01}},
    "bad": {"inbound": {"mos": 2.1, "jitter_max_variance": 184.5, "loss": 0.12}, "outbound": {"loss": 0.08}},
    "no_inbound": {"inbound": {"packet_count": 0}},
    "no_outbound": {"outbound": {"packet_count": 0}},
    "unmeasured": None,
}
_MOST = 10_000_000
_COUNTED = {"packet_count": (0, _MOST), "skip_packet_count": (0, _MOST), "jitter_packet_count": (0, _MOST)}
_MEASURED = {"mos": (1.0, 4.5), "jitter_max_variance": (0.0, 10_000.0), "loss": (0.0, 1.0)}
_MEMBERS = {
    "inbound": (*_MEASURED, *_COUNTED),
    "outbound": ("loss", "packet_count", "skip_packet_count"),  # Telnyx measures no more of it
}
_PACKETS = 50  # a second: one every 20 ms


def read(value: Any, name: str) -> JsonObject:
    """Return the line that a word, or what is told of its directions, describes; 422 names what makes no sense."""
    if isinstance(value, str) and value in LINES:
        told = LINES[value]
        return {"unmeasured": True} if told is None else told
    if not isinstance(value, dict):
        raise wrong(name, f"Must be one of {', '.join(LINES)}, or an object of {', '.join(_MEMBERS)}.")
    for way, told in value.items():
        if way not in _MEMBERS:
            raise wrong(f"{name}/{way}", f"Unknown member; there are {', '.join(_MEMBERS)}.")
        if not isinstance(told, dict):
            raise wrong(f"{name}/{way}", "Must be an object.")
        for member, figure in told.items():
            _check(way, member, figure, f"{name}/{way}/{member}")
    return value


def measured(call: Call) -> JsonObject | None:
    """Return what was measured of a leg that has ended; None of one that was never answered."""
    if call.answered_at is None or call.ended_at is None or call.line.get("unmeasured"):
        return None
    usual = max(1, round((call.ended_at - call.answered_at) * _PACKETS))
    inbound, outbound = (call.line.get(way, {}) for way in _MEMBERS)
    drawn = int(call.call_leg_id.replace("-", ""), 16)
    jitter, late, lost = drawn % 600 / 100, drawn // 600 % 40 / 1000, drawn // 24_000 % 4 / 1000
    counts, loss = _counts(inbound, usual, lost)
    if counts["packet_count"] == "0" and "mos" not in inbound:  # only what there is something to measure of is told
        heard = counts
    else:
        heard = {
            "jitter_max_variance": f"{inbound.get('jitter_max_variance', jitter):.2f}",
            "jitter_packet_count": str(inbound.get("jitter_packet_count", 0)),
            "mos": f"{inbound.get('mos') or _mos(1 - loss - late):.2f}",
        } | counts
    return {"inbound": heard, "outbound": _counts(outbound, usual, 0.0)[0]}


def _check(way: str, member: str, figure: Any, name: str) -> None:
    if member not in _MEMBERS[way]:
        raise wrong(name, f"Unknown member; there are {', '.join(_MEMBERS[way])}.")
    least, most = (_COUNTED | _MEASURED)[member]
    kinds = (int,) if member in _COUNTED else (int, float)
    if isinstance(figure, bool) or not isinstance(figure, kinds) or not least <= figure <= most:
        raise wrong(name, f"{'A whole number' if member in _COUNTED else 'A number'} from {least:g} to {most:g}.")


def _counts(told: JsonObject, usual: int, lost: float) -> tuple[dict[str, str], float]:
    """Return the packets of a direction and those that are missing, as Telnyx writes them; and the share of these."""
    packets = told.get("packet_count", usual)
    skipped = told.get("skip_packet_count", round(packets * told.get("loss", lost)))
    share = skipped / packets if packets and "skip_packet_count" in told else told.get("loss", lost)
    return {"packet_count": str(packets), "skip_packet_count": str(skipped)}, share


def _mos(share: float) -> float:
    """Return the MOS of a line on which so much came in order."""
    rating = 100 * min(max(share, 0.0), 1.0)
    return max(1.0, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating))
