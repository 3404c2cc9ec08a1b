"""Numbers, durations and statuses are shown to people as they read them."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from portal.models import TelnyxAccount
from portal.templatetags.portal import live_badge, offset, phone, seconds, since, status_badge


def test_a_number_is_whole_for_those_who_may_see_it_and_hides_nothing(user_with: Any) -> None:
    seeing, other = user_with("voice.view_full_number", username="seeing"), user_with(username="other")
    assert phone("+13125550199", seeing) == "+1 312-555-0199"
    assert phone("+13125550199", other) == "+1312•••0199"
    assert phone("abc\u202e", seeing) == "abc\\u202e"
    assert phone("", seeing) == "—"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        ("", "—"),
        (3.44, "3.4 s"),
        (10, "0:10"),
        (75.2, "1:15"),
        (59.6, "1:00"),
        (3725, "1:02:05"),
        (0, "0.0 s"),
    ],
)
def test_a_duration_is_short(value: float | None, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(3.2, "+3.2 s"), (-3.2, "−3.2 s"), (75, "+1:15"), (-75, "−1:15")])
def test_an_offset_has_its_sign(value: float, shown: str) -> None:
    assert offset(value) == shown


def test_a_span_without_an_end_is_unknown() -> None:
    begin = datetime(2026, 1, 2, tzinfo=UTC)
    assert since(begin, begin + timedelta(seconds=90)) == 90
    assert since(begin, None) is None


def test_a_status_has_its_colour_and_is_escaped() -> None:
    assert status_badge("refused") == '<span class="portal-badge portal-bad">refused</span>'
    assert status_badge("<new>") == '<span class="portal-badge portal-plain">&lt;new&gt;</span>'


@pytest.mark.parametrize(("live", "words"), [(True, 'portal-bad">LIVE<'), (False, 'portal-good">SANDBOX<')])
def test_a_live_account_stands_out(live: bool, words: str) -> None:
    account: Any = SimpleNamespace(is_live=live)
    assert words in live_badge(account)
    assert TelnyxAccount(base_url="https://api.telnyx.com/v2").is_live
