"""The scenarios of callers have names."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("sandbox_call", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_sandbox_call_names_the_scenarios() -> None:
    out, _ = run("--list")
    assert [line.split()[0] for line in out.splitlines()] == [
        *("answered", "caller_hangs_up", "ivr", "transferred"),
        *("texml_conference", "texml_dial", "texml_menu", "texml_queue", "texml_record", "texml_voicemail"),
    ]
    with pytest.raises(CommandError, match=r"no scenario 'nope'.*ivr"):
        run("nope")
