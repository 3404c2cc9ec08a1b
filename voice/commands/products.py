"""Decides which of Telnyx's products runs a leg, and refuses Call Control's actions on a TeXML leg.

Nothing that Telnyx tells of a leg says so. Its application does, since an id is of one kind; else the row itself, which
a TeXML callback, dial or list has marked; else Call Control's dial or the events of its progress. Where these say
nothing, it is unknown, and Telnyx judges.
"""

from typing import Any

from django.db.models import Case, Exists, OuterRef, QuerySet, TextChoices, Value, When

from applications.models import CallControlApplication, TexmlApplication
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions
from voice.models import Call, CallCommand, CallEvent

_CALL = "/api/v1/texml/calls/{call_sid}/"


class Product(TextChoices):
    """Names the products as ``filter[product]`` of Telnyx's call events does."""

    CALL_CONTROL = "call_control", "Call Control"
    TEXML = "texml", "TeXML"


# what to ask for instead, where it is no other instructions: action, verb and path below the call's
_INSTEAD = {
    "hangup": ("texml.calls.hang_up", "PATCH", ""),
    "reject": ("texml.calls.hang_up", "PATCH", ""),
    "start_recording": ("texml.calls.record", "POST", "recordings/"),
    **dict.fromkeys(
        ("pause_recording", "resume_recording", "stop_recording"),
        ("texml.calls.update_recording", "PATCH", "recordings/{recording_sid}/"),
    ),
    "start_streaming": ("texml.calls.start_stream", "POST", "streams/"),
    "stop_streaming": ("texml.calls.stop_stream", "PATCH", "streams/{streaming_sid}/"),
    "start_siprec": ("texml.calls.start_siprec", "POST", "siprec/"),
    "stop_siprec": ("texml.calls.stop_siprec", "PATCH", "siprec/{siprec_sid}/"),
}
_REDIRECT = ("texml.calls.redirect", "PATCH", "")


def with_product(calls: QuerySet[Call]) -> QuerySet[Any]:
    """Annotate ``product``: a ``Product``, or empty where it is unknown. No statement more, however many calls."""
    of_theirs = {"account": OuterRef("account"), "telnyx_id": OuterRef("connection_id")}
    texml, call_control = (kind.objects.filter(**of_theirs) for kind in (TexmlApplication, CallControlApplication))
    cases = (
        When(Exists(texml) & ~Exists(call_control), then=Value(Product.TEXML)),
        When(Exists(call_control) & ~Exists(texml), then=Value(Product.CALL_CONTROL)),
        When(is_texml=True, then=Value(Product.TEXML)),
        When(_dialled() | _progress(), then=Value(Product.CALL_CONTROL)),
    )
    return calls.annotate(product=Case(*cases, default=Value("")))


def tell_products(calls: list[Any]) -> None:
    """Give each call of a page its ``product``, in three statements at most.

    As a part of the list's own statement PostgreSQL would rather read all events than look for those of each call.
    """
    ids = {call.connection_id for call in calls if call.connection_id}
    kinds = ((Product.TEXML, TexmlApplication), (Product.CALL_CONTROL, CallControlApplication))
    known: dict[tuple[Any, str], set[str]] = {}
    for product, model in kinds:
        for place in model.objects.filter(telnyx_id__in=ids).values_list("account_id", "telnyx_id"):
            known.setdefault(place, set()).add(product)
    unknown = []
    for call in calls:
        told = known.get((call.account_id, call.connection_id), set())
        call.product = told.copy().pop() if len(told) == 1 else Product.TEXML if call.is_texml else ""
        unknown += [] if call.product else [call]
    found = set(_with_progress([call.pk for call in unknown])) if unknown else set()
    for call in unknown:
        call.product = Product.CALL_CONTROL if call.pk in found else ""


def _with_progress(ids: list[Any]) -> QuerySet[Any, Any]:
    return Call.objects.filter(_dialled() | _progress(), pk__in=ids).order_by().values_list("pk", flat=True)


def _dialled() -> Exists:
    return Exists(CallCommand.objects.filter(call=OuterRef("pk"), action=actions.DIAL))


def _progress() -> Exists:
    return Exists(CallEvent.objects.filter(call=OuterRef("pk"), event_type__startswith="call."))


def product_of(call: Call) -> str:
    """Return the ``Product`` of a leg, or nothing where it is unknown. The row keeps it: a page asks several times."""
    if getattr(call, "product", None) is None:
        tell_products([call])
    return str(call.product)  # type: ignore[attr-defined]


def refuse_on_texml(call: Call, action: str) -> None:
    """Raise ``InvalidParameters`` for an action of Call Control on a TeXML leg.

    Telnyx's support advises against them: the leg's document goes on beside the action, and ends the call with its end.
    """
    if product_of(call) != Product.TEXML:
        return
    operation, verb, path = _INSTEAD.get(action, _REDIRECT)
    words = (
        f"This is a TeXML call: its document would go on beside “{actions.label(action)}” of Call Control, and Telnyx "
        f"advises against it. Use “{actions.label(operation)}”: {verb} {_CALL}{path}"
    )
    raise InvalidParameters({"call_control_id": [words]})
