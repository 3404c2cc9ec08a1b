"""Hosts that people name."""

import pytest
from django.core.exceptions import ValidationError

from portal.hosts import is_among, read_hosts


def test_hosts_are_read_with_commas_spaces_or_lines_between() -> None:
    assert read_hosts("Media.Example.com, *.example.org\n10.0.0.1 [2001:db8::1]; * media.example.com.") == [
        *("media.example.com", "*.example.org", "10.0.0.1", "[2001:db8::1]", "*")
    ]
    assert read_hosts(" ") == []


@pytest.mark.parametrize(
    "text",
    ["https://example.com", "example.com:443", "example.com/x", "*example.com", "a.*.com", "-a.com", "a..b", "ü"],
)
def test_what_is_no_host_is_named(text: str) -> None:
    with pytest.raises(ValidationError, match="no hosts"):
        read_hosts(f"good.example {text}")


@pytest.mark.parametrize(
    ("host", "named", "holds"),
    [
        ("a.example.com", ["a.example.com"], True),
        ("a.example.com", ["*.example.com"], True),
        ("a.b.example.com", ["*.example.com"], True),
        ("example.com", ["*.example.com"], False),
        ("badexample.com", ["*.example.com"], False),
        ("anything", ["*"], True),
        ("", ["*"], False),
        ("a", [], False),
    ],
)
def test_a_host_is_among_those_named(host: str, named: list[str], holds: bool) -> None:
    assert is_among(host, named) is holds
