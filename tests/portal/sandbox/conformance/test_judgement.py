"""The list of deviations does what it is there for."""

from pathlib import Path
from typing import Any

import pytest
from telnyx.types.call_hangup_webhook_event import CallHangupWebhookEvent

from tests.portal.sandbox.conformance import judgement


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deviations.toml"
    path.write_text('[webhooks]\n"old" = "A reason that says why it stays."\n[spec.answers]\n"short" = "no"\n')
    monkeypatch.setattr(judgement, "_LIST", path)


def test_a_deviation_that_nobody_knows_fails(listed: None) -> None:
    judgement.compare("webhooks", {"old"})
    with pytest.raises(AssertionError, match="1 new deviations"):
        judgement.compare("webhooks", {"old", "new"})


def test_a_line_that_is_none_any_more_fails(listed: None) -> None:
    with pytest.raises(AssertionError, match="none any more"):
        judgement.compare("webhooks", set())


def test_a_line_without_a_reason_fails(listed: None) -> None:
    with pytest.raises(AssertionError, match="needs a reason"):
        judgement.compare("spec.answers", {"short"})


def test_members_too_many_and_too_few_are_seen() -> None:
    body: dict[str, Any] = {"data": {"event_type": "call.hangup", "payload": {"hangup_cause": "user_busy", "own": 1}}}
    told = CallHangupWebhookEvent.model_validate(body)
    assert list(judgement.strangers(told)) == ["data.payload.own"]
    assert "data.payload.hangup_source" in judgement.untold(CallHangupWebhookEvent, body)
    assert "data.payload.hangup_cause" not in judgement.untold(CallHangupWebhookEvent, body)
