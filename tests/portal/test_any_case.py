"""Texts are found in capitals or not, whatever letters they have: the same on both databases."""

import pytest
from django.contrib.auth.models import User
from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("look_up", "asked", "is_found"),
    [
        ("iexact", "überlauf nach süd_ost 50%", True),
        ("iexact", "ÜBERLAUF NACH SÜD_OST 50%", True),
        ("iexact", "überlauf nach süd-ost 50%", False),
        ("iexact", "überlauf", False),
        ("icontains", "NACH SÜD", True),
        ("icontains", "d_o", True),
        ("icontains", "h_s", False),
        ("istartswith", "über", True),
        ("istartswith", "nach", False),
        ("iendswith", "OST 50%", True),
        ("iendswith", "%", True),
        ("iendswith", "süd", False),
        ("contains", "Süd", True),
        ("startswith", "Ü", True),
        ("exact", "überlauf nach süd_ost 50%", False),
    ],
)
def test_a_text_is_found_by_its_letters(account: TelnyxAccount, look_up: str, asked: str, is_found: bool) -> None:
    row = make_account("Überlauf nach Süd_Ost 50%")
    assert TelnyxAccount.objects.filter(pk=row.pk, **{f"name__{look_up}": asked}).exists() is is_found


def test_a_letter_without_a_single_capital_is_itself(account: TelnyxAccount) -> None:
    row = make_account("große Straße ŉ")
    for asked, is_found in (("GROßE STRAßE", True), ("STRASSE", False), ("ŉ", True)):
        assert TelnyxAccount.objects.filter(pk=row.pk, name__icontains=asked).exists() is is_found, asked


def test_nothing_is_found_by_none_and_columns_are_compared_with_columns(account: TelnyxAccount) -> None:
    User.objects.create(username="ÄRGER", first_name="ärger", last_name="Mit Ärger zu Haus")
    found = User.objects.filter(username__iexact=F("first_name"), last_name__icontains=F("first_name"))
    assert found.count() == 1
    assert not User.objects.filter(Q(username__iexact=None) | Q(last_name__istartswith=F("username"))).exists()
    told = User.objects.annotate(all=Concat(F("username"), Value(" ü")))
    assert told.filter(all__iendswith="r Ü").count() == 1
    assert not AuditEvent.objects.filter(action__icontains="Ü").exists()
