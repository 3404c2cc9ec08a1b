"""The step of a worker who processes an event and sends its first command: what is begun in the event's commit."""

from dataclasses import replace

from tests.model import suspensions
from tests.model.command_steps import judge_breaker, judge_claim
from tests.model.world import Sending, World
from voice.dispatch import sender
from voice.events import processing
from voice.events.following import wake_following
from voice.models import AccountBreaker, CallCommand


def work_and_begin(world: World, at: int) -> None:
    """A worker processes the event that it has leased, and has its first command begun, if that may be."""
    if not world.at_work:
        return
    leased, _ = world.at_work.pop(at % len(world.at_work))
    with world.judging():
        breaker = AccountBreaker.objects.filter(account=world.account).first()
        is_suspended = suspensions.is_on(world.account)
    following = processing._work(replace(leased, sends=True))
    begun, following.begun = following.begun, None
    if begun is not None:
        _begin(world, begun, breaker)
        if is_suspended and begun.command.action != "hangup":
            world.wrong.append(f"suspensions: {begun.command.action} is begun while it is suspended")
    wake_following(following)


def _begin(world: World, begun: sender.Begun, breaker: AccountBreaker | None) -> None:
    """A worker has committed an event with a command that is to be sent; judged as the claim that it is."""
    world.claims.append(begun.command.pk)
    with world.judging():
        row = CallCommand.objects.select_related("call").get(pk=begun.command.pk)
        if (row.status, row.lease_until) != ("sending", begun.command.lease_until):
            world.wrong.append(f"lease: {row.action} is begun and its row says {row.status}")
        if row.call is not None and not row.call.is_alive:
            world.wrong.append(f"I7: {row.action} begins after the end of its call")
        judge_claim(world, row)
        _judge_older(world, row)
        judge_breaker(world, row, breaker)
    world.sending.append(Sending(begun.command, begun.at))


def _judge_older(world: World, row: CallCommand) -> None:
    open_ones = CallCommand.objects.filter(call=row.call_id, status__in=("queued", "sending"))
    if open_ones.exclude(pk=row.pk).exclude(event=row.event_id).exists():
        world.wrong.append(f"order: {row.action} is begun and others of its call are open")
