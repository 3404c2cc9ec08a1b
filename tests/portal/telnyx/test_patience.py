"""A 429 of Telnyx is waited out, for a while; whatever else it says is told at once."""

import pytest

from portal.telnyx import patience
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from portal.telnyx.patience import NotYet, impatient, patiently


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", waited.append)
    return waited


class Asked:
    """Telnyx, which says this so many times before it answers."""

    def __init__(self, error: TelnyxError, times: int) -> None:
        self.error, self.left, self.times = error, times, 0

    def __call__(self) -> str:
        self.times += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "the answer"


def test_it_is_asked_once_more_after_each_of_five_waits_and_then_no_more(waits: list[float]) -> None:
    later = TelnyxUnavailable("later", retry_after=7, http_status=429)
    assert (patiently(Asked(later, 5)), waits) == ("the answer", [7] * 5)
    asked = Asked(later, 6)
    with pytest.raises(TelnyxUnavailable):
        patiently(asked)
    assert (asked.times, waits) == (6, [7] * 10)


def test_while_it_waits_it_gives_a_sign_of_life_every_ten_seconds(waits: list[float]) -> None:
    signs = list[int]()
    later = TelnyxUnavailable("later", retry_after=25, http_status=429)
    patiently(Asked(later, 1), lambda: signs.append(len(waits)))
    assert (waits, signs) == ([10, 10, 5], [1, 2, 3])


@pytest.mark.parametrize(
    "error",
    [
        TelnyxUnavailable("it cannot be reached"),
        TelnyxUnavailable("something else answered", http_status=200),
        TelnyxRefused("no", http_status=422),
        TelnyxUncertain("who knows", http_status=503),
    ],
    ids=["away", "unread", "refused", "uncertain"],
)
def test_what_is_no_429_is_told_at_once(waits: list[float], error: TelnyxError) -> None:
    asked = Asked(error, 1)
    with pytest.raises(type(error)):
        patiently(asked)
    assert (asked.times, waits) == (1, [])


def test_who_is_impatient_is_told_at_once_when_to_ask_again(waits: list[float]) -> None:
    asked = Asked(TelnyxUnavailable("later", retry_after=7, code="10011", http_status=429), 2)
    with impatient(), pytest.raises(NotYet) as caught:
        patiently(asked)
    assert (str(caught.value), caught.value.retry_after) == ("later (Telnyx code 10011)", 7)
    assert (caught.value.http_status, asked.times, waits) == (429, 1, [])
    assert (patiently(asked), waits) == ("the answer", [7])


def test_a_wait_of_whole_slices_ends_with_the_last_of_them(waits: list[float]) -> None:
    signs = list[int]()
    patiently(Asked(TelnyxUnavailable("later", retry_after=20, http_status=429), 1), lambda: signs.append(len(waits)))
    assert (waits, signs) == ([10, 10], [1, 2])
