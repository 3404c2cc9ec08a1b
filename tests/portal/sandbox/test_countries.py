"""The sandbox knows a number's country without a library, and knows it as the library does."""

import pytest

from portal.sandbox import countries
from tests.support import sandbox_countries


@pytest.mark.parametrize(
    ("number", "found"),
    [
        ("+13125550100", ("US",)),
        ("+18005550100", ("US",)),
        ("+14165550100", ("CA",)),
        ("+18765550100", ("JM",)),
        ("+4930901820", ("DE",)),
        ("+442079460018", ("GB", "GG", "IM", "JE")),
        ("+35319605860", ("IE",)),
        ("+99912345678", ()),
        ("sip:ada@sip.telnyx.com", ()),
        ("anonymous", ()),
    ],
)
def test_a_number_is_of_its_country(number: str, found: tuple[str, ...]) -> None:
    assert countries.of_number(number) == found


def test_what_is_kept_is_what_the_library_says() -> None:
    """If not, ``python -m tests.support.sandbox_countries`` writes it anew."""
    assert sandbox_countries.PATH.read_text() == sandbox_countries.text()
