"""Tells over REST what people added to calls, and whose numbers are whose."""

from typing import Any

from rest_framework import serializers

from portal.rest.serializers import NumberField, Strict, WordsField
from voice.models import CallNote, CallTag, Contact, FollowUp


class NoteSerializer(serializers.ModelSerializer[CallNote]):
    """What somebody wrote about a call. It is not changed afterwards."""

    call_control_id = serializers.CharField(source="call.call_control_id", read_only=True)
    text = WordsField(read_only=True)
    written_by = WordsField(read_only=True)

    class Meta:
        model = CallNote
        fields = ("id", "call_control_id", "text", "written_by", "at")
        read_only_fields = fields


class NewNoteSerializer(Strict, serializers.Serializer[Any]):
    """A note to be written."""

    text = serializers.CharField(trim_whitespace=False, allow_blank=True, help_text="At most 4000 characters.")


class TagSerializer(serializers.ModelSerializer[CallTag]):
    """A word that somebody gave a call. Telnyx's own ``tags`` are members of the call."""

    name = WordsField(read_only=True)
    tagged_by = WordsField(read_only=True)

    class Meta:
        model = CallTag
        fields = ("name", "tagged_by", "at")
        read_only_fields = fields


class NewTagSerializer(Strict, serializers.Serializer[Any]):
    """A tag to be given: it is kept in lower case, with ``-`` for spaces."""

    name = serializers.CharField(allow_blank=True)


class FollowUpSerializer(serializers.ModelSerializer[FollowUp]):
    """That somebody is to look at a call again, until it is done."""

    call_control_id = serializers.CharField(source="call.call_control_id", read_only=True)
    call_session_id = serializers.CharField(source="call.call_session_id", read_only=True)
    assignee = WordsField(
        source="assignee.username",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="Null: whoever comes first.",
    )
    asked_by = WordsField(read_only=True)
    done_by = WordsField(read_only=True)

    class Meta:
        model = FollowUp
        fields = ("call_control_id", "call_session_id", "assignee", "asked_by", "at", "done_at", "done_by")
        read_only_fields = fields


class NewFollowUpSerializer(Strict, serializers.Serializer[Any]):
    """Who is to look at the call again: somebody who signs in, or whoever comes first."""

    assignee = serializers.CharField(required=False, allow_null=True, allow_blank=True, help_text="A user name.")


class ContactSerializer(serializers.ModelSerializer[Contact]):
    """A name for a number, whichever account it calls."""

    number = NumberField(read_only=True)
    name = WordsField(read_only=True)
    company = WordsField(read_only=True)
    changed_by = WordsField(read_only=True)

    class Meta:
        model = Contact
        fields = ("id", "number", "name", "company", "changed_by", "changed_at")
        read_only_fields = fields


class NameSerializer(Strict, serializers.Serializer[Any]):
    """Whom a number belongs to."""

    name = serializers.CharField(help_text="At most 100 characters.")
    company = serializers.CharField(required=False, allow_blank=True, help_text="At most 100 characters.")


class NewContactSerializer(NameSerializer):
    """A number, and whom it belongs to."""

    number = serializers.CharField(help_text="With + and country code, or a sip: address.")


class ImportSerializer(Strict, serializers.Serializer[Any]):
    """The text of a CSV file."""

    csv = serializers.CharField(
        trim_whitespace=False, help_text="A first line number,name,company; at most 10,000 lines, with this body 1 MiB."
    )


class ImportedSerializer(serializers.Serializer[Any]):
    """What came of an import."""

    new = serializers.IntegerField(help_text="Numbers that had no name.")
    changed = serializers.IntegerField(help_text="Numbers that were named anew.")
