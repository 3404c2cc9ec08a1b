"""What is laid out of a session: lanes, ties, what is left out, and clocks that go differently."""

from tests.support.sessions import CALLER, COLLEAGUE, at, command, drawn_scene, event, leg, life

TRANSFER = [leg(answered=1, bridged=9, ended=60), leg("outgoing", begun=4, answered=8.9, bridged=9.2, ended=59.5)]


def test_lanes_stand_in_order_with_role_number_and_who_ended_them() -> None:
    lanes = drawn_scene(TRANSFER, [], ["us", "callee"]).lanes
    assert [(lane.letter, lane.role, lane.number) for lane in lanes] == [
        ("A", "caller", CALLER),
        ("B", "put through", COLLEAGUE),
    ]
    assert [(lane.answered, lane.ended, lane.who) for lane in lanes] == [(1, 60, "us"), (8.9, 59.5, "callee")]


def test_a_dial_is_to_whom_was_called() -> None:
    (lane,) = drawn_scene([leg("outgoing", ended=9)], []).lanes
    assert (lane.role, lane.number, lane.who) == ("called", COLLEAGUE, "unknown")


def test_bridged_legs_are_tied_while_both_last_and_a_transfer_leads_to_its_leg() -> None:
    sent = command("transfer", 3.9, answer=event("call.initiated", 4, "B"))
    told = drawn_scene(TRANSFER, [*life(TRANSFER[0]), *life(TRANSFER[1], "B"), sent]).ties
    assert [(tie.kind, tie.one, tie.other, tie.begin, tie.end) for tie in told] == [
        ("bridge", "A", "B", 9.2, 59.5),
        ("transfer", "A", "B", 3.9, 4),
    ]


def test_a_living_leg_goes_on_to_now() -> None:
    told = drawn_scene([leg(answered=3)], [], now=at(90))
    assert (told.length, told.lanes[0].is_open, told.lanes[0].who) == (90, True, "")


def test_a_command_never_stands_behind_what_it_caused() -> None:
    answered = event("call.answered", 3)
    told = drawn_scene([leg(answered=3, ended=9)], [answered, command("answer", 3.4, answer=answered)])
    sent = next(mark for mark in told.marks if mark.is_command)
    assert sent.at == 3.0


def test_of_many_legs_seven_are_drawn_and_the_others_counted() -> None:
    legs = [leg(begun=n, ended=50) for n in range(26)]
    told = drawn_scene(
        legs, [event("call.initiated", n, letter) for n, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
    )
    assert (len(told.lanes), told.hidden) == (7, 19)
    assert {mark.leg for mark in told.marks} == set("ABCDEFG")
    assert drawn_scene(legs[:8], []).hidden == 0


def test_what_is_of_a_conference_alone_has_a_row_of_its_own() -> None:
    assert drawn_scene([leg(ended=9)], [event("conference.created", 3, "")]).has_rooms
    assert not drawn_scene([leg(ended=9)], [event("call.hold", 3)]).has_rooms
