"""Builds the sidebar by what people do, and lists what can be done from anywhere."""

from collections.abc import Sequence
from functools import cache
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import strip_tags

from portal.models import TelnyxAccount

register = template.Library()

# title, [(title, icon, url name, permissions)]
_SECTIONS: list[tuple[str, list[tuple[str, str, str, str | None]]]] = [
    (
        "Calls",
        [
            ("Live", "sensors", "admin:voice_call_live", "voice.view_call"),
            ("Stop", "pan_tool", "admin:voice_stop", "voice.view_suspension"),
            ("Call log", "call_log", "admin:voice_call_changelist", "voice.view_call"),
            ("Reports", "bar_chart", "admin:voice_reports", "voice.view_call"),
            ("Conferences", "groups", "admin:voice_conference_changelist", "voice.view_conference"),
            ("Queues", "line_start_circle", "admin:voice_queue_list", "voice.view_queue"),
            ("Recordings", "graphic_eq", "admin:voice_recording_changelist", "voice.view_recording"),
            ("Follow-ups", "flag", "admin:voice_followup_changelist", "voice.view_followup"),
            ("Contacts", "contacts", "admin:voice_contact_changelist", "voice.view_contact"),
            ("Events", "webhook", "admin:voice_callevent_changelist", "voice.view_callevent"),
            ("Commands", "send", "admin:voice_callcommand_changelist", "voice.view_callcommand"),
            ("Dial batches", "playlist_play", "admin:voice_dialbatch_changelist", "voice.view_dialbatch"),
        ],
    ),
    (
        "Applications",
        [
            (
                "Call Control",
                "dialpad",
                "admin:applications_callcontrolapplication_changelist",
                "applications.view_callcontrolapplication",
            ),
            ("TeXML", "code", "admin:applications_texmlapplication_changelist", "applications.view_texmlapplication"),
            ("TeXML documents", "description", "admin:voice_texmldocument_changelist", "voice.view_texmldocument"),
            ("TeXML fetches", "download", "admin:voice_texmlfetch_changelist", "voice.view_texmlfetch"),
            ("Pulls", "sync", "admin:applications_pull_changelist", "applications.view_pull"),
            ("Applies", "checklist", "admin:applications_applyrun_changelist", "applications.view_applyrun"),
        ],
    ),
    (
        "TeXML",
        [
            ("TeXML calls", "phone_forwarded", "admin:voice_texml_calls", "voice.view_call"),
            ("TeXML conferences", "groups_3", "admin:voice_texml_conferences", "voice.view_conference"),
            ("TeXML queues", "format_list_numbered", "admin:voice_texml_queues", "voice.view_queue"),
            ("TeXML recordings", "voicemail", "admin:voice_texml_recordings", "voice.view_call"),
            ("Transcriptions", "description", "admin:voice_texml_transcriptions", "voice.view_call"),
            ("Secrets", "password", "admin:voice_texml_secrets", "applications.change_texmlapplication"),
        ],
    ),
    ("Flows", [("Flows", "account_tree", "admin:voice_flow_changelist", "voice.view_flow")]),
    (
        "Accounts",
        [
            ("Telnyx accounts", "key", "admin:portal_telnyxaccount_changelist", "portal.view_telnyxaccount"),
            ("First steps", "checklist_rtl", "admin:voice_first_steps_accounts", "portal.change_telnyxaccount"),
            ("Limits", "shield", "admin:voice_limits_changelist", "voice.view_limits"),
        ],
    ),
    (
        "System",
        [
            ("Alerts", "notifications", "admin:voice_alert_changelist", "voice.view_alert"),
            ("Inbox", "inbox", "admin:voice_inbox", "voice.view_rejectedrequest voice.view_callevent"),
            ("Stuck", "hourglass_disabled", "admin:voice_stuck", "voice.view_callevent voice.view_callcommand"),
            ("Recoveries", "history_toggle_off", "admin:voice_recovery_changelist", "voice.view_recovery"),
            ("Replay", "replay", "admin:voice_replay_changelist", "voice.replay_event"),
            ("Audit trail", "history", "admin:portal_auditevent_changelist", "portal.view_auditevent"),
            ("API tokens", "vpn_key", "admin:portal_apitoken_changelist", "portal.view_apitoken"),
            ("My tokens", "vpn_key_alert", "admin:portal_apitoken_mine", "portal.own_apitoken"),
            ("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            ("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
            ("REST documentation", "api", "api-docs", None),
        ],
    ),
]

# what can be done from anywhere: title, url name, permissions
_ACTIONS: list[tuple[str, str, str | None]] = [
    ("Dial a number", "admin:voice_call_dial", "voice.dial"),
    ("Dial a list of numbers", "admin:voice_dialbatch_new", "voice.dial"),
    (
        "New Call Control application",
        "admin:applications_callcontrolapplication_add",
        "applications.add_callcontrolapplication",
    ),
    ("New TeXML application", "admin:applications_texmlapplication_add", "applications.add_texmlapplication"),
    ("New flow", "admin:voice_flow_add", "voice.add_flow"),
    ("New TeXML document", "admin:voice_texmldocument_add", "voice.add_texmldocument"),
    ("Invite a person", "admin:auth_user_add", "auth.add_user auth.change_user"),
    ("Verify a request", "admin:voice_inbox_verify", "voice.view_rejectedrequest voice.view_callevent"),
    ("New Telnyx account", "admin:portal_telnyxaccount_add", "portal.add_telnyxaccount"),
    ("Make a token of my own", "admin:portal_apitoken_mine", "portal.own_apitoken"),
    ("My time zone and date format", "admin:portal_preferences", None),
    ("Change my password", "admin:password_change", None),
]


# what a page leads to by a field that is not edited, for whom
FOLLOWED = {"account": "portal.view_telnyxaccount", "user": "auth.view_user"}


def actions(user: Any) -> list[tuple[str, str]]:
    """List by name the addresses of what this person may do from anywhere."""
    return [
        (name, reverse(url))
        for name, url, permission in _ACTIONS
        if permission is None or user.has_perms(permission.split())
    ]


def places(user: Any) -> list[tuple[str, str, str]]:
    """List by name the pages that this person may see: with address and section."""
    return [
        (name, reverse(url), section)
        for section, items in _SECTIONS
        for name, _, url, permission in items
        if permission is None or user.has_perms(permission.split())
    ]


@cache
def _by_address() -> dict[str, tuple[str, str]]:
    return {reverse(url): (section, name) for section, items in _SECTIONS for name, _, url, _ in items}


def name_of(address: str) -> str:
    """Return what the sidebar calls the page with this address; empty for one that is not in it."""
    return _by_address().get(address, ("", ""))[1]


@register.filter
def as_in_the_sidebar(parts: Sequence[dict[str, Any]], address: str) -> list[dict[str, Any]]:
    """Return the parts of a page's heading, with its section and its list named as the sidebar names them."""
    places = _by_address()
    if address in places:
        return _of_place(places[address], None)
    at = next((at for at, part in enumerate(parts) if str(part.get("link")) in places), None)
    if at is None:
        return list(parts)
    link = str(parts[at]["link"])
    return [*_of_place(places[link], link), *parts[at + 1 :]]


def _of_place(place: tuple[str, str], link: str | None) -> list[dict[str, Any]]:
    section, name = place
    before: list[dict[str, Any]] = [] if section == name else [{"title": section, "link": None}]
    return [*before, {"title": name, "link": link}]


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sections with the items this person may see; no empty section."""
    sections: list[dict[str, Any]] = []
    for title, items in _SECTIONS:
        seen = [
            {"title": name, "icon": icon, "link": reverse(url)}
            for name, icon, url, permission in items
            if permission is None or request.user.has_perms(permission.split())
        ]
        if seen:
            sections.append({"title": title, "separator": True, "collapsible": False, "items": seen})
    _mark_here(request.path, [item for section in sections for item in section["items"]])
    home = {"title": "Home", "icon": "home", "link": reverse("admin:index")}
    return [{"title": None, "separator": False, "items": [home]}, *sections]


def followed(user: Any, name: str, drawn: str) -> str:
    """Return what a page draws of the row that this field names: without its link for who may not see that row."""
    return drawn if user.has_perm(FOLLOWED[name]) else unescape(strip_tags(drawn))


def texml_lists(user: Any, account: TelnyxAccount) -> list[tuple[str, str]]:
    """List by name the pages of what TeXML keeps at Telnyx for this account, for who may see them."""
    items = next(items for title, items in _SECTIONS if title == "TeXML")
    seen = [(name, url) for name, _, url, permission in items if user.has_perms((permission or "").split())]
    return [(name, f"{reverse(url)}?{urlencode({'account': account.pk})}") for name, url in seen]


def _mark_here(path: str, items: list[dict[str, Any]]) -> None:
    """Mark the item whose address fits best: the live board lies below the call log, and only one of them is open."""
    here = max((item["link"] for item in items if path.startswith(item["link"])), key=len, default="")
    for item in items:
        item["active"] = item["link"] == here


def style_sheet(request: HttpRequest) -> str:
    return static("portal/portal.css")


def frame_style_sheet(request: HttpRequest) -> str:
    return static("portal/frame.css")


def frame_script(request: HttpRequest) -> str:
    return static("portal/frame.js")


def script(request: HttpRequest) -> str:
    return static("portal/portal.js")


def icon(request: HttpRequest) -> str:
    return static("portal/icon.svg")
