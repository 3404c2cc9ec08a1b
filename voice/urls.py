"""Routes the addresses of what happens on the line."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from voice.alerts.api import AlertViewSet
from voice.call_log.api import CallLogViewSet
from voice.call_page.api import CallFileViewSet, SessionFileViewSet
from voice.calls.api import ActiveCallViewSet, SessionViewSet
from voice.conferences.api import ConferenceViewSet, QueueViewSet
from voice.dialling.api import DialBatchViewSet, LimitsViewSet
from voice.dispatch.api import BreakerViewSet, CommandViewSet
from voice.documents import door
from voice.documents.api import TexmlDocumentViewSet
from voice.events.api import EventViewSet
from voice.events.webhooks import call_control, texml
from voice.explanations.api import CallExplanationViewSet, SessionExplanationViewSet
from voice.exports.api import ExportViewSet
from voice.flows.api import FlowViewSet
from voice.notes.api import (
    CallContactViewSet,
    CallFollowUpViewSet,
    CallNoteViewSet,
    CallTagViewSet,
    FollowUpViewSet,
    SessionNoteViewSet,
)
from voice.notes.contact_api import ContactViewSet
from voice.recordings.api import RecordingViewSet
from voice.reports.api import ReportViewSet
from voice.stops.api import StopViewSet, SuspensionViewSet
from voice.texml import api as texml_api

router = SimpleRouter()
router.register("calls", CallLogViewSet, basename="call")
router.register("call-events", EventViewSet, basename="call-event")
router.register("commands", CommandViewSet, basename="command")
router.register("flows", FlowViewSet, basename="flow")
router.register("sessions", SessionViewSet, basename="session")
router.register("active-calls", ActiveCallViewSet, basename="active-call")
router.register("alerts", AlertViewSet, basename="alert")
router.register("conferences", ConferenceViewSet, basename="conference")
router.register("queues", QueueViewSet, basename="queue")
router.register("dial-batches", DialBatchViewSet, basename="dial-batch")
router.register("suspensions", SuspensionViewSet, basename="suspension")
router.register("recordings", RecordingViewSet, basename="recording")
router.register("follow-ups", FollowUpViewSet, basename="follow-up")
router.register("contacts", ContactViewSet, basename="contact")
router.register("exports", ExportViewSet, basename="export")
router.register("stops", StopViewSet, basename="stop")
router.register("texml/calls", texml_api.TexmlCallViewSet, basename="texml-call")
router.register("texml/conferences", texml_api.TexmlConferenceViewSet, basename="texml-conference")
router.register("texml/queues", texml_api.TexmlQueueViewSet, basename="texml-queue")
router.register("texml/recordings", texml_api.TexmlRecordingViewSet, basename="texml-recording")
router.register("texml/transcriptions", texml_api.TexmlTranscriptionViewSet, basename="texml-transcription")
router.register("texml/documents", TexmlDocumentViewSet, basename="texml-document")
router.register("texml/secrets", texml_api.TexmlSecretViewSet, basename="texml-secret")
router.register("texml/ai-calls", texml_api.TexmlAICallViewSet, basename="texml-ai-call")

_CALL, _SESSION = "calls/(?P<call_control_id>[^/]+)", "sessions/(?P<call_session_id>[^/]+)"
router.register(f"{_CALL}/notes", CallNoteViewSet, basename="call-note")
router.register(f"{_CALL}/tags", CallTagViewSet, basename="call-tag")
router.register(f"{_SESSION}/notes", SessionNoteViewSet, basename="session-note")

_PART = "[A-Za-z0-9_-]"

urlpatterns = [
    path("webhooks/<str:token>/call-control/", call_control, name="webhook-call-control"),
    # any path of up to 200 characters below texml/, without empty parts
    re_path(rf"^webhooks/(?P<token>[^/]+)/texml/(?=.{{0,200}}\Z)(?:{_PART}+/)*{_PART}*\Z", texml, name="webhook-texml"),
    path("texml/<str:token>/", door.document, name="texml-document"),
    path("texml/<str:token>/fallback/", door.fallback, name="texml-fallback"),
    path("api/v1/", include(router.urls)),
    re_path(
        r"^api/v1/calls/(?P<call_control_id>[^/]+)/explanation/$",
        CallExplanationViewSet.as_view({"get": "retrieve"}),
        name="call-explanation",
    ),
    re_path(
        r"^api/v1/sessions/(?P<call_session_id>[^/]+)/explanation/$",
        SessionExplanationViewSet.as_view({"get": "retrieve"}),
        name="session-explanation",
    ),
    re_path(
        r"^api/v1/calls/(?P<call_control_id>[^/]+)/timeline\.svg$",
        CallFileViewSet.as_view({"get": "timeline"}),
        name="call-timeline",
    ),
    re_path(
        r"^api/v1/calls/(?P<call_control_id>[^/]+)/bundle/$",
        CallFileViewSet.as_view({"get": "bundle"}),
        name="call-bundle",
    ),
    re_path(
        r"^api/v1/sessions/(?P<call_session_id>[^/]+)/timeline\.svg$",
        SessionFileViewSet.as_view({"get": "timeline"}),
        name="session-timeline",
    ),
    re_path(
        r"^api/v1/sessions/(?P<call_session_id>[^/]+)/bundle/$",
        SessionFileViewSet.as_view({"get": "bundle"}),
        name="session-bundle",
    ),
    re_path(
        rf"^api/v1/{_CALL}/follow-up/$",
        CallFollowUpViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="call-follow-up",
    ),
    re_path(
        rf"^api/v1/{_CALL}/follow-up/done/$",
        CallFollowUpViewSet.as_view({"post": "done"}),
        name="call-followed-up",
    ),
    re_path(
        rf"^api/v1/{_CALL}/contact/$",
        CallContactViewSet.as_view({"get": "retrieve", "put": "update"}),
        name="call-contact",
    ),
    path("api/v1/reports/", ReportViewSet.as_view({"get": "retrieve"}), name="reports"),
    path("api/v1/accounts/<slug:name>/limits/", LimitsViewSet.as_view({"get": "retrieve"}), name="account-limits"),
    path("api/v1/accounts/<slug:name>/breaker/", BreakerViewSet.as_view({"get": "retrieve"})),
    path("api/v1/accounts/<slug:name>/breaker/close/", BreakerViewSet.as_view({"post": "close"})),
]
