"""Serializes documents, their versions and their fetches; the service decides what is saved."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from portal.masking import HIDDEN, masked_for, masked_text, may_see_whole, set_up_for
from portal.models import TelnyxAccount
from portal.rest.problems import Problem
from portal.rest.serializers import Strict
from portal.rest.viewsets import account_of
from portal.texml.conversation import LONGEST_STEP, MOST_STEPS
from voice.documents import cases, service
from voice.models import TexmlCase, TexmlDocument, TexmlFetch, TexmlVersion

CHANGED = "Somebody else changed this document since you read it. Read it again; nothing was saved."


class FindingSerializer(serializers.Serializer[Any]):
    """What the linter says, and where."""

    line = serializers.IntegerField()
    column = serializers.IntegerField()
    rule = serializers.CharField()
    level = serializers.ChoiceField(("fatal", "error", "warning", "info"))
    message = serializers.CharField()


class DocumentSerializer(Strict, serializers.ModelSerializer[TexmlDocument]):
    """A hosted document: its draft, and which version is served at ``url``."""

    account = serializers.CharField(source="account.name", required=False)
    draft = serializers.CharField(
        required=False,
        trim_whitespace=False,
        allow_blank=True,
        max_length=64 * 1024,
        style={"base_template": "textarea"},
    )
    variables = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False), required=False
    )
    url = serializers.SerializerMethodField()
    fallback_url = serializers.SerializerMethodField()

    class Meta:
        model = TexmlDocument
        fields = (
            *("id", "name", "account", "draft", "variables", "apology", "signature"),
            *("published", "verified_at", "unlogged", "url", "fallback_url", "updated_at"),
        )
        read_only_fields = ("id", "published", "verified_at", "unlogged", "updated_at")
        validators: list[Any] = []  # the service says it in words

    def to_representation(self, instance: TexmlDocument) -> dict[str, Any]:
        return _set_up(self, super().to_representation(instance), "draft", "apology")

    def get_url(self, document: TexmlDocument) -> str:
        return str(masked_for(self.context["request"].user, document.url))

    def get_fallback_url(self, document: TexmlDocument) -> str:
        return str(masked_for(self.context["request"].user, document.fallback_url))

    def save(self, **kwargs: Any) -> TexmlDocument:
        values = dict(self.validated_data)
        account = values.pop("account", None)
        document = self.instance or TexmlDocument(account=self._account())
        if self.instance is not None and account and account["name"] != document.account.name:
            raise serializers.ValidationError({"account": ["A document stays with its account."]})
        seen = None if document._state.adding else document.digest
        for name, value in values.items():
            setattr(document, name, value)
        try:
            self.instance = service.save_document(document, self.context["view"].actor, expected=seen)
        except service.Changed as changed:
            raise Problem(412, changed.words, changed.code) from None
        return self.instance

    def _account(self) -> TelnyxAccount:
        return account_of(self.context["request"], self.initial_data)


class VersionSerializer(serializers.ModelSerializer[TexmlVersion]):
    """A version as it was published. It never changes."""

    findings = serializers.SerializerMethodField()

    class Meta:
        model = TexmlVersion
        fields = (
            "number",
            "source",
            "variables",
            "apology",
            "note",
            "author",
            "created_at",
            "findings",
            "digest",
            "copy_of",
        )

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, version: TexmlVersion) -> Any:
        return version.findings

    def to_representation(self, instance: TexmlVersion) -> dict[str, Any]:
        names = ("source", "apology", "note", "author", "findings")
        return _set_up(self, super().to_representation(instance), *names)


class FetchSerializer(serializers.ModelSerializer[TexmlFetch]):
    """One fetch. ``body`` and what is a caller's in ``parameters`` are for those who may see whole numbers."""

    body = serializers.CharField(help_text="What was answered.")

    class Meta:
        model = TexmlFetch
        fields = (
            *("id", "at", "version", "call_control_id", "event_id", "proof", "verdict", "problem"),
            *("parameters", "body", "milliseconds"),
        )

    def to_representation(self, instance: TexmlFetch) -> dict[str, Any]:
        user, shown = self.context["request"].user, super().to_representation(instance)
        shown["parameters"] = masked_for(user, shown["parameters"])
        shown["problem"] = masked_for(user, shown["problem"])
        shown["body"] = body_for(user, instance)
        return shown


def _set_up(serializer: Any, shown: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a document's members as this person may see them: what people wrote, with numbers masked."""
    user = serializer.context["request"].user
    seen = {name: set_up_for(user, shown[name]) for name in names}
    return shown | seen | {"variables": variables_for(user, shown["variables"])}


def variables_for(user: Any, variables: Any) -> Any:
    """Return declared variables as this person may see them."""
    if may_see_whole(user) or not isinstance(variables, dict):
        return variables
    return {masked_text(str(name)): masked_text(str(default)) for name, default in variables.items()}


def body_for(user: Any, fetch: TexmlFetch) -> str:
    """Return what was answered as this person may see it: a caller's name or digits may stand anywhere in it."""
    return str(masked_for(user, fetch.body)) if may_see_whole(user) else HIDDEN


class PublishSerializer(Strict, serializers.Serializer[Any]):
    """Asks to publish the draft."""

    note = serializers.CharField(required=False, allow_blank=True, max_length=500)
    confirmed = serializers.BooleanField(required=False, help_text="Publish in spite of the linter's warnings.")


class RollBackSerializer(Strict, serializers.Serializer[Any]):
    """Asks to publish an earlier version again."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    note = serializers.CharField(required=False, allow_blank=True, max_length=500)


class CopySerializer(Strict, serializers.Serializer[Any]):
    """Asks for a copy."""

    name = serializers.CharField(max_length=100)


class StepSerializer(serializers.Serializer[Any]):
    """What is done, and what is said to it."""

    do = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField(allow_blank=True))


class CaseSerializer(serializers.ModelSerializer[TexmlCase]):
    """A test case of a document."""

    steps = StepSerializer(many=True)

    class Meta:
        model = TexmlCase
        fields = ("id", "name", "caller", "steps", "author", "updated_at")

    def to_representation(self, instance: TexmlCase) -> dict[str, Any]:
        user, shown = self.context["request"].user, super().to_representation(instance)
        seen = {name: set_up_for(user, shown[name]) for name in ("name", "steps", "author")}
        return shown | seen | {"caller": variables_for(user, shown["caller"])}


class NewCaseSerializer(Strict, serializers.Serializer[Any]):
    """Asks to try the draft, and to keep what is said as a test case."""

    name = serializers.CharField(max_length=100)
    steps = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_STEP),
        max_length=MOST_STEPS - 1,
        required=False,
        help_text="What is done after the call has begun: press 1, say …, wait, answer, busy, hang up.",
    )
    caller = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="Values of this caller, over the invented ones: From, CallerId …",
    )


class DifferenceSerializer(serializers.Serializer[Any]):
    """A step to which something else is said now."""

    at = serializers.IntegerField(help_text="Which step, from 0.")
    do = serializers.CharField()
    expected = serializers.ListField(child=serializers.CharField(allow_blank=True))
    found = serializers.ListField(child=serializers.CharField(allow_blank=True))


class RunSerializer(serializers.Serializer[Any]):
    """What came of one test case; no ``differences``: it passes. What was not run has one, without ``found``."""

    case = serializers.UUIDField(source="case.pk")
    name = serializers.CharField(source="case.name")
    differences = DifferenceSerializer(many=True)
    not_run = serializers.CharField(
        allow_blank=True, help_text="Why it was not gone through, empty if it was: all have a few seconds together."
    )

    def to_representation(self, instance: cases.Run) -> dict[str, Any]:
        shown = super().to_representation(instance)
        user = self.context["request"].user
        return shown | {name: set_up_for(user, shown[name]) for name in ("name", "differences")}


class DiffSerializer(serializers.Serializer[Any]):
    """What differs between two versions."""

    diff = serializers.CharField(help_text="As diff -u writes it; empty when they are the same.")


class UseSerializer(serializers.Serializer[Any]):
    """Where the address of the document stands."""

    kind = serializers.ChoiceField(("TeXML application", "Call Control application", "document", "flow"))
    id = serializers.CharField()
    name = serializers.CharField()
    where = serializers.CharField()
    problem = serializers.CharField(allow_blank=True)
