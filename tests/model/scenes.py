"""Short sequences in which things meet that seldom meet by chance. A history plays some of them, among all its steps.

``-1`` is the latest: what was woken, claimed, made or told last.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tests.model.command_steps import WISHES
from tests.model.world import Step

if TYPE_CHECKING:
    from tests.model.steps import Dice

_CLAIM: Step = ("claim", -1)
_SETTLE: Step = ("settle", -1)
_DELIVER: Step = ("deliver", -1, "once")
_PROCESS: Step = ("process",)
_LOOK: Step = ("look", -1, "ok", ())
# what was sent 50 s ago becomes uncertain, and is due for a look
_UNCERTAIN: tuple[Step, ...] = (("wait", 55), ("sweep", 500), ("wait", 8), _LOOK)


def _send(fate: str) -> Step:
    return ("send", -1, fate)


def _attempt(fate: str) -> Step:
    return ("attempt", -1, fate, 0.1, ())


def _wish(call: int, name: str, **values: object) -> Step:
    at = next(at for at, (action, given) in enumerate(WISHES) if action == name and values.items() <= given.items())
    return ("wish", call, at, False)


def _dial(number: int) -> Step:
    return ("dial", number, False)


def _told_of_all(most: int) -> list[Step]:
    return [_DELIVER] * most + [_PROCESS]


def leg_before_its_answer(dice: "Dice") -> list[Step]:
    """Of a leg Telnyx tells something before the answer to its dial is written down."""
    return [_dial(dice.number()), _CLAIM, _attempt("ok"), ("record", -1), _DELIVER, _PROCESS, _SETTLE]


def leg_before_its_stub(dice: "Dice") -> list[Step]:
    """Of a leg Telnyx tells something before the list of live calls makes its call known."""
    return [("ring_unheard",), ("record", -1), _DELIVER, _PROCESS, ("wait", 35), ("recover", "ok")]


def twins(dice: "Dice") -> list[Step]:
    """The same is wished twice: one is done, of the other nobody knows, and the webhooks come after both."""
    call, name = dice.some(4), dice.choice(("speak", "speak", "start_transcription", "transfer"))
    steps = [_wish(call, name), _send("ok"), _wish(call, name), _send("silent"), *_told_of_all(3)]
    return [*steps, *_UNCERTAIN]


def bridge_beside_a_transfer(dice: "Dice") -> list[Step]:
    """A bridge reaches the leg on which a transfer came to nothing."""
    call = dice.some(3)
    steps = [_wish(call, "bridge"), _send("ok"), _wish(call + 1, "transfer"), _send("silent"), *_told_of_all(2)]
    return [*steps, *_UNCERTAIN]


def recorded_by_a_parameter(dice: "Dice") -> list[Step]:
    """An answer began the recording; of the wish to record nobody knows."""
    call = dice.some(2)
    begin = [_wish(call, "answer", record="record-from-answer"), _send("ok"), _wish(call, "start_recording")]
    return [*begin, _send("silent"), ("wait", 1), ("hang_up", call), *_told_of_all(2), *_UNCERTAIN]


def many_dials_of_a_number(dice: "Dice") -> list[Step]:
    """One of many dials of a number came to nothing."""
    number = dice.number()
    others = [step for _ in range(7) for step in (_dial(number), _send("ok"))]
    return [_dial(number), _send("silent"), *others, *_told_of_all(7), *_UNCERTAIN]


def rival_put_off(dice: "Dice") -> list[Step]:
    """The one dial was carried out, its answer lost, and its repeat is put off; the other came to nothing."""
    number = dice.number()
    steps: list[Step] = [_dial(number), _send("lost"), _dial(number), _send("silent"), *_told_of_all(1)]
    steps += [("wait", 3), ("sweep", 1), _attempt("429:30"), _SETTLE]
    return [*steps, ("wait", 29), ("sweep", 500), ("wait", 8), _LOOK]


def hang_up_among_wishes(dice: "Dice") -> list[Step]:
    """What was wished first waits for its resend, perhaps others for that, and then all is to end."""
    call = dice.some(4)
    waiting = [_wish(call, "speak")] * dice.randrange(3)
    return [_wish(call, "speak"), _send(dice.choice(("silent", "lost"))), *waiting, _wish(call, "hangup"), ("sweep", 1)]


def paused_on_the_wire(dice: "Dice") -> list[Step]:
    """A batch is paused while a line of it is on the wire."""
    return [("make_batch", 3), ("wait", 1), ("sweep", 500), _attempt("silent"), _SETTLE, ("steer", "pause")]


def webhook_before_its_answer(dice: "Dice") -> list[Step]:
    """A dial's webhook is faster than its answer, and others dial."""
    first: list[Step] = [_dial(0), _CLAIM, _attempt("ok"), _DELIVER, _PROCESS]
    return [*first, *(_dial(at) for at in range(1, 5)), _SETTLE]


def dials_without_an_answer(dice: "Dice") -> list[Step]:
    """Of some dials nobody knows whether they ring, and others dial."""
    lost = [step for at in range(5) for step in (_dial(at), _send("lost"))]
    return [*lost, ("wait", 55), ("sweep", 500), _dial(5), _send("ok"), _dial(6), _send("ok")]


def stopped_before_it_wrote(dice: "Dice") -> list[Step]:
    """A sender is stopped before it writes down what came of it, until another one has sent it."""
    name = dice.choice(("speak", "send_dtmf", "transfer"))
    again: list[Step] = [("wait", 31), ("sweep", 500), _attempt("ok"), _SETTLE]
    amid: Step = ("amid", dice.randrange(4), _SETTLE, tuple(again))
    return [_wish(dice.some(4), name), _CLAIM, _attempt(dice.choice(("silent", "lost", "ok", "no"))), amid]


def decided_during_a_look(dice: "Dice") -> list[Step]:
    """A person sends it again while Telnyx is asked what became of it."""
    others = (("decide", -1, "send_again"),)
    wish = _wish(dice.some(4), dice.choice(("speak", "send_dtmf", "transfer")))
    return [wish, _send("lost"), ("wait", 55), ("sweep", 500), ("wait", 8), ("look", -1, "ok", others)]


def refused_and_not_told(dice: "Dice") -> list[Step]:
    """Telnyx refused it, and only its record says so."""
    return [_wish(dice.some(4), "speak"), _send("lost_no"), *_UNCERTAIN]


def done_and_not_answered(dice: "Dice") -> list[Step]:
    """What must not be done twice was done, and its answer lost; then somebody looks for what is due."""
    wish = _wish(dice.some(4), dice.choice(("start_siprec", "update_client_state")))
    return [wish, _send("lost"), ("wait", 3), ("sweep", 500), _attempt("ok"), _SETTLE]


def told_to_end(dice: "Dice") -> list[Step]:
    """A worker is told to end while something waits for it."""
    return [_wish(dice.some(4), "speak"), ("send_at_the_end", -1)]


def another_clock(dice: "Dice") -> list[Step]:
    """The web server's clock is wrong while something is wished, and a batch made and resumed."""
    steer: list[Step] = [("steer", "pause"), ("wait", 1), ("steer", "resume")]
    return [("skew", dice.choice((-60, 40))), _wish(dice.some(4), "speak"), ("make_batch", 3), *steer, ("skew", 0)]


def batch_left_behind(dice: "Dice") -> list[Step]:
    """Whoever suspends, and whoever lifts, may be killed before he has come to the batch."""
    suspend: Step = ("dies", dice.randrange(10), ("suspend", "application"))
    lift: Step = ("dies", dice.randrange(10), ("lift",))
    settle: Step = ("settle_batches",)
    return [("make_batch", 3), dice.choice((suspend, suspend[2])), settle, lift, settle, ("lift",)]


SCENES: Sequence[Callable[["Dice"], list[Step]]] = (
    leg_before_its_answer,
    leg_before_its_stub,
    twins,
    bridge_beside_a_transfer,
    recorded_by_a_parameter,
    many_dials_of_a_number,
    rival_put_off,
    hang_up_among_wishes,
    paused_on_the_wire,
    webhook_before_its_answer,
    dials_without_an_answer,
    stopped_before_it_wrote,
    decided_during_a_look,
    refused_and_not_told,
    done_and_not_answered,
    told_to_end,
    another_clock,
    batch_left_behind,
)
