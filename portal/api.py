"""Serves the core over REST: the accounts, read-only and without secrets; TeXML's grammar, the linter, TwiML."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from portal.models import TelnyxAccount
from portal.rest.filters import refuse_unknown_parameters
from portal.rest.serializers import Strict
from portal.rest.viewsets import PortalViewSet, ReadOnlyViewSet
from portal.texml.findings import LEVELS, RULES
from portal.texml.grammar import GRAMMAR, VALUE_TYPES, Element
from portal.texml.judging.linter import Surroundings, lint_template
from portal.texml.tree import Malformed
from portal.texml.twiml import WHATS, from_twiml


class AccountSerializer(serializers.ModelSerializer[TelnyxAccount]):
    """An account without its keys' and its webhook address's secrets."""

    live = serializers.BooleanField(source="is_live", read_only=True, help_text="Whether its calls ring real phones.")

    class Meta:
        model = TelnyxAccount
        fields = ("id", "name", "base_url", "live", "api_key_last4", "created_at", "updated_at")


class AccountViewSet(ReadOnlyViewSet):
    """Telnyx accounts; ``id`` in the address is the account's name."""

    queryset = TelnyxAccount.objects.all()
    serializer_class = AccountSerializer
    scope = "applications"
    permissions = {"list": "portal.view_telnyxaccount", "retrieve": "portal.view_telnyxaccount"}
    ordering = ("name",)
    lookup_field = "name"


class TexmlValueSerializer(serializers.Serializer[Any]):
    """What an attribute or a text may be. ``min`` and ``max`` are in ``unit`` and allowed themselves."""

    type = serializers.CharField(help_text=", ".join(VALUE_TYPES))
    values = serializers.ListField(child=serializers.CharField())
    also = serializers.ListField(child=serializers.CharField(), help_text="Values besides the range.")
    min = serializers.FloatField(allow_null=True)
    max = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    pattern = serializers.CharField()
    schemes = serializers.ListField(child=serializers.CharField())
    default = serializers.CharField(allow_null=True)
    required = serializers.BooleanField()  # type: ignore[assignment]
    role = serializers.CharField(help_text="What a document at this address is fetched for.")
    telnyx_only = serializers.BooleanField(help_text="TwiML has nothing like it.")
    since = serializers.CharField(help_text="When Telnyx's pages first had it, if that is known.")
    source = serializers.CharField(help_text="A key of sources.")  # type: ignore[assignment]
    note = serializers.CharField()


class TexmlAttributeSerializer(TexmlValueSerializer):
    """One attribute of an element."""

    name = serializers.CharField()


class TexmlElementSerializer(serializers.Serializer[Any]):
    """One element; ``key`` is Parent/Name where the name means another thing elsewhere."""

    key = serializers.CharField()
    name = serializers.CharField()
    says = serializers.CharField()
    parents = serializers.ListField(child=serializers.CharField(), help_text="Keys of elements.")
    children = serializers.ListField(child=serializers.CharField(), help_text="Names of elements.")
    text = TexmlValueSerializer(allow_null=True)
    attributes = TexmlAttributeSerializer(many=True)
    ssml = serializers.BooleanField()
    telnyx_only = serializers.BooleanField()
    source = serializers.CharField()  # type: ignore[assignment]


class TexmlRuleSerializer(serializers.Serializer[Any]):
    """One rule of the linter; a case of its own may be graver or less grave."""

    id = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    says = serializers.CharField()


class TexmlLanguageSerializer(serializers.Serializer[Any]):
    """The grammar and the rules."""

    sources = serializers.DictField(child=serializers.CharField())
    elements = TexmlElementSerializer(many=True)
    rules = TexmlRuleSerializer(many=True)


class TexmlSourceSerializer(Strict, serializers.Serializer[Any]):
    """A document to be judged, and what is known around it."""

    document = serializers.CharField(allow_blank=True, trim_whitespace=False)
    role = serializers.ChoiceField(choices=list(GRAMMAR.roles), required=False, help_text="What it is fetched for.")
    variables = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, max_length=100, help_text="Names that are declared."
    )
    imported = serializers.BooleanField(required=False, help_text="From TwiML: tells which defaults differ.")


class TexmlFindingSerializer(serializers.Serializer[Any]):
    """One thing that is wrong; lines and columns count from 1."""

    line = serializers.IntegerField()
    column = serializers.IntegerField()
    rule = serializers.CharField()
    level = serializers.ChoiceField(choices=LEVELS)
    message = serializers.CharField()


class TexmlFindingsSerializer(serializers.Serializer[Any]):
    """What is wrong with a document, in its order."""

    findings = TexmlFindingSerializer(many=True)


class TwimlSourceSerializer(Strict, serializers.Serializer[Any]):
    """A TwiML document."""

    document = serializers.CharField(trim_whitespace=False)


class TwimlChangeSerializer(serializers.Serializer[Any]):
    """One thing that is not as it was, by its place in the TwiML document."""

    line = serializers.IntegerField()
    column = serializers.IntegerField()
    what = serializers.ChoiceField(choices=WHATS)
    message = serializers.CharField()


class TwimlImportSerializer(serializers.Serializer[Any]):
    """The TeXML document, and what changed."""

    document = serializers.CharField()
    changes = TwimlChangeSerializer(many=True)


class TwimlImportViewSet(PortalViewSet):
    """TwiML made TeXML."""

    queryset = TelnyxAccount.objects.none()
    serializer_class = TwimlSourceSerializer
    scope = "texml"
    is_of_account = False  # nothing of it is kept
    permissions = {"create": "voice.view_call"}

    @extend_schema(operation_id="texml_from_twiml_create", responses={200: TwimlImportSerializer})
    def create(self, request: Request) -> Response:
        """Make a TeXML document of a TwiML document, and tell what changes; nothing of it is kept."""
        source = TwimlSourceSerializer(data=request.data)
        source.is_valid(raise_exception=True)
        try:
            imported = from_twiml(source.validated_data["document"])
        except Malformed as malformed:
            found = malformed.finding
            where = f"It stands in line {found.line}, column {found.column}."
            raise serializers.ValidationError({"document": [f"{found.message} {where}"]}) from None
        return Response(TwimlImportSerializer(imported).data)


class TexmlLintViewSet(PortalViewSet):
    """The grammar of TeXML, and the linter."""

    queryset = TelnyxAccount.objects.none()
    serializer_class = TexmlLanguageSerializer
    scope = "texml"
    is_of_account = False  # nothing of it is kept
    permissions = dict.fromkeys(("retrieve", "create"), "voice.view_call")

    @extend_schema(operation_id="texml_lint_retrieve")
    def retrieve(self, request: Request) -> Response:
        """The elements and attributes that Telnyx knows, and the rules by which a document is judged."""
        refuse_unknown_parameters(request)
        rules = [{"id": name, "level": rule.level, "says": rule.says} for name, rule in RULES.items()]
        elements = [_described(element) for element in GRAMMAR.elements.values()]
        language = {"sources": GRAMMAR.sources, "elements": elements, "rules": rules}
        return Response(TexmlLanguageSerializer(language).data)

    @extend_schema(
        operation_id="texml_lint_create", request=TexmlSourceSerializer, responses={200: TexmlFindingsSerializer}
    )
    def create(self, request: Request) -> Response:
        """Judge a document; nothing of it is kept. One over 64 KiB is told so by a finding."""
        source = TexmlSourceSerializer(data=request.data)
        source.is_valid(raise_exception=True)
        given = source.validated_data
        surroundings = Surroundings(
            role=given.get("role", ""),
            variables=frozenset(given.get("variables", ())),
            is_imported=given.get("imported", False),
        )
        found = [one.as_json() for one in lint_template(given["document"], surroundings)]
        return Response({"findings": found})


def _described(element: Element) -> dict[str, Any]:
    attributes = [{"name": name} | vars(value) for name, value in element.attributes.items()]
    return vars(element) | {"name": element.name, "parents": GRAMMAR.parents(element), "attributes": attributes}


router = SimpleRouter()
router.register("accounts", AccountViewSet, basename="account")
urlpatterns = [
    *router.urls,
    path("texml/from-twiml/", TwimlImportViewSet.as_view({"post": "create"}), name="texml-from-twiml"),
    path("texml/lint/", TexmlLintViewSet.as_view({"get": "retrieve", "post": "create"}), name="texml-lint"),
]
