"""Imports each room's pages, so that Django registers them."""

from voice.alerts import admin as alerts
from voice.call_log import admin as calls
from voice.call_log.bulk import admin as bulk
from voice.call_log.inquiry import admin as inquiry
from voice.call_page import admin as call_page
from voice.conferences import admin as conferences
from voice.dialling import admin as batches
from voice.dialling import limits_admin
from voice.dispatch import admin as commands
from voice.documents.admin import documents
from voice.documents.admin import fetches as document_fetches
from voice.exports import admin as exports
from voice.first_steps import admin as first_steps
from voice.flows import admin as flows
from voice.inbox import admin as inbox
from voice.inbox import event_admin
from voice.live_board import admin as live_board
from voice.notes import admin as notes
from voice.notes import contact_admin as contacts
from voice.recordings import admin as recordings
from voice.recovery import admin as recoveries
from voice.replay import admin as replays
from voice.reports import admin as reports
from voice.stops import admin as stops
from voice.stuck import admin as stuck
from voice.texml.admin import urls as texml

__all__ = [
    "alerts",
    "batches",
    "bulk",
    "call_page",
    "calls",
    "commands",
    "conferences",
    "contacts",
    "document_fetches",
    "documents",
    "event_admin",
    "exports",
    "first_steps",
    "flows",
    "inbox",
    "inquiry",
    "limits_admin",
    "live_board",
    "notes",
    "recordings",
    "recoveries",
    "replays",
    "reports",
    "stops",
    "stuck",
    "texml",
]
