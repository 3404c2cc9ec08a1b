"""A queue from its making to its deletion: commands to the sandbox, its webhooks back to the running portal."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.support.conferences import heard, ordered
from tests.support.factories import run_owed
from tests.support.rows import CallCommand

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
