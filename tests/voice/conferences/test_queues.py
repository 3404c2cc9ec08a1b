"""A queue from its making to its deletion at the sandbox, and what Telnyx tells of one shows of a lost command."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain
from tests.support.conferences import heard, ordered
from tests.support.factories import make_call, run_owed
from tests.support.reconciliation import look
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from voice.conferences import queues

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.alone("an account need not be named while there is only one")
def test_a_queue_from_its_making_to_its_deletion(ring: Any, api: APIClient, browser: Client) -> None:
    caller, desk = ring(), ring()
    ordered(api.post("/api/v1/queues/", {"queue_name": "support", "max_size": 5}, format="json"))
    ordered(api.patch("/api/v1/queues/support/", {"max_size": 7}, format="json"))
    assert api.get("/api/v1/queues/support/").json()["max_size"] == 7
    acting = f"/api/v1/calls/{caller.call_control_id}/actions/enqueue/"
    ordered(api.post(acting, {"queue_name": "support"}, format="json"))
    heard("call.enqueued")
    (waiting,) = api.get("/api/v1/queues/support/calls/").json()["results"]
    assert waiting["call_control_id"] == caller.call_control_id
    account = caller.account_id
    assert "support" in browser.get("/admin/voice/conference/queues/").content.decode()
    page = browser.get(f"/admin/voice/conference/queues/{account}/support/").content.decode()
    assert f"/admin/voice/call/{caller.pk}/change/" in page
    ordered(
        api.patch(
            f"/api/v1/queues/support/calls/{caller.call_control_id}/", {"keep_after_hangup": False}, format="json"
        )
    )
    url = f"/admin/voice/conference/queues/{account}/support/take/"
    form = browser.get(url).context["form"]
    assert set(form.calls) == {str(desk.pk)}  # and not who waits
    made = browser.post(url, {"intent": str(form["intent"].value()), "call": str(desk.pk)})
    assert made.status_code == 302, made.context["form"].errors
    run_owed()
    heard("call.bridged", desk.call_control_id)
    bridge = CallCommand.objects.get(action="bridge")
    assert (bridge.status, bridge.call) == ("ok", desk), bridge.error
    assert bridge.parameters["call_control_id"] == caller.call_control_id
    heard("call.dequeued")
    third = ring()
    intent = str(browser.get(url).context["form"]["intent"].value())
    refused = browser.post(url, {"intent": intent, "call": str(third.pk)})
    assert refused.context["form"].non_field_errors() == ["Nobody waits in the queue support any more."]
    assert CallCommand.objects.filter(action="bridge").count() == 1
    ordered(api.delete("/api/v1/queues/support/"))
    assert api.get("/api/v1/queues/support/").status_code == 404
    assert "no queue of this name" in browser.get(f"/admin/voice/conference/queues/{account}/support/").content.decode()


NO_RECORD: dict[str, Any] = {"data": [], "meta": {"total_pages": 1, "total_results": 0}}


@pytest.mark.parametrize(
    ("before", "status"), [(-1, "ok"), (4, "ok"), (5, "uncertain"), (6, "uncertain"), (None, "uncertain")]
)
def test_a_queue_is_the_one_that_was_to_be_made_if_it_was_made_since(
    account: TelnyxAccount, before: float | None, status: str
) -> None:
    """Telnyx's clock may be a few seconds behind ours."""
    lost = made_uncertain(queues.create(account, {"queue_name": "support"}, PORTAL))
    assert lost.first_sent_at
    said: Any = "404 Not Found"
    if before is not None:
        said = {"data": {"name": "support", "created_at": (lost.first_sent_at - timedelta(seconds=before)).isoformat()}}
    with telnyx_says(account, queues=said):
        assert look(lost).status == status


@pytest.mark.parametrize(
    ("action", "parameters", "is_there", "status"),
    [
        (queues.REMOVE_CALL, {}, False, "ok"),
        (queues.REMOVE_CALL, {}, True, "uncertain"),
        (queues.UPDATE_CALL, {"keep_after_hangup": True}, False, "uncertain"),  # which cannot be read
        (queues.UPDATE_CALL, {"keep_after_hangup": True}, True, "uncertain"),
    ],
)
def test_who_waits_in_the_queue_no_more_was_removed(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], is_there: bool, status: str
) -> None:
    call = make_call(account)
    lost = made_uncertain(queues.act_on_call(account, "support", call.call_control_id, action, parameters, PORTAL))
    waits = {"data": {"call_control_id": call.call_control_id, "queue_position": 1}}
    said = {"queues/support/calls/": waits if is_there else "404 Not Found", "queues": {"data": {"name": "support"}}}
    with telnyx_says(account, call_events=NO_RECORD, **said):
        assert look(lost).status == status
