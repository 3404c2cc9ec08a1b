"""Makes what the pictures show: a first start with a morning's calls, each of them played by the sandbox."""

from tests.support.portal_processes import Portal
from tests.support.sandbox_http import Http

# who calls, and what they do; the last is on top of the list
_CALLS = (
    ("caller_hangs_up", "--from", "+13125550171"),
    ("answered", "--from", "+442079460018", "--line", "bad"),
    ("texml_menu", "--from", "+13125550122"),
    ("texml_voicemail", "--from", "+13125550164"),
    ("ivr", "--from", "+13125550187"),
    ("answered", "--from", "+13125550109", "--attestation", "C"),
    ("ivr", "--from", "+13125550143", "--line", "poor", "--attestation", "B"),
)
_SAMPLE, _NUMBER = "Sample: press 1", "13125550100"
_SETTINGS = f"call_control_applications: {{'{_SAMPLE}': {{inbound: {{shaken_stir_enabled: true}}}}}}"


def tell(portal: Portal) -> None:
    """Have each caller call, one after the other, until its end; then an edit that nobody here made."""
    sandbox = Http(portal.sandbox_port)
    _have_callers_judged(portal, sandbox)
    for call in _CALLS:
        portal.run("manage.py", "sandbox_call", *call)
    _change_at_telnyx(sandbox)


def _have_callers_judged(portal: Portal, sandbox: Http) -> None:
    """Have Telnyx tell who vouches for a caller, and flag whom it suspects."""
    wanted = portal.log.with_name("wanted.yaml")
    wanted.write_text(_SETTINGS)
    portal.run("manage.py", "applications", "apply", "--yes", str(wanted))
    (number,) = sandbox("GET", f"/v2/phone_numbers?filter[phone_number]={_NUMBER}")[1]["data"]
    path = f"/v2/phone_numbers/{number['id']}/voice"
    assert sandbox("PATCH", path, {"inbound_call_screening": "flag_calls"})[0] == 200


def _change_at_telnyx(sandbox: Http) -> None:
    """Have somebody change the application in Telnyx's own portal."""
    applications = sandbox("GET", "/v2/call_control_applications")[1]["data"]
    (sample,) = (one for one in applications if one["application_name"] == _SAMPLE)
    changed = {name: sample[name] for name in ("application_name", "webhook_event_url")}
    status, _ = sandbox(
        "PATCH", f"/v2/call_control_applications/{sample['id']}", changed | {"first_command_timeout_secs": 20}
    )
    assert status == 200
