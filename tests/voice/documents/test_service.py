"""Publishing and saving, of two people at once."""

import threading
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.documents import MENU, make_document, publish_anew, published
from tests.support.rest import problem
from tests.support.rows import TexmlDocument
from voice.documents import copies, service

pytestmark = pytest.mark.django_db


def test_a_draft_that_changed_while_it_was_judged_is_not_published(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = make_document(account)
    judge = service.findings

    def meanwhile(judged: TexmlDocument) -> Any:
        found = judge(judged)
        TexmlDocument.objects.filter(pk=document.pk).update(draft="<Response><say/></Response>")
        return found

    monkeypatch.setattr(service, "findings", meanwhile)
    with pytest.raises(service.Changed):
        service.publish(document, PORTAL, confirmed=True)
    document.refresh_from_db()
    assert document.published is None


def test_saving_a_draft_takes_nothing_back_that_a_fetch_wrote(account: TelnyxAccount) -> None:
    document = published(account)
    now = timezone.now()
    TexmlDocument.objects.filter(pk=document.pk).update(verified_at=now, unlogged=3)
    document.apology = "Sorry."
    service.save_document(document, PORTAL)
    document.refresh_from_db()
    assert (document.verified_at, document.unlogged, document.published) == (now, 3, 1)


@pytest.mark.django_db(transaction=True)
def test_two_who_publish_at_once_make_two_versions_or_one_is_told(account: TelnyxAccount) -> None:
    document, outcomes = make_document(account), list[Any]()
    gate = threading.Barrier(4)

    def publish() -> None:
        mine = TexmlDocument.objects.get(pk=document.pk)
        gate.wait()
        try:
            outcomes.append(service.publish(mine, PORTAL, confirmed=True).number)
        except service.Changed:
            outcomes.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(number for number in outcomes if number)
    assert len(outcomes) == 4
    assert numbers == list(range(1, len(numbers) + 1))
    copy = copies.read(document.token)
    document.refresh_from_db()
    assert copy is not None
    assert (document.published, copy.number) == (numbers[-1], numbers[-1])


def test_what_hides_a_number_is_not_saved(account: TelnyxAccount) -> None:
    document = make_document(account)
    for name, value in {"draft": "<Say>•••</Say>", "variables": {"a": "+1312•••0001"}, "apology": "•••"}.items():
        wrong = TexmlDocument.objects.get(pk=document.pk)
        setattr(wrong, name, value)
        with pytest.raises(ValidationError, match="hidden"):
            service.save_document(wrong, PORTAL)


def test_a_roll_back_brings_variables_and_apology_as_well(account: TelnyxAccount) -> None:
    document = published(account, "<Response><Say>{{ a }}</Say></Response>", variables={"a": "1"}, apology="One.")
    document.variables, document.apology = {"a": "2"}, "Two."
    publish_anew(document, MENU)
    version = service.roll_back(document, 1, PORTAL)
    assert (version.variables, version.apology, version.copy_of) == ({"a": "1"}, "One.", 1)
    assert version.digest == document.versions.get(number=1).digest
    copy = copies.read(document.token)
    assert copy is not None
    assert (copy.variables, copy.number) == ({"a": "1"}, 3)


@pytest.mark.parametrize("name", ["Menu", "Other"])
def test_a_name_that_somebody_takes_meanwhile_is_told_as_one_that_was_taken(
    account: TelnyxAccount, api: APIClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first, check = make_document(account, name="First"), service.check

    def meanwhile(checked: TexmlDocument) -> None:
        check(checked)
        monkeypatch.setattr(service, "check", check)
        make_document(account, name=name)

    for answer in (
        lambda: api.post("/api/v1/texml/documents/", {"name": name, "account": account.name}, format="json"),
        lambda: api.patch(f"/api/v1/texml/documents/{first.pk}/", {"name": name}, format="json"),
        lambda: api.post(f"/api/v1/texml/documents/{first.pk}/copy/", {"name": name}, format="json"),
    ):
        TexmlDocument.objects.filter(name=name).delete()
        monkeypatch.setattr(service, "check", meanwhile)
        assert "another document of this name" in str(problem(answer(), 400)["errors"])
        assert TexmlDocument.objects.filter(name=name).count() == 1
