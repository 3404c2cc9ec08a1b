"""The call log in the browser: its rows, its search, its filters."""

import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from portal.view_times import TimePreference
from tests.support.call_pages import LOG
from tests.support.factories import CONNECTION, make_call
from tests.support.rows import Call
from voice.call_log import listing

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it lists what there is, of every account")]
BUSY = {"ending": "busy", "ending_category": "busy", "ended_by": "callee", "hangup_cause": "user_busy"}


def alone(account: TelnyxAccount, leg: str, **columns: Any) -> Any:
    """A call whose session has no other leg."""
    return make_call(account, leg, **({"call_session_id": str(uuid.uuid4())} | columns))


def shown(client: Client, text: str = "", **query: str) -> Any:
    """What the list is drawn from."""
    return client.get(LOG, ({"q": text} if text else {}) | query, follow=True).context_data


def legs(client: Client, text: str = "", **query: str) -> str:
    """The letters of the legs that the list shows, in its order."""
    return "".join(row.call.call_control_id[3] for row, _, _ in shown(client, text, **query)["rows"])


def test_the_list_tells_what_happened_newest_first(browser: Client, account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="front desk")
    now = timezone.now()
    alone(account, "a", started_at=now - timedelta(hours=1), answered_at=None, state="ended", ended_at=now, **BUSY)
    alone(account, "b", answered_by="machine", has_recording=True)
    assert legs(browser) == "ba"
    html = browser.get(LOG).content.decode()
    for text in ("front desk", "Busy", "+1 312-555-0101", "On the line", "1:00:00", "Machine", "Recorded"):
        assert text in html, text


@pytest.mark.parametrize(
    ("columns", "mark"),
    [
        ({"mos": 2.9}, "Poor sound"),
        ({"screening": "spam_likely"}, "Marked likely spam"),
        ({"late_seconds": 9.5}, "A webhook came late"),
    ],
)
def test_a_mark_tells_what_is_wrong_with_a_call(
    browser: Client, account: TelnyxAccount, columns: dict[str, Any], mark: str
) -> None:
    alone(account, "a", mos=4.4, screening="no_action", late_seconds=None)
    assert f'aria-label="{mark}"' not in browser.get(LOG).content.decode()
    alone(account, "b", **columns)
    assert f'aria-label="{mark}"' in browser.get(LOG).content.decode()


def test_a_price_has_its_currency(browser: Client, account: TelnyxAccount) -> None:
    browser.post(f"{LOG}columns/", {"column": ["time", "cost"]})
    alone(account, "a", cost="0.01250", currency="USD")
    assert '<td class="log-cost">0.0125 USD</td>' in browser.get(LOG).content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "+442071838750"}, "a"),
        ({"q": "8750"}, "a"),
        ({"q": "v3:b-leg"}, "b"),
        ({"q": "nobody"}, ""),
        # as addresses were, before there was one search for all of it
        ({"state__exact": "ended"}, "b"),
        ({"direction": "outgoing"}, "b"),
        ({"ending_category__exact": "busy"}, "b"),
        ({"ended_by__exact": "callee"}, "b"),
        ({"ended_by__exact": "us"}, ""),
        ({"connection_id": "1293384261075731488"}, "b"),
        ({"hangup_cause": "user_busy"}, "b"),
        ({"direction": "outgoing", "q": "v3:b-leg"}, "b"),
        ({"direction": "incoming", "q": "v3:b-leg"}, ""),
        ({"started_at_from_0": "2026-05-22", "started_at_to_0": "2026-05-22"}, "c"),
        ({"started_at_from_0": "2026-05-22", "started_at_from_1": "23:59:59", "started_at_to_0": "2026-05-22"}, "c"),
        ({"started_at_to_0": "2026-05-21"}, ""),
    ],
)
def test_the_list_is_searched_and_filtered_as_ever(
    browser: Client, account: TelnyxAccount, query: dict[str, str], found: str
) -> None:
    alone(account, "a", from_number="+442071838750")
    there = {"direction": "outgoing", "connection_id": "1293384261075731488"}
    alone(account, "b", state="ended", started_at=timezone.now() - timedelta(minutes=1), **there, **BUSY)
    last = timezone.datetime.fromisoformat("2026-05-22T23:59:59.500+00:00")
    alone(account, "c", started_at=last, answered_at=None, state="lost")
    assert legs(browser, **query) == found


@pytest.mark.parametrize(
    ("end", "day", "clock", "asked"),
    [
        ("from", "2026-10-25", "02:30", "since:2026-10-25T02:30:00+02:00"),
        ("to", "2026-10-25", "02:30", "until:2026-10-25T02:30:01+01:00"),  # it was included, and comes twice
        ("from", "0001-01-01", "00:10", "since:0001-01-01"),
    ],
)
def test_times_of_old_addresses_are_those_of_who_looks(
    browser: Client, operator: User, account: TelnyxAccount, end: str, day: str, clock: str, asked: str
) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    answer = browser.get(LOG, {f"started_at_{end}_0": day, f"started_at_{end}_1": clock})
    assert parse_qs(urlsplit(answer["Location"]).query)["q"] == [asked]


@pytest.mark.parametrize("day", ["soon", "9999-12-31", "0001-01-01"])
def test_an_old_address_with_what_is_no_day_says_so(browser: Client, day: str) -> None:
    for end in ("from", "to"):
        told = shown(browser, **{f"started_at_{end}_0": day})
        assert "takes 15m" in told["asked"].wrong[0]


def test_an_account_of_an_old_address_is_found_by_its_id(browser: Client, account: TelnyxAccount) -> None:
    alone(account, "a")
    assert legs(browser, account__id__exact=str(account.pk)) == "a"
    for unknown in (str(uuid.uuid4()), "nonsense"):
        told = shown(browser, account__id__exact=unknown)
        assert not told["rows"]
        assert unknown in told["asked"].notes[0]


def test_ten_thousand_calls_are_listed_without_counting(browser: Client, account: TelnyxAccount) -> None:
    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(LOG).status_code == 200
        return [query["sql"] for query in captured]

    def make(count: int) -> None:
        now, start = timezone.now(), Call.objects.count()
        numbers = {"from_number": "+13125550101", "to_number": "+13125550199", "connection_id": CONNECTION}
        rows = [
            Call(account=account, call_control_id=f"v3:{at}", started_at=now, call_session_id=str(at // 2), **numbers)
            for at in range(start, start + count)
        ]
        Call.objects.bulk_create(rows, batch_size=2000)

    make(10_000)
    statements()  # that somebody saw whole numbers is noted once
    many = statements()
    assert len(many) <= 16  # three of them are of the frame: the zone of who looks, the bell and its clock
    assert not [sql for sql in many if "COUNT(" in sql.upper() and "voice_call" in sql]
    first = shown(browser)["cl"]
    assert first.next_url
    assert browser.get(f"{LOG}{first.next_url}").context["cl"].previous_url


def test_a_session_is_one_row_with_its_legs(browser: Client, account: TelnyxAccount) -> None:
    now, session = timezone.now(), str(uuid.uuid4())
    for at, letter in enumerate("abc"):
        make_call(account, letter, call_session_id=session, started_at=now - timedelta(minutes=9 - at))
    alone(account, "d", started_at=now)
    assert legs(browser) == "da"
    row = shown(browser)["rows"][1][0]
    assert ([leg.call_control_id[3] for leg in row.legs], row.is_open) == (["b", "c"], False)
    assert "3 legs" in browser.get(LOG).content.decode()
    assert legs(browser, "rows:legs") == "dcba"


@pytest.mark.parametrize(("count", "words"), [(22, ">1 more leg<"), (23, ">2 more legs<")])
def test_legs_beyond_those_of_a_row_are_counted(
    browser: Client, account: TelnyxAccount, count: int, words: str
) -> None:
    now, session = timezone.now(), str(uuid.uuid4())
    for at in range(count):
        make_call(account, f"leg {at}", call_session_id=session, started_at=now - timedelta(seconds=count - at))
    assert words in browser.get(LOG).content.decode()


def test_a_session_is_open_where_a_later_leg_is_what_was_looked_for(browser: Client, account: TelnyxAccount) -> None:
    now, session = timezone.now(), str(uuid.uuid4())
    make_call(account, "a", call_session_id=session, started_at=now - timedelta(minutes=9))
    for letter in "bc":
        out = {"direction": "outgoing", "to_number": "+442071838750"}
        make_call(account, letter, call_session_id=session, started_at=now - timedelta(minutes=8), **out)
    (row, _, drawn) = shown(browser, "8750")["rows"][0]
    assert (row.call.call_control_id[3], row.found.call_control_id[3], row.is_open) == ("a", "b", True) or (
        row.found.call_control_id[3] == "c"
    )
    assert len(drawn) == 2


def walked(client: Client, text: str) -> list[list[Any]]:
    """The rows from the first page to the last, and from there back."""
    told, ways = shown(client, text), []
    for way in ("next_url", "previous_url"):
        seen = [row.call.pk for row, _, _ in told["rows"]]
        while url := getattr(told["cl"], way):
            told = client.get(f"{LOG}{url}").context_data
            page = [row.call.pk for row, _, _ in told["rows"]]
            seen = page + seen if way == "previous_url" else seen + page
        ways.append(seen)
    return ways


@pytest.mark.parametrize(
    "text",
    ["", "rows:legs", "dir:incoming", "state:ended dir:outgoing", "dir:outgoing app:1293384261075731499 rows:legs"],
)
def test_each_row_comes_once_both_ways_whatever_is_looked_through(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(listing, "_REACH", 7)
    monkeypatch.setattr(listing, "_REACH_BY_INDEX", 3)
    monkeypatch.setattr(listing, "ROUNDS", 2)
    monkeypatch.setattr("voice.call_log.admin.CallLogAdmin.list_per_page", 5)
    now = timezone.now()
    for at in range(40):
        way = {"direction": "outgoing" if at % 9 == 4 else "incoming", "state": "ended"}
        moment = now - timedelta(minutes=at // 3)
        make_call(account, f"{at:02}", call_session_id=str(uuid.UUID(int=at // 4)), started_at=moment, **way)
    there, back = walked(browser, text)
    expected = {"": 10, "rows:legs": 40, "dir:incoming": 10}.get(text)
    outgoing = Call.objects.filter(direction="outgoing")
    if expected is None:
        expected = outgoing.count() if "legs" in text else outgoing.values("call_session_id").distinct().count()
    assert (len(there), len(set(there))) == (expected, expected)
    assert back == there


@pytest.mark.parametrize("text", ["", "state:ended", "state:ended dir:incoming"])
def test_a_session_of_more_legs_than_a_page_has_one_row(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("voice.call_log.admin.CallLogAdmin.list_per_page", 5)
    now, long = timezone.now(), str(uuid.UUID(int=7))
    for at in range(20):
        session = long if 2 <= at < 17 else str(uuid.UUID(int=100 + at))
        told = {"call_session_id": session, "direction": "incoming", "state": "ended"}
        make_call(account, f"{at:02}", started_at=now - timedelta(minutes=at), **told)
    there, back = walked(browser, text)
    assert (len(there), len(set(there))) == (6, 6)
    assert back == there


def test_a_page_that_is_cut_says_how_far_back_it_looked(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_REACH", 3)
    monkeypatch.setattr(listing, "ROUNDS", 2)
    now = timezone.now()
    for at in range(20):
        alone(
            account,
            f"{at:02}",
            started_at=now - timedelta(minutes=at),
            direction="outgoing" if at == 19 else "incoming",
        )
    page = browser.get(LOG, {"q": "dir:outgoing"})
    assert "Looked through the calls back to" in page.content.decode()
    assert "Look further back" in page.content.decode()
    while not page.context["rows"]:
        page = browser.get(f"{LOG}{page.context['cl'].next_url}")
    assert page.context["rows"][0][0].call.call_control_id == "v3:19-leg"


def test_what_is_not_understood_is_said_beside_the_box(browser: Client, account: TelnyxAccount) -> None:
    alone(account, "a")
    html = browser.get(LOG, {"q": "colour:red <b>"}).content.decode()
    assert "colour: is not known" in html
    assert "<b>" not in html.split('id="searchbar"')[1].split(">")[0]


def test_filters_offer_what_the_newest_calls_have_and_take_it_back(browser: Client, account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="front desk")
    for letter in "abc":
        alone(account, letter, state="ended", **(BUSY if letter != "c" else {}))
    offered = {one.label: {choice.label: choice for choice in one.choices} for one in shown(browser)["filters"]}
    assert offered["Outcome"]["Busy"].count == 2
    assert offered["Application"]["front desk"].count == 3
    narrowed = browser.get(f"{LOG}{offered['Outcome']['Busy'].url}").context_data
    assert sorted(row.call.call_control_id[3] for row, _, _ in narrowed["rows"]) == ["a", "b"]
    again = {choice.label: choice for one in narrowed["filters"] if one.label == "Outcome" for choice in one.choices}
    assert (again["Busy"].is_on, again["Busy"].url) == (True, "?")
    assert narrowed["chips"][0].text == "ending:busy"


def test_a_cell_narrows_the_list_and_tells_no_hidden_number(signed_in: Any, account: TelnyxAccount) -> None:
    alone(account, "a")
    html = signed_in("voice.view_call").get(LOG).content.decode()
    assert "?q=from%3A0101" in html
    for whole in ("3125550101", "555-0101"):
        assert whole not in html
    seer = signed_in("voice.view_call", "voice.view_full_number", username="seer")
    assert "?q=from%3A%2B13125550101" in seer.get(LOG).content.decode()


def test_a_cell_narrows_a_search_for_more_of_its_kind(browser: Client, account: TelnyxAccount) -> None:
    alone(account, "a", started_at=timezone.now() - timedelta(minutes=1))
    alone(account, "b", from_number="+442071830101")
    assert legs(browser, "from:0101") == "ba"
    assert 'href="?q=from%3A%2B442071830101"' in browser.get(LOG, {"q": "from:0101"}).content.decode()


def test_over_rest_a_search_takes_what_the_box_takes(browser: Client, account: TelnyxAccount, api: Any) -> None:
    alone(account, "a")
    alone(account, "b", direction="outgoing", state="ended", **BUSY)
    refused = api.get("/api/v1/calls/", {"q": "talk:>60 dir:in"})
    assert (refused.status_code, "No index answers" in refused.json()["errors"]["q"][0]) == (400, True)
    answer = api.get("/api/v1/calls/", {"q": "ending:busy since:2h"}).json()
    assert [call["call_control_id"] for call in answer["results"]] == ["v3:b-leg"]
    refused = api.get("/api/v1/calls/", {"q": "colour:red"})
    assert refused.status_code == 400
    assert "colour" in refused.json()["errors"]["q"][0]


def test_over_rest_a_number_on_either_side_is_paged_by_the_index_of_each(account: TelnyxAccount, api: Any) -> None:
    number, sides, now = (
        "+442071838750",
        ({"from_number": 1}, {"to_number": 1}, {"from_number": 1, "to_number": 1}),
        timezone.now(),
    )
    for at in range(12):
        told = dict.fromkeys(sides[at % 3], number) if at % 4 else {}
        at_once = now - timedelta(seconds=at // 2)  # two of each moment
        alone(account, "abcdefghijkl"[at], started_at=at_once, direction="outgoing" if at % 2 else "incoming", **told)
    rows = Call.objects.filter(Q(from_number=number) | Q(to_number=number)).order_by("-started_at", "-id")
    expected = list(rows.values_list("call_control_id", flat=True))
    assert len(expected) == 9
    out = [call.call_control_id for call in rows if call.direction == "outgoing"]
    for asked, wanted in (
        ({"number": number}, expected),
        ({"q": number}, expected),
        ({"q": f"number:{number} since:1d"}, expected),
        ({"number": number, "q": number}, expected),
        ({"number": "8750", "direction": "outgoing"}, out),
        ({"q": f"{number} dir:out"}, out),
    ):
        with CaptureQueriesContext(connection) as captured:
            page = api.get("/api/v1/calls/", {**asked, "page_size": 2}).json()
        read = [one["sql"] for one in captured if 'FROM "voice_call"' in one["sql"] and "LIMIT 3" in one["sql"]]
        assert len(read) == 2, asked
        found = [page]
        while page["next"]:
            page = api.get(page["next"]).json()
            found.append(page)
        assert [call["call_control_id"] for page in found for call in page["results"]] == wanted, asked
        back = [page]
        while page["previous"]:
            page = api.get(page["previous"]).json()
            back.insert(0, page)
        assert [call["call_control_id"] for page in back for call in page["results"]] == wanted, asked
    alone(account, "z", from_number="+13125550177", to_number=number)
    both = api.get("/api/v1/calls/", {"number": number, "q": "+13125550177"}).json()["results"]
    assert [call["call_control_id"] for call in both] == ["v3:z-leg"]


def test_columns_are_chosen_by_each_for_themselves(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    alone(account, "a", sip_hangup_cause="486", state="ended")
    answer = browser.post(f"{LOG}columns/", {"column": ["ending", "sip", "nonsense"], "q": "sip:486"})
    assert answer.url == f"{LOG}?q=sip%3A486"
    assert [column.name for column in shown(browser)["columns"]] == ["time", "ending", "sip"]
    other = signed_in("voice.view_call")
    assert "sip" not in [column.name for column in shown(other)["columns"]]
    browser.post(f"{LOG}columns/", {"usual": ""})
    assert len(shown(browser)["columns"]) == 9
    assert browser.get(f"{LOG}columns/").status_code == 403
    assert signed_in("voice.dial", username="dialler").post(f"{LOG}columns/", {"column": "sip"}).status_code == 403


def test_a_list_that_is_watched_is_told_what_is_newer(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    alone(account, "a", started_at=timezone.now() - timedelta(minutes=2))
    since = shown(browser)["watched"]
    assert browser.get(f"{LOG}newer/", {"since": since}).json() == {"newer": 0}
    alone(account, "b")
    alone(account, "c", direction="outgoing")
    assert browser.get(f"{LOG}newer/", {"since": since}).json() == {"newer": 2}
    assert browser.get(f"{LOG}newer/", {"since": since, "q": "dir:out"}).json() == {"newer": 1}
    assert browser.get(f"{LOG}newer/", {"since": "soon"}).json() == {"newer": None}
    masked = signed_in("voice.view_call")
    assert masked.get(f"{LOG}newer/", {"since": since, "q": "0101"}).json() == {"newer": None}
    assert not shown(masked, "0101")["watched"]
    assert signed_in("voice.dial", username="dialler").get(f"{LOG}newer/").status_code == 403
