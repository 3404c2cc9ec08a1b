"""The pages of queues, and the form of a new conference."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.conferences import as_typed, sent, telnyx
from tests.support.factories import FROM, TO, make_call
from tests.support.http_servers import Listener
from tests.support.rows import Call, CallCommand
from tests.support.times import ago
from voice.catalogue import actions
from voice.conferences import queues

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


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("new/", "conferences.create"),
        ("queues/new/", "queues.create"),
        ("queues/{account}/support/do/update/", "queues.update"),
        ("queues/{account}/support/do/delete/", "queues.delete"),
        ("queues/{account}/support/calls/v3_3Aa-leg/keep/", "queues.calls.update"),
        ("queues/{account}/support/calls/v3_3Aa-leg/remove/", "queues.calls.remove"),
    ],
)
def test_a_double_click_is_one_command_and_the_page_opened_anew_makes_another(
    browser: Client, path: str, action: str
) -> None:
    account = make_account("wired")
    url = "/admin/voice/conference/" + path.format(account=account.pk)
    filled = as_typed(samples.required(actions.method(action))) | {"account": str(account.pk)}
    first, second = (str(browser.get(url).context["form"]["intent"].value()) for _ in range(2))
    for intent in (first, first, second):
        made = browser.post(url, filled | {"intent": intent})
        assert made.status_code == 302, made.context["form"].errors
    assert [one.action for one in CallCommand.objects.all()] == [action, action]


@pytest.mark.parametrize("path", ["do/remove/", "do/create/", "calls/v3_3Aa-leg/delete/", "calls/v3_3Aa-leg/update/"])
def test_what_is_not_done_to_a_queue_or_to_who_waits_is_404(browser: Client, path: str) -> None:
    url = f"/admin/voice/conference/queues/{make_account('wired').pk}/support/{path}"
    assert (browser.get(url).status_code, browser.post(url, {}).status_code) == (404, 404)


def test_while_telnyx_does_not_tell_who_waits_nobody_is_taken(browser: Client) -> None:
    url = f"/admin/voice/conference/queues/{make_account('wired').pk}/support/"  # nobody answers there
    answer = browser.get(f"{url}take/", follow=True)
    assert answer.redirect_chain == [(url, 302)]
    assert "cannot be reached" in "".join(str(message) for message in answer.context["messages"])
    assert "cannot be reached" in answer.context["error"]


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


def waits(leg: str, position: int | None, **told: Any) -> dict[str, Any]:
    return WAITS | {"call_control_id": f"v3:{leg}-leg", "queue_position": position, "from": FROM} | told


def test_a_caller_is_connected_with_a_call_of_the_account_that_is_talked_on(browser: Client) -> None:
    callers = [waits("second", 2), waits("first", 1), waits("gone", 0, is_alive=False), waits("last", None)]
    with telnyx(support=QUEUE, calls=callers) as server:
        wired = make_account("wired", f"{server.url}/v2")
        states = {"desk": "answered", "parked": "parked", "first": "answered", "rings": "ringing", "over": "ended"}
        legs = {leg: make_call(wired, leg, state=state, started_at=ago(9)) for leg, state in states.items()}
        make_call(make_account("branch"), "theirs")
        Call.objects.filter(pk=legs["parked"].pk).update(started_at=ago(60))
        url = f"/admin/voice/conference/queues/{wired.pk}/support/take/"
        page = browser.get(url)
        choice = re.search(r'<select name="call".*?</select>', page.content.decode(), re.DOTALL)
        assert choice
        offered = re.findall(r'<option value="([^"]*)"', choice[0])
        assert offered == ["", str(legs["desk"].pk), str(legs["parked"].pk)]
        for caller, title in (("", "Take the next caller"), ("v3:second-leg", "Take a caller")):
            address = f"{url}?call={caller}" if caller else url
            page = browser.get(address)
            assert page.context["title"] == title
            told = {"intent": str(page.context["form"]["intent"].value()), "call": str(legs["desk"].pk)}
            assert browser.post(address, told).status_code == 302
        told = {"intent": str(browser.get(url).context["form"]["intent"].value()), "call": str(legs["desk"].pk)}
        for nobody in ("v3:gone-leg", "v3:stranger-leg"):
            refused = browser.post(f"{url}?call={nobody}", told).context["form"]
            assert refused.non_field_errors() == ["Nobody waits in the queue support any more."]
        assert browser.post(url, told | {"call": str(legs["first"].pk)}).context["form"].errors.keys() == {"call"}
    bridged = CallCommand.objects.order_by("created_at")
    assert [(one.action, one.call, one.parameters) for one in bridged] == [
        ("bridge", legs["desk"], {"call_control_id": f"v3:{caller}-leg", "prevent_double_bridge": True})
        for caller in ("first", "second")
    ]


def test_a_queues_page_says_what_was_asked_of_it_last_to_who_may_see_commands(signed_in: Callable[..., Client]) -> None:
    with telnyx(support=QUEUE, calls=[]) as server:
        wired, branch = make_account("wired", f"{server.url}/v2"), make_account("branch")
        for size in range(1, 22):
            made = queues.act(wired, "support", queues.UPDATE, {"max_size": size}, PORTAL)
            CallCommand.objects.filter(pk=made.pk).update(created_at=ago(60 - size))
        queues.act(wired, "sales", queues.UPDATE, {"max_size": 99}, PORTAL)
        queues.act(branch, "support", queues.UPDATE, {"max_size": 99}, PORTAL)
        url = f"/admin/voice/conference/queues/{wired.pk}/support/"
        looks = signed_in("voice.view_queue", "voice.view_callcommand").get(url)
        blind = signed_in("voice.view_queue", username="blind").get(url)
    told = [(row.parameters["max_size"], label) for row, label in looks.context["commands"]]
    assert told == [(size, "Change queue") for size in range(21, 1, -1)]
    assert "What was asked of it" in looks.content.decode()
    assert "What was asked of it" not in blind.content.decode()


def test_those_whose_place_is_not_told_wait_behind_the_others(signed_in: Callable[..., Client]) -> None:
    told = [waits("odd", None, enqueued_at="2"), waits("old", None, enqueued_at="1"), waits("first", 7)]
    with telnyx(support=QUEUE, calls=told) as server:
        wired = make_account("wired", f"{server.url}/v2")
        page = signed_in("voice.view_queue").get(f"/admin/voice/conference/queues/{wired.pk}/support/")
    assert [row["call_control_id"] for row, _, _ in page.context["waiting"]] == [
        *("v3:first-leg", "v3:old-leg", "v3:odd-leg"),
    ]


def test_who_may_not_see_calls_is_offered_none_and_types_the_id_of_the_one_to_connect(
    signed_in: Callable[..., Client],
) -> None:
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        desk, url = make_call(wired, "desk"), f"/admin/voice/conference/queues/{wired.pk}/support/take/"
        make_call(wired, "first")
        make_call(wired, "over", state="ended")
        make_call(make_account("branch"), "theirs")
        sees = signed_in("voice.view_queue", "voice.control_call", "voice.view_call", username="sees")
        client = signed_in("voice.view_queue", "voice.control_call")
        page, offered = client.get(url), sees.get(url).content.decode()
        assert (str(desk.pk) in offered, "•••0101" in offered) == (True, True)
        assert (str(desk.pk) in page.content.decode(), "•••0101" in page.content.decode()) == (False, False)
        told = {"intent": str(page.context["form"]["intent"].value())}
        for nobody in ("v3:theirs-leg", "v3:first-leg", "v3:over-leg", str(desk.pk), "\0"):  # PostgreSQL fails on a NUL
            assert client.post(url, told | {"call": nobody}).context["form"].errors.keys() == {"call"}
        assert client.post(url, told | {"call": "v3:desk-leg"}).status_code == 302
    command = CallCommand.objects.get()
    assert (command.action, command.call) == ("bridge", desk)
    assert command.parameters["call_control_id"] == "v3:first-leg"


def test_of_too_many_calls_the_newest_are_offered_and_the_id_of_any_is_taken(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.conferences.queue_admin._MOST_OFFERED", 1)
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        old = make_call(wired, "old", started_at=ago(60))
        url = f"/admin/voice/conference/queues/{wired.pk}/support/take/"
        assert f'<option value="{old.pk}"' in browser.get(url).content.decode()
        make_call(wired, "new", started_at=ago(9))
        page = browser.get(url)
        offered = re.findall(r'<option value="([^"]*)"', page.content.decode())
        assert ("v3:new-leg" in offered, "v3:old-leg" in offered) == (True, False)
        told = {"intent": str(page.context["form"]["intent"].value()), "call": "v3:old-leg"}
        assert browser.post(url, told).status_code == 302
    assert CallCommand.objects.get().call == old


def test_whom_telnyx_names_by_no_id_nobody_can_be_connected_with(browser: Client) -> None:
    callers = [WAITS | {"queue_position": 1, "from": FROM}, waits("second", 2)]
    with telnyx(support=QUEUE | {"created_at": "2026-01-02T03:04:05Z"}, calls=callers) as server:
        wired = make_account("wired", f"{server.url}/v2")
        desk, url = make_call(wired, "desk"), f"/admin/voice/conference/queues/{wired.pk}/support/"
        page = browser.get(url).content.decode()
        assert (page.count("Keep after hang-up"), "2026-01-02 03:04:05 UTC" in page) == (1, True)
        intent = str(browser.get(f"{url}take/").context["form"]["intent"].value())
        assert browser.post(f"{url}take/", {"intent": intent, "call": str(desk.pk)}).status_code == 302
    assert CallCommand.objects.get().parameters["call_control_id"] == "v3:second-leg"


def test_who_may_only_look_takes_nobody(signed_in: Callable[..., Client]) -> None:
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        url = f"/admin/voice/conference/queues/{wired.pk}/support/take/"
        told = {"intent": str(uuid.uuid4()), "call": str(make_call(wired, "desk").pk)}
        looker = signed_in("voice.view_queue", "voice.view_call", "voice.dial")
        assert (looker.get(url).status_code, looker.post(url, told).status_code) == (403, 403)
        assert not CallCommand.objects.exists()
        presser = signed_in("voice.view_queue", "voice.view_call", "voice.control_call", username="presser")
        assert (presser.get(url).status_code, presser.post(url, told).status_code) == (200, 302)
    assert CallCommand.objects.get().action == "bridge"


def test_a_caller_is_taken_once_however_often_that_is_pressed(browser: Client) -> None:
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        url, desk = f"/admin/voice/conference/queues/{wired.pk}/support/take/", make_call(wired, "desk")
        first, second = (str(browser.get(url).context["form"]["intent"].value()) for _ in range(2))
        for intent in (first, first, second):
            assert browser.post(url, {"intent": intent, "call": str(desk.pk)}).status_code == 302
    assert CallCommand.objects.count() == 2


def test_who_waits_is_no_call_of_another_account(signed_in: Callable[..., Client]) -> None:
    with telnyx(support=QUEUE, calls=[waits("a", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        make_call(make_account("branch"))
        page = signed_in("voice.view_queue", "voice.view_call").get(
            f"/admin/voice/conference/queues/{wired.pk}/support/"
        )
    assert [(row["call_control_id"], known) for row, _, known in page.context["waiting"]] == [("v3:a-leg", None)]


def test_a_queue_whose_name_may_not_be_seen_whole_is_no_link(signed_in: Callable[..., Client]) -> None:
    with telnyx(queues=[QUEUE | {"name": "callers of +13125550143"}, QUEUE]) as server:
        make_account("wired", f"{server.url}/v2")
        url = "/admin/voice/conference/queues/"
        masked = signed_in("voice.view_queue").get(url)
        whole = signed_in("voice.view_queue", "voice.view_full_number", username="whole").get(url)
    keys = [[key for _, key in told["rows"]] for answer in (masked, whole) for told in answer.context["accounts"]]
    assert keys == [["", "support"], ["callers of _2B13125550143", "support"]]
    assert "5550143" not in masked.content.decode()


def test_a_call_of_texml_is_connected_with_nobody_and_the_page_says_why(browser: Client) -> None:
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        desk = make_call(wired, "desk", is_texml=True)
        url = f"/admin/voice/conference/queues/{wired.pk}/support/"
        told = {"intent": str(uuid.uuid4()), "call": str(desk.pk)}
        (words,) = browser.post(f"{url}take/", told).context["form"].non_field_errors()
        assert browser.get(url).context["complete"] is True
    assert "This is a TeXML call" in words
    assert not CallCommand.objects.exists()


def test_the_page_of_taking_a_caller_names_the_queue_and_its_account(browser: Client) -> None:
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        page = browser.get(f"/admin/voice/conference/queues/{wired.pk}/support/take/")
    (told,) = re.findall(r'<div class="portal-target"><a href="([^"]+)">([^<]+)</a>', page.content.decode())
    assert told == (f"/admin/voice/conference/queues/{wired.pk}/support/", "support")
    assert page.context["account"] == wired


def test_a_queue_is_made_from_the_list_by_who_may(browser: Client, signed_in: Callable[..., Client]) -> None:
    url = "/admin/voice/conference/queues/"
    may = signed_in("voice.view_queue", "voice.control_call")
    assert f"{url}new/" in may.get(url).content.decode()
    assert f"{url}new/" not in signed_in("voice.view_queue", username="looker").get(url).content.decode()


def test_up_to_200_calls_are_chosen_from(browser: Client) -> None:
    with telnyx(support=QUEUE, calls=[waits("first", 1)]) as server:
        wired = make_account("wired", f"{server.url}/v2")
        url = f"/admin/voice/conference/queues/{wired.pk}/support/take/"
        for at in range(200):
            make_call(wired, f"n{at}", started_at=ago(at))
        assert len(browser.get(url).context["form"].calls) == 200
        make_call(wired, "oldest", started_at=ago(300))
        form = browser.get(url).context["form"]
    assert (form.calls, len(form.legs), "v3:oldest-leg" in dict(form.legs)) == ({}, 200, False)


@pytest.mark.parametrize("kind", ["conference/new/", "conference/queues/new/"])
def test_of_several_accounts_none_is_chosen_for_anybody(browser: Client, kind: str) -> None:
    url = f"/admin/voice/{kind}"
    first = make_account("branch")
    assert ("", "Choose an account") not in browser.get(url).context["form"]["account"].field.choices
    make_account("main")
    for asked in ("", "?account=", "?account=999999"):
        assert browser.get(url + asked).context["form"]["account"].field.choices[0] == ("", "Choose an account")
    named = browser.get(f"{url}?account={first.pk}").context["form"]["account"]
    assert (str(named.value()), ("", "Choose an account") in named.field.choices) == (str(first.pk), False)
    typed = {"intent": str(uuid.uuid4()), "account": "", "name": "support", "queue_name": "support"}
    refused = browser.post(url, typed)
    assert "account" in refused.context["form"].errors
    assert not CallCommand.objects.exists()
