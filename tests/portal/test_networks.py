"""One customer's addresses are one network."""

import pytest

from portal.networks import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_a_network_is_an_address_or_the_first_half_of_one(address: str, network: str) -> None:
    assert network_of(address) == network
