"""Dials that never became a call: what Telnyx, the breaker, the clock or a limit made of them."""

from typing import Any

import pytest

from tests.support.endings import BEGIN, at, command, judged

HELD = "Commands of this account are held back: Paused."
LOOSE: dict[str, Any] = {"leg": "", "parameters": {"to": "+13125550161"}}


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({"code": "10010", "reason": "D13"}, "refused_d13", "country"),
        ({"code": "10010", "reason": "D60"}, "refused_d60", "verified"),
        ({"code": "90041"}, "limit_account", "account"),
        ({"code": "90042"}, "limit_profile", "profile"),
        ({"code": "90043"}, "limit_connection", "application"),
        ({"code": "90103"}, "dial_rate", "more dials"),
        ({"code": "", "http_status": 429}, "dial_rate", "more dials"),
        ({"code": "10016", "pointer": "/from"}, "bad_number", "`from`"),
        ({"code": "10016", "words": "The 'to' parameter must be in +E.164 format."}, "bad_number", "`to`"),
        ({"code": "10015"}, "bad_application", "webhook URL"),
        ({"code": "10009"}, "bad_key", "API key"),
        ({"code": "20100"}, "account_blocked", "funds"),
        ({"code": "10038"}, "account_level", "level"),
    ],
)
def test_a_refused_dial_was_never_placed_and_says_why(told: dict[str, str], code: str, words: str) -> None:
    verdict = judged([], command("dial", 0, "refused", **LOOSE, **told))
    assert (verdict.code, verdict.who, verdict.confidence) == (code, "nobody", "high")
    assert verdict.sentence.startswith("Never placed")
    assert words in verdict.sentence
    assert verdict.next_step
    assert [proof.kind for proof in verdict.evidence] == ["command"]
    assert verdict.source.date >= "2026-04"


def test_forbidden_without_a_narrower_code_is_no_bad_key() -> None:
    told = {"code": "10010", "http_status": 403, "words": "Authorization failed."}
    verdict = judged([], command("dial", 0, "refused", **LOOSE, **told))
    assert (verdict.code, verdict.category, verdict.confidence) == ("refused", "configuration", "medium")
    assert "Authorization failed (code 10010)" in verdict.sentence
    assert "key" not in verdict.sentence


@pytest.mark.parametrize(
    ("status", "more", "code", "words"),
    [
        ("expired", {"words": "The batch was cancelled.", "by": "user: ana, batch A line 3"}, "cancelled", "ana"),
        ("expired", {"words": "Too late.", "held_since": at(1), "held_until": at(60), "held_why": HELD},
         "held_back", "held back for 59 s since 14:03:08 UTC: Paused"),
        ("expired", {"words": "Too late.", "finished_at": at(31)}, "too_late", "31 s"),
        ("expired", {"words": "The limit dials_per_minute of main is 5, and 5 are taken."}, "our_limit", "is 5, and 5"),
        ("expired", {"words": "main is suspended here since 2026-11-20 14:00 UTC (user: ana)."}, "our_limit", "ana"),
        ("expired", {"words": "All outgoing calls were stopped by user: ana."}, "not_sent", "stopped by user: ana"),
        ("expired", {"words": "All outgoing calls were stopped by user: ana. Before: Over a limit, too late.",
                     "held_since": at(1), "held_until": at(3), "held_why": "Telnyx asked this account to wait."},
         "not_sent", "Not sent: All outgoing calls were stopped by user: ana."),
        ("expired", {"words": ""}, "not_sent", "no reason"),
        ("expired", {"settlement": "Settled by user: ana: it did not happen."}, "settled", "it did not happen"),
        ("uncertain", {}, "uncertain", "Nobody can know"),
        ("ok", {}, "lost", "never reported"),
        ("queued", {}, "waiting", "waits for its turn"),
        ("sending", {}, "waiting", "on its way"),
    ],
)  # fmt: skip
def test_each_state_of_a_dial_has_its_words(status: str, more: dict[str, Any], code: str, words: str) -> None:
    verdict = judged([], command("dial", 0, status, **(LOOSE | more)), now=at(600))
    assert verdict.code == code
    assert words in verdict.sentence
    assert code != "waiting" or verdict.who == "unknown"


def test_events_of_an_accepted_dial_may_still_come() -> None:
    waiting = judged([], command("dial", 0, **LOOSE), now=at(20))
    assert (waiting.code, waiting.who) == ("waiting", "unknown")  # "nobody" says that it was never placed
    assert judged([], command("dial", 0, **LOOSE), now=at(61)).code == "lost"


def test_a_breaker_that_closed_before_the_command_was_made_is_no_reason() -> None:
    closed = {"breaker_since": at(-120), "breaker_until": at(-60), "breaker_why": "no answers"}
    told = {"words": "Too late.", "finished_at": at(31)}
    assert judged([], command("dial", 0, "expired", **LOOSE, **told), **closed).code == "too_late"
    opened = {"breaker_since": BEGIN, "breaker_until": None, "breaker_why": "no answers"}
    assert judged([], command("dial", 0, "expired", **LOOSE, **told), **opened).code == "held_back"


def test_of_several_targets_the_most_specific_is_told() -> None:
    two = [command("dial", 0, "refused", leg="", code="10009"), command("dial", 1, "refused", leg="", reason="D54")]
    assert judged([], *two).code == "refused_d54"
