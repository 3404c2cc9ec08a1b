"""Says which chapter explains which page of the portal."""

from typing import Any

from django.urls import reverse

from portal.handbook import book

# by the beginning of the name of the address, the longest that fits: chapter and section
TOPICS: dict[str, tuple[str, str]] = {
    "": (book.FIRST, ""),
    "index": (book.FIRST, "1-support-staff"),
    "portal_search": ("finding-your-way", "search"),
    "portal_preferences": ("finding-your-way", "times"),
    "voice_call_live": ("calls", "live-and-telnyxs-own-record"),
    "voice_call": ("calls", ""),
    "voice_call_changelist": ("call-log", ""),
    "voice_call_change": ("support", ""),
    "voice_call_dial": ("calls", "dial"),
    "voice_call_act": ("calls", "every-action-of-the-sdk"),
    "voice_callcommand": ("calls", "the-journal"),
    "voice_callevent": ("inbox", ""),
    "voice_conference": ("calls", "conferences-and-queues"),
    "voice_queue": ("calls", "conferences-and-queues"),
    "voice_dialbatch": ("limits", "dialling-a-list"),
    "voice_limits": ("limits", "limits-against-toll-fraud"),
    "voice_texml": ("calls", "texml-calls"),
    "voice_texmldocument": ("texml-hosting", ""),
    "voice_texmlfetch": ("texml-hosting", ""),
    "voice_flow": ("rules", ""),
    "voice_first_steps": ("going-live", ""),
    "voice_stop": ("stopping", ""),
    "voice_suspen": ("stopping", "suspend"),
    "voice_stuck": ("stopping", "what-is-stuck"),
    "voice_report": ("reports", ""),
    "voice_export": ("reports", "taking-calls-out-as-a-file"),
    "voice_recording": ("calls", "recordings"),
    "voice_followup": ("calls", "notes-tags-follow-ups-contacts"),
    "voice_contact": ("calls", "notes-tags-follow-ups-contacts"),
    "voice_alert": ("alerts", ""),
    "voice_inbox": ("inbox", ""),
    "voice_inbox_verify": ("inbox", "verify-a-request"),
    "voice_rejectedrequest": ("inbox", "why-requests-are-refused"),
    "voice_recovery": ("running", "what-webhooks-did-not-bring"),
    "voice_replay": ("replay", ""),
    "applications": ("applications", ""),
    "applications_pull": ("applications", "drift-and-history"),
    "applications_applyrun": ("as-code", ""),
    "portal_telnyxaccount": ("going-live", "2-enter-the-account"),
    "portal_auditevent": ("people", "the-audit-trail"),
    "portal_apitoken": ("people", "tokens-scopes"),
    "auth": ("people", "groups-and-permissions"),
}


def topic(url_name: str) -> tuple[str, str]:
    """Return the chapter and the section that explain the page of this address."""
    return TOPICS[max((beginning for beginning in TOPICS if url_name.startswith(beginning)), key=len)]


def address(match: Any) -> str:
    """Return the address of what explains the page that a request was resolved to."""
    name, anchor = topic(match.url_name or "" if match else "")
    return reverse("admin:portal_handbook", args=[name]) + (f"#{anchor}" if anchor else "")
