"""Five calls that are hard to make by hand. ``menu`` is call_control.py, running."""
import pytest

from portal.sandbox.client import Refused


def test_the_second_option_is_put_through(telnyx_sandbox, menu):
    call = telnyx_sandbox.ring({"after": "gathering", "press": "2"})
    assert telnyx_sandbox.wait("call.gather.ended", call)["digits"] == "2"
    assert telnyx_sandbox.wait("call.bridged", call)["to"] == "+13125550100"


def test_a_caller_hangs_up_in_the_prompt(telnyx_sandbox, menu):
    call = telnyx_sandbox.ring({"after": "asking", "in": 1, "hangup": True})
    assert telnyx_sandbox.wait("call.gather.ended", call)["status"] == "call_hangup"
    assert telnyx_sandbox.wait("call.hangup", call)["hangup_source"] == "caller"


def test_whom_we_call_is_busy_after_four_seconds(telnyx_sandbox, menu):
    telnyx_sandbox.callee("+13125550042", {"at": 4, "hangup": {"cause": "user_busy"}})
    call = menu.dial("+13125550042")
    assert telnyx_sandbox.wait("call.hangup", call)["hangup_cause"] == "user_busy"


def test_a_machine_beeps(telnyx_sandbox, menu):
    telnyx_sandbox.callee("+13125550042", answers_as="machine", greeting=6)
    call = menu.dial("+13125550042", answering_machine_detection="detect_beep")
    assert telnyx_sandbox.wait("call.machine.greeting.ended", call)["result"] == "beep_detected"


def test_a_country_that_is_not_allowed(telnyx_sandbox, menu):
    telnyx_sandbox.callee("+4930*", refused="D13")
    with pytest.raises(Refused, match="D13"):
        menu.dial("+493055501000")
