"""A deletion says beforehand what hangs on the application."""

from typing import Any

from django.test import Client

from applications.related.panels import dependents
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import row_url
from tests.support.factories import make_call, make_flow
from tests.support.telnyx_numbers import assigned


def test_a_deletion_says_how_many_numbers_hang_on_it(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    assert dependents(row) == []
    assigned(row.account, row)
    assert dependents(row)[0].startswith("1 phone number is assigned to it")
    sandbox.faults.add({"fault": "cut", "path": "/phone_numbers"})
    assert "could not be asked" in dependents(row)[0]


def test_the_page_says_which_flow_and_live_calls_hang_on_it(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    make_flow(row.account, connection_id=row.telnyx_id, name="greeting")
    make_call(row.account, connection_id=row.telnyx_id)
    make_call(row.account, leg="b", connection_id=row.telnyx_id, state="ended")
    told = browser.get(row_url("delete", row)).context["dependents"]
    assert any("“greeting”" in sentence for sentence in told)
    assert any(sentence.startswith("1 call is live") for sentence in told)
