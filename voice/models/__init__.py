"""Defines the rows of what happens on the line: calls, their events, commands to them, the flows that decide."""

from voice.models.alerts import KINDS as ALERT_KINDS
from voice.models.alerts import Alert, AlertMute, AlertNotice, AlertRound
from voice.models.batches import DialBatch
from voice.models.call_log.bulk_actions import BulkAction
from voice.models.call_log.columns import ChosenColumns
from voice.models.call_log.contacts import Contact
from voice.models.call_log.exports import CallExport
from voice.models.call_log.notes import CallNote, CallTag, FollowUp
from voice.models.call_log.recordings import Recording
from voice.models.call_log.roll_ups import RollUp, StaleQuarter
from voice.models.calls import Call, CallQuerySet, LiveListing
from voice.models.commands import AccountBreaker, CallCommand
from voice.models.conferences import Conference, ConferenceParticipant
from voice.models.documents import APOLOGY, TexmlCase, TexmlDocument, TexmlFetch, TexmlVersion, digest_of
from voice.models.events import HAPPENED_AT, CallEvent, RejectedRequest, RejectionCount
from voice.models.flows import Flow, Rule
from voice.models.limits import Limits, Stop, Suspension, satellites
from voice.models.recoveries import SILENT, Recovery
from voice.models.replays import Replay, ReplayLine

__all__ = [
    "ALERT_KINDS",
    "APOLOGY",
    "HAPPENED_AT",
    "SILENT",
    "AccountBreaker",
    "Alert",
    "AlertMute",
    "AlertNotice",
    "AlertRound",
    "BulkAction",
    "Call",
    "CallCommand",
    "CallEvent",
    "CallExport",
    "CallNote",
    "CallQuerySet",
    "CallTag",
    "ChosenColumns",
    "Conference",
    "ConferenceParticipant",
    "Contact",
    "DialBatch",
    "Flow",
    "FollowUp",
    "Limits",
    "LiveListing",
    "Recording",
    "Recovery",
    "RejectedRequest",
    "RejectionCount",
    "Replay",
    "ReplayLine",
    "RollUp",
    "Rule",
    "StaleQuarter",
    "Stop",
    "Suspension",
    "TexmlCase",
    "TexmlDocument",
    "TexmlFetch",
    "TexmlVersion",
    "digest_of",
    "satellites",
]
