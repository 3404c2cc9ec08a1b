"""Addresses of the call log in the browser."""

from voice.models import Call

LOG = "/admin/voice/call/"


def page(call: Call, *more: str) -> str:
    return f"/admin/voice/call/{call.pk}/" + ("/".join(more) + "/" if more else "change/")
