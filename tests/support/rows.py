"""The models of ``voice`` as a test looks at them: its own rows, without those that ``tests.support.neighbours`` makes.

A test says ``CallCommand.objects.get()`` for the only command that it made. What it tests sees the neighbour's too.
"""

from typing import Any

from django.db.models import Model, Q, QuerySet

from portal.models import TelnyxAccount
from voice import models

NEIGHBOUR = "next-door"
BYSTANDER = "v3:bystander-leg"  # a call of the same account
_BY_WAY_OF = {"ConferenceParticipant": "conference__account", "Rule": "flow__account"}
_OF_THE_NEIGHBOUR = {
    *(
        "AccountBreaker",
        "Call",
        "CallCommand",
        "CallEvent",
        "Conference",
        "DialBatch",
        "Flow",
        "Limits",
        "LiveListing",
        "Recovery",
    ),
    *_BY_WAY_OF,
}


class OwnRows:
    """Stands for a model in a test: all of it is the model's, but ``objects`` leaves out the neighbour's."""

    def __init__(self, model: type[Model], to_account: str) -> None:
        self._model, self._is_theirs = model, Q(**{f"{to_account}__name": NEIGHBOUR})
        if model in {models.Call, models.CallEvent, models.CallCommand}:
            self._is_theirs |= Q(call_control_id=BYSTANDER)

    @property
    def objects(self) -> QuerySet[Any]:
        theirs = self._model._default_manager.filter(self._is_theirs)
        return self._model._default_manager.exclude(pk__in=theirs.values("pk"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, **columns: Any) -> Model:
        return self._model(**columns)

    def __or__(self, other: Any) -> Any:
        return self._model | other

    def __eq__(self, other: object) -> bool:
        return other is self._model or other is self

    def __hash__(self) -> int:
        return hash(self._model)


def own_account() -> TelnyxAccount:
    """The only one beside the neighbour."""
    return TelnyxAccount.objects.exclude(name=NEIGHBOUR).get()


def __getattr__(name: str) -> Any:
    model = getattr(models, name)
    return OwnRows(model, _BY_WAY_OF.get(name, "account")) if name in _OF_THE_NEIGHBOUR else model
