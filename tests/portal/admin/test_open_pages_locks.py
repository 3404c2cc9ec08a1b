"""Somebody saves a page at the very moment in which somebody else changes its row."""

import threading

import pytest
from django.db import transaction

from portal.models import TelnyxAccount
from tests.support.connected_threads import others, wait_for
from tests.support.databases import TWO_WRITERS, somebody_waits_for_a_lock
from tests.support.open_pages import OpenPage
from tests.support.polling import eventually

pytestmark = [pytest.mark.django_db(transaction=True), TWO_WRITERS]


def test_a_page_waits_for_who_is_changing_its_row_and_undoes_nothing(browser, account):
    page = OpenPage(browser, f"/admin/portal/telnyxaccount/{account.pk}/change/")
    rotated = threading.Event()

    def rotate() -> None:
        with transaction.atomic():
            TelnyxAccount.objects.update(public_key="", previous_public_key=account.public_key)
            rotated.set()
            eventually(somebody_waits_for_a_lock, "waiting for the account")

    with others() as elsewhere:
        elsewhere(rotate)
        wait_for(rotated, "the change of somebody else")
        assert page.save(account_sid="61bf923e").status_code == 302
    row = TelnyxAccount.objects.get()
    assert (row.account_sid, row.public_key, row.previous_public_key) == ("61bf923e", "", account.public_key)
