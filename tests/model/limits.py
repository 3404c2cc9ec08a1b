"""Counts what a limit of calls at once should count, another way than the product: by who really made which leg."""

from datetime import timedelta

from tests.model.world import World
from voice.catalogue import retry_policy
from voice.models import Call, CallCommand

_LEG_COMES = timedelta(seconds=3)  # between an accepted transfer and its leg
_RINGS = timedelta(minutes=2)  # what a dial of which only the record told may ring, until its call is known


def taken(world: World, but: CallCommand | None = None) -> tuple[int, int]:
    """Count dials under way and legs alive as the portal can know them, each once; and how many are only accepted.

    Those accepted, and a leg whose dial does not know it, may stand for what is counted already: what lies between is
    nobody's fault.
    """
    now = world.clock.database()
    rows = CallCommand.objects.filter(account=world.account, counted_at__lte=but.counted_at if but else now, dials=1)
    rows = rows.exclude(status="expired")
    # a paused batch takes no room but for what has left of it
    rows = rows.exclude(status="queued", first_sent_at=None, batch__status="paused")
    makers = {leg.control_id: leg.by for leg in world.telnyx.legs}
    alive = list(Call.objects.alive().filter(account=world.account, direction="outgoing"))
    by = [makers.get(call.call_control_id) for call in alive]
    under_way: set[object] = set()
    accepted = 0
    for row in rows.exclude(pk=but.pk) if but else rows:
        ended = row.finished_at or now
        lost = row.status == "uncertain" and row.settled_at is None and now - ended < retry_policy.UNKNOWN_AFTER
        if row.status in ("queued", "sending") or lost:
            under_way.add(row.pk)
        elif row.action == "dial":
            is_unmet = row.status == "ok" and row.call_id is None and row.pk not in by
            accepted += is_unmet and now - ended < _RINGS
        elif row.status == "ok" and now - ended < _LEG_COMES:
            accepted += 1
    # a transfer's call is the one it was wished of: once a person has settled it, nothing says whose its leg is
    linked = {row.pk for row in rows if row.call_id is not None and (row.action == "dial" or row.settled_at is None)}
    for maker, call in zip(by, alive, strict=True):
        if maker is None or maker in linked or maker in under_way:
            under_way.add(maker or call.call_control_id)
        else:
            accepted += 1  # a person said what became of its dial: it may pass for another dial's to that number
    return len(under_way) + accepted, accepted
