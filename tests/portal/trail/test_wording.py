"""Actions of the audit trail in plain words."""

import pytest

from portal.trail import wording


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("application.update", "Changed an application"),
        ("account.lift", "Lifted the suspension of a Telnyx account"),
        ("sign-in.failed", "Failed to sign in"),
        ("call.start_recording", "Asked of a call: start recording"),
        ("conferences.hold", "Asked of conferences: hold"),
        ("nonsense", "Nonsense"),
    ],
)
def test_an_action_is_said(action: str, words: str) -> None:
    assert wording.words(action) == words
