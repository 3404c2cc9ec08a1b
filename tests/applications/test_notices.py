from typing import Any

from applications.models import TexmlApplication
from applications.notices import warnings_for, webhook_host
from portal.models import TelnyxAccount
from tests.support.applications import TEXML


def test_an_application_as_it_should_be_has_no_warning(mirrored: Any) -> None:
    assert warnings_for(mirrored(webhook_api_version="2")) == []


def test_the_old_webhook_format_is_warned_of(mirrored: Any) -> None:
    (warning,) = warnings_for(mirrored())
    assert "old format" in warning
    assert "set it to 2" in warning


def test_events_that_go_elsewhere_are_told_with_their_host(mirrored: Any) -> None:
    row = mirrored(webhook_api_version="2", webhook_event_url="https://other.example:8443/hook")
    assert warnings_for(row) == [
        "Events of this application go to other.example:8443; calls appear here only through backfill."
    ]


def test_a_url_with_a_password_tells_only_the_host(account: TelnyxAccount) -> None:
    assert (
        webhook_host(TexmlApplication(account=account, voice_url="https://me:secret@host.example/x")) == "host.example"
    )


def test_a_missing_one_says_since_when(mirrored: Any) -> None:
    row = mirrored(TEXML)
    assert warnings_for(row) == []
    row.missing_since = row.pulled_at
    assert "Telnyx has not known this application since 20" in warnings_for(row)[0]
