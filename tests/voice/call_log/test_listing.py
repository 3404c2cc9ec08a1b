"""Sessions as rows: whose legs they have, which of them are shown, and what is newest."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from portal.keyset import NoPlace, Place
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_call
from tests.support.rows import Call
from voice.call_log import listing, query

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it lists what there is, of every account")]
SESSION = "1ccc7b54-4df3-4bca-a65a-3da1ecc777f1"


def legs(account: TelnyxAccount, count: int) -> list[Call]:
    begun = timezone.now() - timedelta(hours=1)
    rows = (
        Call(
            account=account,
            call_control_id=f"v3:{account.name}-{at}",
            call_session_id=SESSION,
            started_at=begun + timedelta(seconds=at),
            from_number=f"+1312555{at:04}",
            from_reversed=f"+1312555{at:04}"[::-1],
        )
        for at in range(count)
    )
    return list(Call.objects.bulk_create(rows))


def page(text: str, user: Any) -> listing.Listing:
    return listing.page(query.read(text, user), Place())


def test_sessions_of_two_accounts_with_one_id_are_two_rows(account: TelnyxAccount, operator: User) -> None:
    legs(account, 2)
    legs(make_account("other"), 1)
    assert sorted(row.leg_count for row in page("", operator).rows) == [1, 2]


def test_of_many_legs_the_one_that_was_found_is_shown(account: TelnyxAccount, operator: User) -> None:
    made = legs(account, 30)
    (row,) = page("from:+13125550025", operator).rows
    assert made[25].pk in {leg.pk for leg in row.legs}
    assert row.leg_count == 30


def test_further_legs_alone_are_passed_over(account: TelnyxAccount, operator: User) -> None:
    made = legs(account, listing.SIZE + 2)
    listed = page("", operator)
    assert [row.call.pk for row in listed.rows] == [made[0].pk]
    assert (listed.next, listed.previous, listed.newest) == (None, None, made[-1].started_at)


def test_how_far_they_were_passed_over_is_told(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "ROUNDS", 2)
    made = legs(account, 2 * listing.SIZE + 2)
    listed = page("", operator)
    assert (listed.rows, listed.looked_back_to) == ([], made[2].started_at)
    further = listing.page(query.read("", operator), listed.next or Place())
    assert [row.call.pk for row in further.rows] == [made[0].pk]


def test_the_newest_leg_counts_whichever_is_shown(account: TelnyxAccount, operator: User) -> None:
    make_call(account, "a", started_at=timezone.now() - timedelta(days=1))
    made = legs(account, 3)
    assert page("", operator).newest == made[-1].started_at


@pytest.mark.parametrize("text", ["+13125550001", "number:0001", "number:+13125550001 talk:>5", "-number:0009 0001"])
def test_a_number_on_either_side_is_found_as_one_list_both_ways(
    account: TelnyxAccount, operator: User, text: str
) -> None:
    ours, begun = "+13125550001", timezone.now() - timedelta(hours=1)
    for at in range(37):
        sides = ((ours, "+13125550009"), ("+13125550009", ours), (ours, ours), ("+13125550008", "+13125550009"))[at % 4]
        told = {"from_number": sides[0], "to_number": sides[1], "started_at": begun + timedelta(seconds=at // 3)}
        make_call(account, f"{at}", call_session_id=f"{at}", ended_at=timezone.now(), state="ended", **told)
    asked = query.read(text, operator)
    expected = list(asked.calls().values_list("pk", flat=True))
    assert len(expected) in {28, 9}

    def walked(place: Place, way: str) -> list[Any]:
        pages, at = [], place
        while at is not None:
            listed = listing.page(asked, at, 4)
            pages.append([row.call.pk for row in listed.rows])
            at = getattr(listed, way)
        return [pk for page in (pages if way == "next" else reversed(pages)) for pk in page]

    assert walked(Place(), "next") == expected
    assert walked(Place(is_back=True), "previous") == expected


def test_a_number_of_many_calls_is_read_by_each_side_alone(account: TelnyxAccount, operator: User) -> None:
    make_call(account, "a", to_number="+13125550001")
    make_call(account, "b", from_number="+13125550001")
    statements = [str(calls.query) for calls in query.read("number:+13125550001", operator).by_side()]
    assert ["from_reversed" in one.partition("WHERE")[2] for one in statements] == [True, False]
    assert len(query.read("from:+13125550001", operator).by_side()) == 1
    assert len(query.read("-number:0001", operator).by_side()) == 1


def test_last_digits_of_many_calls_are_looked_through_in_the_order_of_time(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.calls.search._FREQUENT", 3)
    for at in range(4):
        make_call(account, f"{at}", call_session_id=f"{at}", to_number="+13125550001")
    make_call(account, "seldom", call_session_id="seldom", from_number="+13125550001", to_number="+13125550002")
    often, seldom = query.read("number:50001", operator), query.read("number:50002", operator)
    assert (listing.needs_bound(often), listing.needs_bound(seldom)) == (True, False)
    assert len(page("number:50001", operator).rows) == 5
    assert len(page("50001 from:50001", operator).rows) == 1
    assert len(page("-to:50001", operator).rows) == 1


def test_four_last_digits_are_read_in_the_order_of_time_by_each_side_alone(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_REACH_BY_INDEX", 2)
    begun = timezone.now() - timedelta(hours=1)
    for at in range(6):
        sides = {"from_number": "+13125550001"} if at % 2 else {"to_number": "+14155550001"}
        told = {"direction": "incoming"} if at < 2 else {"direction": "outgoing"}
        make_call(account, f"{at}", call_session_id=f"{at}", started_at=begun + timedelta(seconds=at), **sides, **told)
    asked = query.read("number:0001", operator)
    assert not listing.needs_bound(asked)
    statements = [str(calls.query).partition("WHERE")[2] for calls in asked.by_side()]
    assert ["from_reversed" in one for one in statements] == [True, False]
    assert not any("LIKE" in one for one in statements)
    assert len(page("0001", operator).rows) == 6
    # beside others few calls are read whole
    assert not listing.needs_bound(query.read("0001 dir:in", operator))
    assert not listing.needs_bound(query.read("from:0001 from:0009 dir:in", operator))
    assert [row.call.call_control_id[3] for row in page("0001 dir:in", operator).rows] == ["1", "0"]
    monkeypatch.setattr("voice.calls.search._FREQUENT", 2)
    # two of each side are looked through at a time, so the oldest two are found in the second turn
    assert listing.edge(query.read("0001 dir:in", operator)) == begun + timedelta(seconds=1)
    assert [row.call.call_control_id[3] for row in page("0001 dir:in", operator).rows] == ["1", "0"]
    beside = query.read(f"account:{account.name} from:0001", operator)
    assert listing.edge(beside) == begun + timedelta(seconds=1)  # by the digits, and not by the account


@pytest.mark.parametrize("way", ["next", "previous"])
def test_calls_of_one_moment_are_all_reached(
    account: TelnyxAccount, operator: User, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(listing, "_REACH_BY_INDEX", 10)
    monkeypatch.setattr(listing, "ROUNDS", 2)
    begun = timezone.now() - timedelta(hours=1)
    told = {"hangup_cause": "user_busy", "direction": "incoming", "started_at": begun}
    Call.objects.bulk_create(
        Call(account=account, call_control_id=f"v3:{at}", call_session_id=f"{at}", **told) for at in range(45)
    )
    aside = {"started_at": begun + timedelta(seconds=1 if way == "previous" else -1), "direction": "outgoing"}
    make_call(account, "aside", call_session_id="aside", hangup_cause="user_busy", **aside)
    hidden = Call.objects.filter(started_at=begun).order_by("id")[5 if way == "next" else 40]
    Call.objects.filter(pk=hidden.pk).update(direction="outgoing")
    asked = query.read("cause:user_busy dir:outgoing", operator)
    assert listing.needs_bound(asked)
    found, places, at = [], [], Place(is_back=way == "previous")
    while at is not None:
        assert at not in places
        places.append(at)
        listed = listing.page(asked, at)
        found += [row.call.pk for row in (listed.rows if way == "next" else reversed(listed.rows))]
        at = getattr(listed, way)
    assert len(places) > 2
    expected = [call.pk for call in asked.calls()]
    assert found == (expected if way == "next" else expected[::-1])
    assert len(found) == 2


@pytest.mark.parametrize(
    "values",
    [
        ("2026-11-28T11:00:00", "046b2bd6-ef71-4105-b4da-d82de3ddffe9"),
        ("0001-01-01T00:00:00+14:00", "046b2bd6-ef71-4105-b4da-d82de3ddffe9"),
        ("2026-11-28T11:00:00Z", "1"),
        ("2026-11-28T11:00:00Z",),
        (None, "046b2bd6-ef71-4105-b4da-d82de3ddffe9"),
        ("2026-11-28T11:00:00Z", None),
    ],
)
@pytest.mark.parametrize("text", ["cause:user_busy dir:outgoing", "cause:user_busy"])
def test_a_place_that_somebody_made_up_is_none(
    account: TelnyxAccount, operator: User, recwarn: pytest.WarningsRecorder, text: str, values: tuple[str, ...]
) -> None:
    with pytest.raises(NoPlace):
        listing.page(query.read(text, operator), Place(False, values))
    assert not recwarn.list
