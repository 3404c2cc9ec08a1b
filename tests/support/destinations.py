"""Commands that could ring a phone, in every form that the SDK's types take."""

from typing import Any

from tests.support import samples
from voice.catalogue import actions

NUMBER = "+13125550001"
TARGETS: dict[str, Any] = {
    "a text": NUMBER,
    "a list": [{"to": NUMBER}, {"name": "Ada", "to": "+13125550002"}],
    "a text of Telnyx's to fill in": "{{ targets }}",
    "a target to fill in": [{"to": "{{ agent }}"}],
}


def tool(targets: Any) -> dict[str, Any]:
    """A tool that puts the caller through."""
    return {"type": "transfer", "transfer": {"targets": targets}}


def ringing() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name every kind of command on a call that could ring a phone: action and parameters, which the SDK takes."""
    found: dict[str, tuple[str, dict[str, Any]]] = {
        "transfer": ("transfer", {"to": NUMBER}),
        "refer": ("refer", {"sip_address": f"sip:{NUMBER}@sip.telnyx.com"}),
    }
    for action in ("answer", "start_ai_assistant", "gather_using_ai"):
        kept = {} if action == "gather_using_ai" else {"id": "assistant-1"}
        for name, targets in TARGETS.items():
            given = samples.required(actions.method(action)) | {"assistant": kept | {"tools": [tool(targets)]}}
            found[f"{action}, targets as {name}"] = (action, given)
        if kept:
            found[f"{action}, an assistant with tools of its own"] = (action, {"assistant": kept})
    return found


RINGING = ringing()
# the portal fills placeholders of a rule itself: Telnyx's own cannot stand in one
IN_RULES = {name: case for name, case in RINGING.items() if "fill in" not in name}
READABLE = {name: case for name, case in RINGING.items() if "fill in" not in name and "tools of its own" not in name}
