"""The call actions as the SDK itself has them."""

import inspect
from typing import Any

import telnyx

# The SDK's own plumbing, not Telnyx's
NO_ACTIONS = {"with_raw_response", "with_streaming_response"}


def _methods() -> dict[str, Any]:
    calls = telnyx.Telnyx(api_key="", base_url="http://127.0.0.1").calls
    public = inspect.getmembers(type(calls.actions), callable)
    found = {name: method for name, method in public if not name.startswith("_") and name not in NO_ACTIONS}
    return found | {"dial": type(calls).dial}


METHODS = _methods()
