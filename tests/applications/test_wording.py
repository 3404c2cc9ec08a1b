"""Fields and values are told in words."""

from typing import Any

import pytest

from applications.kinds import KINDS
from applications.wording import display_value, label


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("application_name", "Application name"),
        ("webhook_event_url", "Webhook event URL"),
        ("webhook_timeout_secs", "Webhook timeout (seconds)"),
        ("inbound.sip_subdomain", "Inbound SIP subdomain"),
        ("inbound.shaken_stir_enabled", "Inbound SHAKEN/STIR enabled"),
        ("outbound.outbound_voice_profile_id", "Outbound voice profile ID"),
        ("dtmf_type", "DTMF type"),
    ],
)
def test_a_field_is_named_in_words(name: str, words: str) -> None:
    assert label(name) == words


def test_no_two_settings_have_the_same_words() -> None:
    for kind in KINDS:
        names = list(kind.settable_flat())
        assert len({label(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("grüße", "grüße"),
        (True, "true"),
        (5, "5"),
        (["a", "b"], "a\nb"),
        ([], ""),
        (["a", 1], '["a", 1]'),
        ({"ä": None}, '{"ä": null}'),
    ],
)
def test_a_value_is_shown_as_its_field_shows_it(value: Any, text: str) -> None:
    assert display_value(value) == text
