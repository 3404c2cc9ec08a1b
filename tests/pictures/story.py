"""Makes what the pictures show: a first start with a morning's calls, each of them played by the sandbox."""

from tests.support.portal_processes import Portal

# who calls, and what they do; the last is on top of the list
_CALLS = (
    ("caller_hangs_up", "--from", "+13125550171"),
    ("answered", "--from", "+442079460018"),
    ("texml_menu", "--from", "+13125550122"),
    ("texml_voicemail", "--from", "+13125550164"),
    ("ivr", "--from", "+13125550187"),
    ("answered", "--from", "+13125550109"),
    ("ivr", "--from", "+13125550143"),
)


def tell(portal: Portal) -> None:
    """Have each caller call, one after the other, and wait for the end of each call."""
    for call in _CALLS:
        portal.run("manage.py", "sandbox_call", *call)
