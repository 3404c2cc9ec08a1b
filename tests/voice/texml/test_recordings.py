"""Which links to recordings are followed."""

import pytest

from voice.texml import recordings


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://media.example/a.mp3?X-Sig=1", "https://media.example"),
        ("http://127.0.0.1:8001/a", "http://127.0.0.1:8001"),
        ("javascript:alert(1)", ""),
        ("//media.example/a", ""),
        ("https://user@media.example/a", ""),
        ("https://a.example;script-src 'self'/a", ""),
        ("https://a.example *", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_an_origin_is_a_scheme_and_a_host_and_nothing_else(url: str, origin: str) -> None:
    assert recordings.origin(url) == origin
