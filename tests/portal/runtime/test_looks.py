"""The audit trail tells who was refused, who looked at whole numbers and raw events, and from where."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portal.masking import display_number
from portal.models import AuditEvent, TelnyxAccount
from tests.support.factories import make_call, make_event, run_owed
from tests.support.rest import CALLS, EVENTS, api_for
from tests.support.webhooks import post_webhook
from voice.models import CallEvent

LOG = "/admin/voice/call/"


def notes(action: str) -> list[tuple[str, str, str]]:
    rows = AuditEvent.objects.filter(action=action).order_by("id")
    return list(rows.values_list("actor", "object_label", "address"))


def test_a_denial_is_noted_with_its_address(client: Client, user_with: Any) -> None:
    client.force_login(user_with())
    assert client.get(LOG, REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get(LOG, REMOTE_ADDR="no address").status_code == 403
    assert notes("denied") == [("user: person", f"GET {LOG}", "192.0.2.7"), ("user: person", f"GET {LOG}", "")]
    assert api_for(User.objects.get(username="person")).get(CALLS).status_code == 403
    assert notes("denied")[2] == ("token: tests", f"GET {CALLS}", "127.0.0.1")


def test_a_token_that_is_none_is_noted_and_a_flood_of_them_is_not(client: Client, db: None) -> None:
    for _ in range(70):
        assert client.get(CALLS, headers={"Authorization": "Bearer tvp_nonsense"}).status_code == 401
    assert notes("token.refused") == [("nobody signed in", f"GET {CALLS}", "127.0.0.1")] * 60
    other = client.get(CALLS, headers={"Authorization": "Bearer tvp_nonsense"}, REMOTE_ADDR="192.0.2.7")
    assert (other.status_code, len(notes("token.refused"))) == (401, 61)


def test_a_network_of_ipv6_floods_the_trail_no_more_than_one_address(client: Client, db: None) -> None:
    def refused(address: str) -> int:
        client.get(CALLS, headers={"Authorization": "Bearer tvp_nonsense"}, REMOTE_ADDR=address)
        return len(notes("token.refused"))

    counts = [refused(f"2001:db8:1:2:{at:x}::7") for at in range(1, 70)]
    assert counts[-1] == 60
    assert refused("2001:db8:1:3::7") == 61


def test_behind_a_trusted_proxy_the_address_is_the_one_that_the_proxy_saw(
    client: Client, user_with: Any, settings: Any
) -> None:
    client.force_login(user_with())
    forwarded = {"X-Forwarded-For": "203.0.113.1, 192.0.2.7"}  # the first one is what the asker wrote
    client.get(LOG, headers=forwarded)
    settings.TRUST_PROXY = True
    client.get(LOG, headers=forwarded)
    assert [address for _, _, address in notes("denied")] == ["127.0.0.1", "192.0.2.7"]


def test_looking_at_whole_numbers_is_noted_once_in_a_while(
    client: Client, operator: User, user_with: Any, account: TelnyxAccount
) -> None:
    make_call(account)
    client.force_login(user_with("Support"))
    assert "•••0101" in client.get(LOG).content.decode()
    assert notes("number.view") == []
    client.force_login(operator)
    for _ in range(3):
        assert "555-0101" in client.get(LOG).content.decode()
    assert notes("number.view") == [("user: operator", f"GET {LOG}", "127.0.0.1")]
    assert api_for(operator).get(CALLS).json()["results"][0]["from"] == "+13125550101"
    assert notes("number.view")[1:] == [("token: tests", f"GET {CALLS}", "127.0.0.1")]
    assert client.get("/admin/auth/user/").status_code == 200
    assert len(notes("number.view")) == 2


def test_what_the_thread_showed_before_is_not_put_to_who_comes_next(client: Client, operator: User) -> None:
    assert display_number("+13125550101", operator) == "+13125550101"  # by a page that nobody asks about
    client.force_login(operator)
    assert client.get("/admin/auth/user/").status_code == 200
    assert notes("number.view") == []


@pytest.mark.parametrize("where", ["page", "fragment", "rest"])
def test_looking_at_a_raw_event_is_noted(browser: Client, api: Any, account: TelnyxAccount, where: str) -> None:
    assert post_webhook(browser, account, make_event()).status_code == 200
    run_owed()
    event = CallEvent.objects.get()
    asked = {
        "page": lambda: browser.get(f"/admin/voice/callevent/{event.pk}/change/"),
        "fragment": lambda: browser.get(f"{LOG}{event.call_id}/raw/{event.pk}/"),
        "rest": lambda: api.get(f"{EVENTS}{event.pk}/"),
    }[where]
    assert asked().status_code == 200
    assert [(label, address) for _, label, address in notes("event.view_raw")] == [(str(event.pk), "127.0.0.1")]


def test_what_was_asked_for_is_noted_without_its_numbers(client: Client, user_with: Any, account: Any) -> None:
    api = api_for(user_with())
    assert api.get("/api/v1/queues/callers-of-13125550101/").status_code == 403
    assert notes("denied")[0][1] == "GET /api/v1/queues/callers-of-•••0101/"
