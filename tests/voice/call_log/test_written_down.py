"""Whatever a search is typed as, what is written down of it asks for the same: exports and kept filters have that."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_call, make_flow
from voice.call_log import query
from voice.call_log.language import compared
from voice.calls.search import SearchRefused

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
_LENGTHS = st.one_of(
    st.from_regex(r"(>|<|>=|<=) ?[0-9]{1,9}(\.[0-9]{1,3})?s?", fullmatch=True),
    st.from_regex(r"(>|<|>=|<=) ?[0-9]{1,5}(\.[0-9]{1,3})?[mh]", fullmatch=True),
    st.from_regex(r"(>|<|>=|<=) ?[0-9]{1,4}:[0-5][0-9]", fullmatch=True),
)
_AMOUNTS = st.from_regex(r"(>|<|>=|<=) ?([0-9]{1,9}(\.[0-9]{1,9})?|\.[0-9]{1,9})", fullmatch=True)
_TIMES = st.from_regex(r"[0-9]{1,4}[mhdw]|20[0-9][0-9]-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]Z?)?", fullmatch=True)
_WORDS = st.sampled_from(
    [
        *("in", "OUT", "unknown", "busy", "We-Hung-Up", "Caller", "robot", "user_busy", "486", "d13", "yes", "no"),
        *("running", "1293384261075731499", "default", "Übe lauf", "greeting", "0143", "+1 (312) 555-0143"),
        *("sip:A_b@X.example", "anonymous", "legs", "sessions", "today", "incoming.answered", "vip", "v3:a-leg"),
        *('"', "-", "a:b", ":", "SIP 486"),
    ]
)
_VALUES = _LENGTHS | _AMOUNTS | _TIMES | _WORDS | st.text(max_size=12)
_KEYS = st.sampled_from(sorted([*query.KEYS, *query.WINDOWS, query.ROWS]))


@st.composite
def _token(draw: st.DrawFn) -> str:
    key, value, sign = draw(_KEYS), draw(_VALUES), draw(st.sampled_from(["", "-"]))
    shown = f'"{value}"' if draw(st.booleans()) else value
    return f"{sign}{key}:{shown}" if key else shown


@pytest.mark.parametrize(
    ("typed", "seconds", "written"),
    [
        (">300h", 1_080_000, ">1080000"),
        (">1234.567", 1234.567, ">1234.567"),
        ("<=99999h", 359_996_400, "<=359996400"),
        ("<1.001m", 60.06, "<60.06"),
        ("> .5", None, ""),
        (">9999:59", 599_999, ">599999"),
        (">=0", 0, ">=0"),
        (">100", 100, ">100"),
        (">007.50s", 7.5, ">7.5"),
    ],
)
def test_a_length_is_written_whole(operator: User, typed: str, seconds: float | None, written: str) -> None:
    read = query.read(f'talk:"{typed}"', operator, now=NOW)
    assert [token.value for token in read.tokens] == ([written] if written else [])
    if seconds is not None:
        (condition,) = read.conditions
        assert condition.asked == compared._talk(
            compared._LOOK_UPS[written.rstrip("0123456789.")], timedelta(milliseconds=round(seconds * 1000))
        )


@pytest.mark.alone("it searches what there is, of every account")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(texts=st.lists(_token(), min_size=1, max_size=4))
def test_what_is_written_down_asks_for_the_same(account: TelnyxAccount, operator: User, texts: list[str]) -> None:
    read = query.read(" ".join(texts), operator, now=NOW)
    again = query.read(read.text, operator, now=NOW)
    assert (again.tokens, again.text, again.wrong) == (read.tokens, read.text, ())
    assert (again.window, again.notes, _told(again)) == (read.window, read.notes, _told(read))


def _told(read: query.Query) -> list[tuple[Any, ...]]:
    assert not isinstance(read.refused, SearchRefused)
    return [(one.value, one.reach, str(one.asked), str(one.sides)) for one in read.conditions]


@pytest.fixture(autouse=True)
def _log(account: TelnyxAccount) -> None:
    make_account("Übe lauf")
    make_flow(account)
    make_call(account, "a", from_number="sip:A_b@X.example", to_number="+13125550143")


_EMPTY = [f"{key}:" for key in (*query.KEYS, *query.WINDOWS, query.ROWS) if key not in {"", "sip"}]


@pytest.mark.parametrize("text", ['"', '""', '" "', *_EMPTY])
def test_nothing_is_no_value(operator: User, text: str) -> None:
    read = query.read(text, operator)
    assert len(read.wrong) == 1
    assert "takes" in read.wrong[0]
    assert read.tokens == ()
