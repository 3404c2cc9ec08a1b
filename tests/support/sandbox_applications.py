"""Applications made at the sandbox by the official SDK."""

from typing import Any

import telnyx

from tests.support.webhook_receiver import Receiver


def make_application(sdk: telnyx.Telnyx, receiver: Receiver, **more: Any) -> Any:
    defaults = {"application_name": "tests", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
    return sdk.call_control_applications.create(**defaults | more).data
