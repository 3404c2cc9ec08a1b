"""Tells over REST what was recorded: of what, how it stands, and what was said to who may read that."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.masking import HIDDEN, masked_for, may_see_whole
from voice.models import Recording
from voice.recordings.panel import LISTEN


class RecordingSerializer(serializers.ModelSerializer[Recording]):
    """One recording of a leg or of a conference. Its file lies at Telnyx: ``link/`` tells where."""

    account = serializers.CharField(source="account.name", read_only=True)
    recording_id = serializers.SerializerMethodField(help_text="Telnyx's; null of one that failed.")
    call_control_id = serializers.SerializerMethodField(help_text="The leg; for who may see calls.")
    call_session_id = serializers.SerializerMethodField()
    conference_id = serializers.SerializerMethodField(help_text="Of a conference's; for who may see conferences.")
    texml = serializers.BooleanField(source="is_texml", read_only=True)
    source = serializers.SerializerMethodField(  # type: ignore[assignment]  # a member, no argument of this field
        help_text="What had it begun, as TeXML tells it."
    )
    channels = serializers.SerializerMethodField(help_text="Of dual the first is the leg that was recorded.")
    format = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField(help_text="Telnyx's words for why it failed.")
    seconds = serializers.FloatField(read_only=True, allow_null=True, help_text="Its length, as far as it is told.")
    transcribed = serializers.SerializerMethodField(help_text="Whether Telnyx told what was said.")
    deletion = serializers.UUIDField(
        source="deletion_id", read_only=True, allow_null=True, help_text="The command that deletes it: /commands/."
    )
    deleted = serializers.BooleanField(source="is_deleted", read_only=True, help_text="Its file is gone at Telnyx.")

    class Meta:
        model = Recording
        fields: tuple[str, ...] = (
            "id",
            "account",
            "recording_id",
            "call_control_id",
            "call_session_id",
            "conference_id",
            "texml",
            "status",
            "reason",
            "source",
            "channels",
            "format",
            "started_at",
            "ended_at",
            "seconds",
            "transcribed",
            "deleted",
            "deletion",
        )
        read_only_fields = fields

    def get_recording_id(self, recording: Recording) -> str | None:
        return recording.recording_id or None

    def get_call_control_id(self, recording: Recording) -> str | None:
        call = recording.call if self._may("voice.view_call") else None
        return call.call_control_id if call else None

    def get_call_session_id(self, recording: Recording) -> str | None:
        call = recording.call if self._may("voice.view_call") else None
        return (call.call_session_id or None) if call else None

    def get_conference_id(self, recording: Recording) -> str | None:
        conference = recording.conference if self._may("voice.view_conference") else None
        return conference.conference_id if conference else None

    def get_source(self, recording: Recording) -> str | None:
        return recording.source or None

    @extend_schema_field({"enum": ["single", "dual", None], "type": ["string", "null"]})
    def get_channels(self, recording: Recording) -> str | None:
        return recording.channels or None

    def get_format(self, recording: Recording) -> str | None:
        return recording.format or None

    def get_reason(self, recording: Recording) -> str | None:
        return str(masked_for(self.context["request"].user, recording.reason)) or None

    def get_transcribed(self, recording: Recording) -> bool:
        return bool(recording.transcript)

    def _may(self, permission: str) -> bool:
        return bool(self.context["request"].user.has_perm(permission))


class WholeRecordingSerializer(RecordingSerializer):
    """One recording, with what was said."""

    transcript = serializers.SerializerMethodField(
        help_text=f"For who may listen and see whole numbers; else {HIDDEN}. Null where Telnyx told none."
    )

    class Meta(RecordingSerializer.Meta):
        fields = (*RecordingSerializer.Meta.fields, "transcript")
        read_only_fields = fields

    def get_transcript(self, recording: Recording) -> str | None:
        may_read = self._may(LISTEN) and may_see_whole(self.context["request"].user)
        return (recording.transcript if may_read else HIDDEN) if recording.transcript else None


class LinkSerializer(serializers.Serializer[Any]):
    """Where the file lies."""

    url = serializers.URLField(help_text="Telnyx's, signed: good for ten minutes, and without a token.")
