"""The pages of queues, and the form of a new conference."""

from collections.abc import Callable

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.conferences import as_typed, sent, telnyx
from tests.support.factories import FROM, TO, make_call
from tests.support.http_servers import Listener
from tests.support.rows import CallCommand
from voice.catalogue import actions

pytestmark = [pytest.mark.django_db, pytest.mark.alone("its pages list every account")]
QUEUE = {"name": "support", "current_size": 2, "max_size": 5, "average_wait_time_secs": 9}
WAITS = {"to": TO, "wait_time_secs": 70}


@pytest.mark.parametrize(
    ("path", "action", "left_out"),
    [
        ("conference/new/", "conferences.create", ()),
        ("conference/queues/new/", "queues.create", ()),
        ("conference/queues/{account}/support/do/update/", "queues.update", ()),
        ("conference/queues/{account}/support/do/delete/", "queues.delete", ()),
        ("conference/queues/{account}/support/calls/v3_3Aa-leg/keep/", "queues.calls.update", ("queue_name",)),
        ("conference/queues/{account}/support/calls/v3_3Aa-leg/remove/", "queues.calls.remove", ()),
    ],
)
def test_the_browser_sends_what_was_filled_in(
    browser: Client,
    signed_in: Callable[..., Client],
    wire: Listener,
    silent: Listener,
    path: str,
    action: str,
    left_out: tuple[str, ...],
) -> None:
    listener = silent if actions.answers_nothing(action) else wire
    account = make_account("wired", f"{listener.url}/v2")
    url = "/admin/voice/" + path.format(account=account.pk)
    looker = signed_in("voice.view_queue", "voice.view_conference", username="looker")
    assert (looker.get(url).status_code, looker.post(url, {}).status_code) == (403, 403)
    form = browser.get(url).context["form"]
    given = {name: value for name, value in samples.everything(action).items() if name not in left_out}
    filled = as_typed(given) | {"intent": str(form["intent"].value()), "account": str(account.pk)}
    made = browser.post(url, filled)
    assert made.status_code == 302, made.context["form"].errors
    _, where_to, body = sent(listener)
    assert body == given
    assert CallCommand.objects.get().action == action
    if "support" in path:
        assert "/v2/queues/support" in where_to
    if "a-leg" in path:
        assert where_to.endswith("/calls/v3:a-leg")


@pytest.mark.alone("it lists what there is, of every account")
def test_the_list_has_the_queues_of_every_account_and_says_who_did_not_answer(
    account: TelnyxAccount, signed_in: Callable[..., Client]
) -> None:
    with telnyx(queues=[QUEUE]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        page = signed_in("voice.view_queue").get("/admin/voice/conference/queues/")
    silent, answering = page.context["accounts"]
    assert (silent["account"], "cannot be reached" in silent["error"]) == (account, True)
    assert (answering["account"], answering["complete"]) == (wired, True)
    assert f"/admin/voice/conference/queues/{wired.pk}/support/" in page.content.decode()
    assert "Create queue" not in page.content.decode()


def test_a_queues_page_shows_who_waits_in_order_with_the_calls_we_know(signed_in: Callable[..., Client]) -> None:
    waiting = [
        WAITS | {"call_control_id": "v3:stranger", "queue_position": 2, "from": "+13125550177"},
        WAITS | {"call_control_id": "v3:a-leg", "queue_position": 1, "from": FROM, "is_alive": False},
    ]
    with telnyx(support=QUEUE, calls=waiting) as server:
        wired = make_account("wired", f"{server.url}/v2")
        call = make_call(wired)
        url = f"/admin/voice/conference/queues/{wired.pk}/support/"
        looks = signed_in("voice.view_queue", "voice.view_call").get(url)
        controls = signed_in("voice.view_queue", "voice.control_call", username="controls").get(url)
    assert [(row["queue_position"], known) for row, _, known in looks.context["waiting"]] == [(1, call), (2, None)]
    assert f"/admin/voice/call/{call.pk}/change/" in looks.content.decode()
    assert "has hung up" in looks.content.decode()
    assert FROM not in looks.content.decode()
    assert "take/" not in looks.content.decode()
    shown = controls.content.decode()
    assert "take/?call=v3%3Astranger" in shown
    assert "take/?call=v3%3Aa-leg" not in shown  # who has hung up cannot be talked to
    assert f"/admin/voice/call/{call.pk}/change/" not in shown


def test_a_queue_that_telnyx_has_not_is_told_as_such(browser: Client) -> None:
    with telnyx() as server:
        wired = make_account("wired", f"{server.url}/v2")
        page = browser.get(f"/admin/voice/conference/queues/{wired.pk}/support/").content.decode()
        assert browser.get(f"/admin/voice/conference/queues/{wired.pk}/support/do/empty/").status_code == 404
    assert "no queue of this name" in page
    assert "Who waits" not in page
