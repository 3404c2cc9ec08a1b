"""Serves TeXML's resources over REST: read from Telnyx when asked; what acts is a command, answered 202."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from voice.catalogue import actions
from voice.texml import calls, conferences, queues, recordings, secrets, transcriptions
from voice.texml.viewsets import ID, TexmlViewSet, acts, lists, reads

_CONTROL, _DIAL, _SEE = "voice.control_call", "voice.dial", "voice.view_call"


class TexmlCallViewSet(TexmlViewSet):
    """TeXML calls at Telnyx. The portal's own log of them is ``/calls/``."""

    lookup_field = "call_sid"
    permissions = {
        **dict.fromkeys(("list", "retrieve", "recordings"), _SEE),
        **dict.fromkeys(("partial_update", "record", "update_recording"), _CONTROL),
        **dict.fromkeys(("start_siprec", "stop_siprec", "start_stream", "stop_stream"), _CONTROL),
        "create": _DIAL,
    }

    @lists()
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now. Its list lags behind."""
        account = self.account(request)
        return self.listed(request, "texml.calls.list", lambda query: calls.at_telnyx(account, query))

    @acts()
    def create(self, request: Request) -> Response:
        """Dial: ``To``, ``From``, ``ApplicationSid``, and ``Url`` or ``Texml`` or neither.

        With ``connection_id`` instead of ``ApplicationSid`` it is Telnyx's other dial, whose ``Url`` has a ``Method``.
        """
        account, values = self.account(request), self.values(request)
        return self.accepted(lambda: calls.dial(account, values, self.actor, intent=self.intent))

    @reads("call_sid")
    def retrieve(self, request: Request, call_sid: str) -> Response:
        """As Telnyx tells it now, until 30 days after its end."""
        return self.told(request, calls.retrieve(self.account(request, call_sid), call_sid))

    @acts("call_sid")
    def partial_update(self, request: Request, call_sid: str) -> Response:
        """End it (``Status`` completed), or give it other instructions (``Url`` or ``Texml``)."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.update(account, call_sid, values, self.actor))

    @lists("call_sid", of="call_recordings")
    @action(detail=True)
    def recordings(self, request: Request, call_sid: str) -> Response:
        """Its recordings, as Telnyx lists them now."""
        account = self.account(request, call_sid)
        return self.listed(request, "texml.calls.recordings", lambda query: calls.recordings(account, call_sid, query))

    @acts("call_sid")
    @recordings.mapping.post
    def record(self, request: Request, call_sid: str) -> Response:
        """Begin a recording."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.record(account, call_sid, values, self.actor, intent=self.intent))

    @acts("call_sid", "recording_sid")
    @action(detail=True, methods=["patch"], url_path=rf"recordings/(?P<recording_sid>{ID})")
    def update_recording(self, request: Request, call_sid: str, recording_sid: str) -> Response:
        """Pause it, go on with it or stop it."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.update_recording(account, call_sid, recording_sid, values, self.actor))

    @acts("call_sid")
    @action(detail=True, methods=["post"], url_path="siprec")
    def start_siprec(self, request: Request, call_sid: str) -> Response:
        """Begin a SIPREC session."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.start_siprec(account, call_sid, values, self.actor, intent=self.intent))

    @acts("call_sid", "siprec_sid")
    @action(detail=True, methods=["patch"], url_path=rf"siprec/(?P<siprec_sid>{ID})")
    def stop_siprec(self, request: Request, call_sid: str, siprec_sid: str) -> Response:
        """Stop it."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.stop_siprec(account, call_sid, siprec_sid, values, self.actor))

    @acts("call_sid")
    @action(detail=True, methods=["post"], url_path="streams")
    def start_stream(self, request: Request, call_sid: str) -> Response:
        """Begin a media stream."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.start_stream(account, call_sid, values, self.actor, intent=self.intent))

    @acts("call_sid", "streaming_sid")
    @action(detail=True, methods=["patch"], url_path=rf"streams/(?P<streaming_sid>{ID})")
    def stop_stream(self, request: Request, call_sid: str, streaming_sid: str) -> Response:
        """Stop it."""
        account, values = self.account(request, call_sid), self.values(request)
        return self.accepted(lambda: calls.stop_stream(account, call_sid, streaming_sid, values, self.actor))


_WHO = rf"participants/(?P<participant>{ID})"


class TexmlConferenceViewSet(TexmlViewSet):
    """TeXML's conferences and their participants."""

    lookup_field = "conference_sid"
    parameters = {"participant": ()}
    permissions = {
        **dict.fromkeys(("list", "retrieve", "participants", "participant", "recordings"), "voice.view_conference"),
        **dict.fromkeys(("partial_update", "update_participant", "remove_participant"), _CONTROL),
        "dial_participant": _DIAL,
    }

    @lists()
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now."""
        account = self.account(request)
        return self.listed(request, "texml.conferences.list", lambda query: conferences.at_telnyx(account, query))

    @reads("conference_sid")
    def retrieve(self, request: Request, conference_sid: str) -> Response:
        """As Telnyx tells it now."""
        return self.told(request, conferences.retrieve(self.account(request), conference_sid))

    @acts("conference_sid")
    def partial_update(self, request: Request, conference_sid: str) -> Response:
        """End it (``Status`` completed), or announce something to everybody (``AnnounceUrl``)."""
        account, values = self.account(request), self.values(request)
        return self.accepted(lambda: conferences.update(account, conference_sid, values, self.actor))

    @lists("conference_sid", of="participants")
    @action(detail=True)
    def participants(self, request: Request, conference_sid: str) -> Response:
        """Who is in it now; who has left is not listed."""
        account, name = self.account(request), "texml.participants.list"
        return self.listed(request, name, lambda query: conferences.participants(account, conference_sid, query))

    @acts("conference_sid")
    @participants.mapping.post
    def dial_participant(self, request: Request, conference_sid: str) -> Response:
        """Call somebody into it."""
        account, values = self.account(request), self.values(request)
        return self.accepted(
            lambda: conferences.dial_participant(account, conference_sid, values, self.actor, intent=self.intent)
        )

    @reads("conference_sid", "participant")
    @action(detail=True, url_path=_WHO)
    def participant(self, request: Request, conference_sid: str, participant: str) -> Response:
        """One of them, by the SID of the call or by the label."""
        return self.told(request, conferences.participant(self.account(request), conference_sid, participant))

    @acts("conference_sid", "participant")
    @participant.mapping.patch
    def update_participant(self, request: Request, conference_sid: str, participant: str) -> Response:
        """Mute, put on hold, coach; or announce something (``AnnounceUrl``)."""
        account, values = self.account(request), self.values(request)
        return self.accepted(
            lambda: conferences.update_participant(account, conference_sid, participant, values, self.actor)
        )

    @acts("conference_sid", "participant", body=None)
    @participant.mapping.delete
    def remove_participant(self, request: Request, conference_sid: str, participant: str) -> Response:
        """Remove them from the conference."""
        account = self.account(request)
        return self.accepted(lambda: conferences.remove_participant(account, conference_sid, participant, self.actor))

    @extend_schema(parameters=[OpenApiParameter("listing", str, enum=["json"], description="Telnyx's second list.")])
    @lists("conference_sid", of="conference_recordings")
    @action(detail=True)
    def recordings(self, request: Request, conference_sid: str) -> Response:
        """Its recordings. Telnyx has two lists of two shapes: ``listing=json`` is the second."""
        account, listing = self.account(request), request.query_params.get("listing")
        if listing not in {None, "json"}:
            raise ValidationError({"listing": ["Must be json, or be left out."]})
        name = "texml.conferences.recordings_json" if listing else "texml.conferences.recordings"
        return self.listed(
            request,
            name,
            lambda query: conferences.recordings(account, conference_sid, query, as_of_calls=bool(listing)),
            "listing",
        )


class TexmlQueueViewSet(TexmlViewSet):
    """TeXML's queues; a queue's SID is its name."""

    lookup_field = "queue_sid"
    permissions = {
        **dict.fromkeys(("list", "retrieve"), "voice.view_queue"),
        **dict.fromkeys(("create", "partial_update", "destroy"), _CONTROL),
    }

    @lists()
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now."""
        account = self.account(request)
        return self.listed(request, "texml.queues.list", lambda query: queues.at_telnyx(account, query))

    @acts()
    def create(self, request: Request) -> Response:
        """Make one."""
        account, values = self.account(request), self.values(request)
        return self.accepted(lambda: queues.create(account, values, self.actor, intent=self.intent))

    @reads("queue_sid")
    def retrieve(self, request: Request, queue_sid: str) -> Response:
        """As Telnyx tells it now."""
        return self.told(request, queues.retrieve(self.account(request), queue_sid))

    @acts("queue_sid")
    def partial_update(self, request: Request, queue_sid: str) -> Response:
        """Change its size."""
        account, values = self.account(request), self.values(request)
        return self.accepted(lambda: queues.update(account, queue_sid, values, self.actor))

    @acts("queue_sid", body=None)
    def destroy(self, request: Request, queue_sid: str) -> Response:
        """Delete it at Telnyx."""
        account = self.account(request)
        return self.accepted(lambda: queues.delete(account, queue_sid, self.actor))


class TexmlRecordingViewSet(TexmlViewSet):
    """The account's recordings of TeXML calls."""

    lookup_field = "recording_sid"
    permissions = {"list": _SEE, "retrieve": _SEE, "destroy": actions.permission(recordings.DELETE)}

    @lists()
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now. ``media_url`` is null: one recording tells it."""
        account = self.account(request)
        return self.listed(request, "texml.recordings.list", lambda query: recordings.at_telnyx(account, query))

    @reads("recording_sid")
    def retrieve(self, request: Request, recording_sid: str) -> Response:
        """As Telnyx tells it now. ``media_url`` is for those who may listen: the audit trail notes it as a play."""
        found = recordings.retrieve(self.account(request), recording_sid)
        return self.told(request, found, link_of=recording_sid)

    @acts("recording_sid", body=None)
    def destroy(self, request: Request, recording_sid: str) -> Response:
        """Delete the file at Telnyx: a command, the same one however often it is asked for."""
        account = self.account(request)
        return self.accepted(lambda: recordings.delete(account, recording_sid, self.actor))


class TexmlTranscriptionViewSet(TexmlViewSet):
    """The account's transcriptions of recordings of TeXML calls."""

    lookup_field = "transcription_sid"
    permissions = {"list": _SEE, "retrieve": _SEE, "destroy": actions.permission(transcriptions.DELETE)}

    @lists()
    def list(self, request: Request) -> Response:
        """As Telnyx lists them now. ``transcription_text`` is for those who may listen."""
        account, name = self.account(request), "texml.transcriptions.list"
        return self.listed(request, name, lambda query: transcriptions.at_telnyx(account, query))

    @reads("transcription_sid")
    def retrieve(self, request: Request, transcription_sid: str) -> Response:
        """As Telnyx tells it now."""
        return self.told(request, transcriptions.retrieve(self.account(request), transcription_sid))

    @acts("transcription_sid", body=None)
    def destroy(self, request: Request, transcription_sid: str) -> Response:
        """Delete it at Telnyx: a command, the same one however often it is asked for."""
        account = self.account(request)
        return self.accepted(lambda: transcriptions.delete(account, transcription_sid, self.actor))


class TexmlSecretViewSet(TexmlViewSet):
    """Secrets for the templates of TeXML documents."""

    permissions = {"create": actions.permission(secrets.SAVE)}
    has_secret_body = True

    @acts()
    def create(self, request: Request) -> Response:
        """Save one at Telnyx; the same name again replaces its value. The value is sent, and kept nowhere."""
        account, values = self.account(request), self.values(request)
        return self.accepted(lambda: secrets.save(account, values, self.actor, intent=self.intent))


class TexmlAICallViewSet(TexmlViewSet):
    """Calls with an AI assistant."""

    permissions = {"create": _DIAL}

    @acts()
    def create(self, request: Request) -> Response:
        """Dial and connect whoever answers with the assistant. ``connection_id`` is the TeXML application."""
        account, values = self.account(request), self.values(request)
        return self.accepted(lambda: calls.dial_with_assistant(account, values, self.actor, intent=self.intent))
