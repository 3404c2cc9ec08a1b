"""A test's account has a neighbour, and a test looks at its own rows alone."""

import pytest

from portal.models import TelnyxAccount
from tests.support.factories import make_call
from tests.support.rows import BYSTANDER, NEIGHBOUR, Call, CallCommand, CallEvent, Flow
from voice import models

pytestmark = pytest.mark.django_db


def test_the_neighbour_has_the_same_ids_and_numbers(account: TelnyxAccount) -> None:
    call = make_call(account)
    theirs = models.Call.objects.exclude(pk=call.pk).get()
    assert (theirs.account.name, theirs.account.public_key == account.public_key) == (NEIGHBOUR, False)
    for name in ("call_control_id", "call_leg_id", "call_session_id", "connection_id", "from_number", "to_number"):
        assert getattr(theirs, name) == getattr(call, name)
    for model in (models.CallEvent, models.CallCommand, models.Flow, models.Conference, models.Limits):
        assert set(model._default_manager.values_list("account__name", flat=True)) == {NEIGHBOUR}


@pytest.mark.usefixtures("bystander")
def test_a_test_sees_what_is_its_own(account: TelnyxAccount) -> None:
    call = make_call(account)
    assert models.Call.objects.filter(account=account).count() == 2
    assert Call.objects.get() == call
    assert not [model for model in (CallCommand, CallEvent, Flow) if model.objects.exists()]
    Call.objects.update(state="lost")
    others = models.Call.objects.exclude(pk=call.pk)
    assert dict(others.values_list("call_control_id", "state")) == {
        call.call_control_id: "answered",
        BYSTANDER: "ended",
    }


@pytest.mark.alone("this is what it means")
def test_alone_there_is_no_neighbour(account: TelnyxAccount) -> None:
    assert TelnyxAccount.objects.get() == account
    assert not models.Call.objects.exists()
